"""The commands as a person types them, against a running server and beside it."""

import json
from decimal import Decimal
from pathlib import Path

from headgate_server import Headgate, running, typed


def printed(platform: Headgate, *arguments: str, stdin: str = "", **environment: str) -> str:
    """What a command that succeeds prints."""
    done = typed(platform.directory, *arguments, stdin=stdin, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_talk_to_the_server_that_the_environment_names(headgate: Headgate) -> None:
    admin = {"HEADGATE_URL": headgate.url, "HEADGATE_API_KEY": headgate.admin_key}
    key = printed(headgate, "keys", "create", "--name", "app", "--user", "ana", **admin).strip()
    caller = admin | {"HEADGATE_API_KEY": key}
    said = printed(headgate, "complete", "three rivers", "--model", "sandbox", **caller)
    assert said == "You said: three rivers\n"
    usage = json.loads(
        printed(headgate, "usage", "--by", "user", "--json", **admin), parse_float=Decimal
    )
    (row,) = [row for row in usage["rows"] if row["user"] == "ana"]
    assert row["requests"] == 1


def test_commands_work_on_the_data_directory_beside_the_running_server(
    headgate: Headgate,
) -> None:
    """A key made beside the server is one that the server accepts, and the other way round."""
    data = ("--data", str(headgate.data))
    key = printed(headgate, "keys", "create", "--name", "beside", *data).strip()
    at_server = {"HEADGATE_URL": headgate.url, "HEADGATE_API_KEY": key}
    said = printed(headgate, "complete", "[[say hello]]", "--model", "sandbox", **at_server)
    assert said == "hello\n"
    key_id = key.rpartition("-")[0]
    found = json.loads(printed(headgate, "usage", "--by", "key", "--json", *data))
    assert key_id in {row["key"] for row in found["rows"]}


def test_a_chat_over_a_pipe_answers_each_line(headgate: Headgate, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(headgate.admin_key)
    server = ("--url", headgate.url, "--key-file", str(key_file))
    answers = printed(headgate, "chat", "sandbox", *server, stdin="one\ntwo\n")
    assert answers == "You said: one\nYou said: two\n"


def test_a_mistake_is_a_sentence_and_never_a_stack_trace(headgate: Headgate) -> None:
    wrong = {"HEADGATE_URL": headgate.url, "HEADGATE_API_KEY": "sk-proj-nobody"}
    for arguments, environment, code in (
        (("usage",), wrong, 1),
        (("complete", "x", "--model", "no-such-model", "--data", str(headgate.data)), {}, 1),
        (("usage", "--url", "http://127.0.0.1:9"), {"HEADGATE_API_KEY": "x"}, 1),
        (("usage",), {"HEADGATE_URL": headgate.url}, 2),
        (("serve", "--port", headgate.url.rpartition(":")[2]), {}, 1),
        (("migrate",), {"LOG_LEVEL": "loud"}, 1),
        (("migrate",), {"PLATFORM_ENVIRONMENT": "production"}, 1),
    ):
        done = typed(headgate.directory, *arguments, **environment)
        assert done.returncode == code, (arguments, done.stderr)
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr


def test_a_first_start_shows_a_key_and_a_request_and_a_second_one_does_not(
    tmp_path: Path,
) -> None:
    with running(tmp_path, workers=2) as platform:
        assert f"curl {platform.url}/v1/complete" in platform.command.output
        assert platform.admin_key in platform.command.output
        assert platform.stop() == 0
        platform.start()
        assert "curl" not in platform.command.output
        assert platform.stop() == 0
