from fake_installation import answering, invoke, reply

BEGUN = {
    "userId": "ada",
    "status": "under_way",
    "begunAt": "2026-11-23T07:14:31.000Z",
    "keysRevoked": 2,
    "removed": 17,
    "waiting": 1,
}


def test_a_users_data_are_deleted_once_that_was_confirmed() -> None:
    installation = answering(reply(BEGUN))
    result = invoke(installation, "users", "delete-data", "ada b", "--yes")
    assert result.exit_code == 0
    assert "2 keys revoked, 17 rows" in result.stdout
    assert "1 runs or calls" in result.stdout
    (asked,) = installation.connection.asked
    assert (asked.method, asked.path) == ("DELETE", "/v1/users/ada%20b/data")


def test_without_a_yes_nothing_is_asked_for() -> None:
    installation = answering()
    assert invoke(installation, "users", "delete-data", "ada").exit_code == 1
    assert installation.connection.asked == []


def test_the_end_is_told_and_programs_get_the_answer() -> None:
    done = BEGUN | {"status": "done", "waiting": 0}
    assert (
        "Nothing is left"
        in invoke(answering(reply(done)), "users", "delete-data", "ada", "--yes").stdout
    )
    result = invoke(answering(reply(done)), "users", "delete-data", "ada", "--yes", "--json")
    assert '"done"' in result.stdout
