from headgate.http.activity import Activity


def test_a_call_counts_from_its_beginning_to_its_end_and_no_other_request_does() -> None:
    activity = Activity()
    activity.begin("req_1")
    activity.end("req_2")
    assert activity.calls == 1
    activity.end("req_1")
    activity.end("req_1")
    assert activity.calls == 0
