"""The platform's log as a collector of logs reads it: every line an object, none with a secret."""

import json
from pathlib import Path
from typing import Any

from agent_runs import ended, start
from headgate_server import Headgate, chat, eventually, running, simulating
from socket_lines import over_socket

PROMPT = "the-prompt-that-nobody-logs"
VENDOR_KEY = "sk-vendor-3f81b7c2d9"
ANSWER = "the-answer-that-nobody-logs"


async def test_every_line_parses_and_none_holds_a_prompt_an_answer_or_a_secret(
    tmp_path: Path,
) -> None:
    for part in ("simulator", "platform"):
        (tmp_path / part).mkdir()
    with simulating(tmp_path / "simulator") as vendors:
        environment = {
            **vendors.environment,
            "OPENAI_API_KEY": VENDOR_KEY,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "debug",
        }
        with running(tmp_path / "platform", environment=environment) as platform:
            key, request_id, call_id = await _use(platform)
            assert platform.stop() == 0
            printed = platform.outputs[-1]
    lines = _lines(printed)
    secrets = (PROMPT, ANSWER, VENDOR_KEY, key, platform.admin_key)
    text = json.dumps(lines)
    assert not [secret for secret in secrets if secret in text]
    assert not [secret for secret in secrets if secret.rpartition("-")[2] in text]
    (line,) = [one for one in lines if one.get("requestId") == request_id]
    assert (line["status"], line["route"], line["keyId"]) == (
        *(200, "/v1/complete"),
        key.rpartition("-")[0],
    )
    assert (line["model"], line["provider"], line["outcome"]) == ("gpt-4o", "openai", "ok")
    assert line["inputTokens"] > 0
    assert line["cost"] > 0
    assert line["latencyMs"] > 0
    (line,) = [one for one in lines if one.get("requestId") == call_id]
    assert (line["method"], line["route"], line["status"]) == ("WS", "/v1/stream", 200)
    assert (line["model"], line["outcome"], line["keyId"]) == (
        *("gpt-4o", "ok", key.rpartition("-")[0]),
    )
    assert line["cost"] > 0
    statuses = {one["status"] for one in lines if "status" in one}
    assert {200, 401, 404, 502} <= statuses


async def _use(platform: Headgate) -> tuple[str, str, str]:
    """Calls of every kind; gives a key, and the ids of requests by it over HTTP and a socket."""
    async with platform.caller() as admin:
        made = await admin.new_key()
        await admin.send("GET", "/nowhere/" + PROMPT)
        run = await start(admin, f"{PROMPT} [[say {ANSWER}]]", model="sandbox", tools=[])
        assert (await ended(admin, run["runId"]))["status"] == "succeeded"
    async with platform.caller(made["apiKey"]) as caller:
        say = f"{PROMPT} [[say {ANSWER}]]"
        answer = await caller.post("/v1/complete", chat(say, model="gpt-4o"))
        assert answer.status == 200
        for text in (f"{PROMPT} [[fail 500]]", f"{PROMPT} [[cut 1]] [[tokens 5]]"):
            for path in ("/v1/complete", "/v1/stream", "/v1/chat/completions"):
                await caller.post(path, chat(text, model="gpt-4o"))
    async with platform.caller("sk-proj-someone-elses-0123456789") as stranger:
        await stranger.post("/v1/complete", chat(PROMPT))
    done = await over_socket(platform, say, key=made["apiKey"], model="gpt-4o")
    await _is_counted(platform)
    return str(made["apiKey"]), answer.headers["x-request-id"], done["callId"]


async def test_with_the_switch_on_words_are_logged_and_secrets_are_not(tmp_path: Path) -> None:
    on = {"LOG_FORMAT": "json", "HEADGATE_LOG_CONTENT": "true", "OPENAI_API_KEY": VENDOR_KEY}
    pasted = f"my key is {VENDOR_KEY}, Authorization: Bearer abcdef0123456789"
    with running(tmp_path, environment=on) as platform:
        say = chat(f"[[say {ANSWER}]] {PROMPT} {pasted} {platform.admin_key}")
        async with platform.caller() as admin:
            made = await admin.new_key()
            answer = await admin.post("/v1/chat/completions", {**say, "stream": True})
        await over_socket(platform, say["messages"][0]["content"], model="sandbox")
        await _is_counted(platform)
        assert platform.stop() == 0
        printed = platform.outputs[-1]
    warned, lines = printed.partition("HEADGATE_LOG_CONTENT is on")[0], _lines(printed)
    assert '"level":"warning"' in warned.splitlines()[-1]
    found = [one for one in lines if one["logger"] == "headgate.contents"]
    assert [one["route"] for one in found] == ["/v1/chat/completions", "/v1/stream"]
    assert found[0]["requestId"] == answer.headers["x-request-id"]
    for line in found:
        assert PROMPT in line["asked"]
        assert "my key is [secret], Authorization: Bearer [secret] [secret]" in line["asked"]
        assert line["answered"] == ANSWER
    secrets = (VENDOR_KEY, "abcdef0123456789", platform.admin_key, made["apiKey"])
    assert not [secret for secret in secrets if secret.rpartition("-")[2] in json.dumps(lines)]


async def _is_counted(platform: Headgate) -> None:
    """Wait until `/metrics` tells of the call over a socket, which is a moment after its end."""
    told = b'headgate_http_requests_total{method="WS",route="/v1/stream",status="200"} 1.0'
    async with platform.caller() as caller:
        await eventually(lambda: caller.send("GET", "/metrics"), lambda answer: told in answer.body)


def _lines(printed: str) -> list[dict[str, Any]]:
    """All that was logged; the first start prints to people before it is ready."""
    _, _, logged = printed.partition("is ready on ")
    lines = [line for line in logged.splitlines()[1:] if line]
    assert lines
    return [json.loads(line) for line in lines]
