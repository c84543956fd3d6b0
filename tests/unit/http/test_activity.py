from headgate.http.activity import Activity


def test_a_call_counts_from_its_beginning_to_its_end_and_no_other_request_does() -> None:
    activity = Activity()
    activity.begin("req_1", "acme")
    activity.end("req_2")
    assert activity.calls == 1
    activity.end("req_1")
    activity.end("req_1")
    assert activity.calls == 0


def test_a_socket_counts_while_it_is_open() -> None:
    activity = Activity()
    with activity.socket(), activity.socket():
        assert activity.sockets == 2
    assert activity.sockets == 0
    assert {one.name: one.value for one in activity.measurements()} == {
        "headgate_calls_under_way": 0,
        "headgate_sockets_open": 0,
    }


def test_the_calls_of_one_workspace_are_counted_apart() -> None:
    activity = Activity()
    for number, workspace in enumerate(("acme", "beta", "acme")):
        activity.begin(f"req_{number}", workspace)
    counts = [activity.calls_of(workspace) for workspace in ("acme", "none", None)]
    assert counts == [2, 0, 3]
