import pytest

from fake_installation import FakeInstallation, answering, invoke, refusal, reply

ANSWER: list[dict[str, object]] = [
    {"type": "delta", "content": "Elbe, "},
    {"type": "delta", "content": "Oder"},
    {"type": "done", "id": "x", "usage": {}},
]
FAILED: list[dict[str, object]] = [
    {"type": "delta", "content": "Elbe"},
    {"type": "error", "error": {"message": "The vendor broke off.", "code": "upstream_error"}},
]


def test_an_answer_is_streamed_with_all_options() -> None:
    installation = answering(ANSWER)
    result = invoke(
        installation, "complete", "rivers", "--model", "m", "--system", "brief", "--max-tokens", "9"
    )
    assert (result.exit_code, result.stdout) == (0, "Elbe, Oder\n")
    (asked,) = installation.connection.asked
    assert asked.path == "/v1/stream"
    assert asked.body == {
        "messages": [{"role": "user", "content": "rivers"}],
        "model": "m",
        "systemPrompt": "brief",
        "maxTokens": 9,
    }


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_text_may_come_from_standard_input(arguments: tuple[str, ...]) -> None:
    installation = answering(ANSWER)
    invoke(installation, "complete", *arguments, stdin="rivers\n")
    assert installation.connection.asked[0].body["messages"][0]["content"] == "rivers\n"


def test_no_text_is_wrong_use() -> None:
    assert invoke(FakeInstallation(), "complete", stdin="").exit_code == 2


def test_an_answer_may_be_printed_whole_or_for_programs() -> None:
    whole = reply({"content": "Elbe", "model": "m"})
    installation = answering(whole)
    assert invoke(installation, "complete", "rivers", "--no-stream").stdout == "Elbe\n"
    assert installation.connection.asked[0].path == "/v1/complete"
    assert '"model": "m"' in invoke(answering(whole), "complete", "rivers", "--json").stdout


def test_a_failure_in_the_middle_keeps_what_came_and_fails() -> None:
    result = invoke(answering(FAILED), "complete", "rivers")
    assert (result.exit_code, result.stdout) == (1, "Elbe\n")
    assert result.stderr == "Error: The vendor broke off.\n"


def test_an_answer_that_ends_without_saying_so_is_a_failure() -> None:
    result = invoke(answering(ANSWER[:1]), "complete", "rivers")
    assert result.exit_code == 1
    assert "broke off" in result.stderr


def test_a_refusal_before_the_first_piece_is_a_failure() -> None:
    result = invoke(answering(refusal(404, "model_not_found", "No such model.")), "complete", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No such model." in result.stderr


def test_a_chat_remembers_what_was_said_until_it_is_told_to_quit() -> None:
    installation = answering(ANSWER, ANSWER)
    result = invoke(
        installation, "chat", "m", "--system", "brief", stdin="one\n\ntwo\n/quit\nthree\n"
    )
    assert (result.exit_code, result.stdout) == (0, "Elbe, Oder\nElbe, Oder\n")
    _, second = installation.connection.asked
    assert second.body == {
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "Elbe, Oder"},
            {"role": "user", "content": "two"},
        ],
        "model": "m",
        "systemPrompt": "brief",
    }


def test_a_chat_ends_with_its_input_and_fails_with_its_answers() -> None:
    assert invoke(answering(ANSWER), "chat", stdin="one").exit_code == 0
    assert invoke(answering(FAILED), "chat", stdin="one\ntwo\n").exit_code == 1
