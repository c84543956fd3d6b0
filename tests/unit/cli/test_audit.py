from pathlib import Path

from fake_installation import answering, invoke, reply

ACT = {
    "id": "act_1",
    "at": "2026-11-23T07:14:31.000Z",
    "actor": {"keyId": "sk-proj-a", "name": "admin", "userId": None, "means": "key"},
    "action": "key.change",
    "target": "sk-proj-b\x1b[2J",
    "result": "refused",
    "code": "not_found",
}
INTACT = {"records": 2, "head": "ab" * 32, "intact": True, "firstWrong": None}


def test_acts_are_listed_with_the_filters_that_were_given() -> None:
    installation = answering(reply({"data": [ACT], "nextCursor": None}))
    result = invoke(installation, "audit", "list", "--action", "key", "--from", "2026-11-01")
    assert result.exit_code == 0
    assert "sk-proj-b[2J" in result.stdout
    assert "refused (not_found)" in result.stdout
    (asked,) = installation.connection.asked
    assert asked.path == "/v1/audit"
    assert dict(asked.query) == {"limit": "50", "action": "key", "from": "2026-11-01"}


def test_acts_are_printed_for_programs() -> None:
    result = invoke(answering(reply({"data": [ACT]})), "audit", "list", "--json")
    assert '"not_found"' in result.stdout


def test_the_log_is_written_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    result = invoke(answering(reply(ACT)), "audit", "export", "--output", str(path))
    assert result.exit_code == 0
    assert b"act_1" in path.read_bytes()
    assert "act_1" in invoke(answering(reply(ACT)), "audit", "export", "--format", "csv").stdout


def test_a_log_that_was_tampered_with_fails_the_command() -> None:
    result = invoke(answering(reply(INTACT)), "audit", "verify")
    assert (result.exit_code, "none changed" in result.stdout) == (0, True)
    wrong = INTACT | {"intact": False, "firstWrong": 2}
    result = invoke(answering(reply(wrong)), "audit", "verify")
    assert (result.exit_code, "Record 2" in result.stderr) == (1, True)
    assert invoke(answering(reply(wrong)), "audit", "verify", "--json").exit_code == 1


def test_a_head_is_sent_with_its_place_or_not_at_all() -> None:
    installation = answering(reply(INTACT))
    invoke(installation, "audit", "verify", "--records", "2", "--head", "ab" * 32)
    (asked,) = installation.connection.asked
    assert dict(asked.query) == {"records": "2", "head": "ab" * 32}
    assert invoke(answering(), "audit", "verify", "--records", "2").exit_code == 2
