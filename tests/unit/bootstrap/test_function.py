"""The platform as a Lambda function, against stand-ins of what AWS has around it."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connections_api import ConnectionsStandIn
from fakes import FakeClock
from headgate.aws.answering import CLOSE_SECONDS
from headgate.aws.runtime import RuntimeApi
from headgate.bootstrap.function import RENEW_SECONDS, Notifier, PlatformFunction, run, serve
from headgate.settings import Settings, SettingsError
from lambda_events import alarm_event, rest_event, socket_event
from parameter_store import ParameterStoreStandIn
from runtime_api import Answered, RuntimeStandIn, runtime_api
from servers import serve as served

ADMIN = "sk-proj-first-0123456789abcdef0123456789abcdef"
SECRETS = {
    "/ai-platform/admin-key": ADMIN,
    "/ai-platform/jwt-secret-key": "a text of sufficient length",
    "/ai-platform/encryption-salt": "another of sufficient length",
}


@dataclass
class Account:
    """What is around a function: the Runtime API, the Parameter Store, and a clock."""

    lambda_api: RuntimeStandIn
    parameters: ParameterStoreStandIn
    environment: dict[str, str]
    clock: FakeClock

    @property
    def settings(self) -> Settings:
        """Without the secrets."""
        return Settings.load(self.environment)

    def load(self, secrets: Any) -> Settings:
        return Settings.load(self.environment, parameters=lambda _: secrets)

    @contextlib.asynccontextmanager
    async def function(self) -> AsyncIterator[PlatformFunction]:
        """The function at work."""
        runtime = RuntimeApi(self.lambda_api.address)
        function = PlatformFunction(self.settings, runtime, self.load, self.clock)
        await function.start()
        working = asyncio.create_task(serve(runtime, function.answer))
        yield function
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await function.aclose()

    async def ask(self, method: str, path: str, body: object = None, key: str = ADMIN) -> Answered:
        event = rest_event(method, path, body, headers={"Authorization": f"Bearer {key}"})
        return await self.lambda_api.answer_of(event)

    async def rows(self) -> list[dict[str, Any]]:
        """The ledger, newest first."""
        told = await self.ask("GET", "/v1/usage/events")
        rows: list[dict[str, Any]] = msgspec.json.decode(told.content)["data"]
        return rows


@pytest.fixture
async def account(tmp_path: Path) -> AsyncIterator[Account]:
    store = ParameterStoreStandIn(dict(SECRETS))
    async with runtime_api() as lambda_api, served(store) as url:
        yield Account(
            lambda_api,
            store,
            {
                "HEADGATE_DATA": str(tmp_path / "data"),
                "HEADGATE_LAMBDA": "gateway",
                "HEADGATE_PARAMETERS": "/ai-platform",
                "OLLAMA_BASE_URL": "http://127.0.0.1:9",
                "SSM_ENDPOINT": url,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "id",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
            },
            FakeClock(),
        )


def say(text: str, **more: object) -> dict[str, object]:
    return {"model": "sandbox", "messages": [{"role": "user", "content": text}], **more}


async def test_a_call_is_answered_and_paid_for(account: Account) -> None:
    async with account.function():
        answered = await account.ask("POST", "/v1/complete", say("[[say hello]]"))
        assert answered.head["statusCode"] == 200
        assert msgspec.json.decode(answered.content)["content"] == "hello"
        usage = await account.ask("GET", "/v1/usage")
        assert msgspec.json.decode(usage.content)["totals"]["requests"] == 1


async def test_a_stream_arrives_event_by_event(account: Account) -> None:
    async with account.function():
        answered = await account.ask("POST", "/v1/stream", say("[[tokens 3]]"))
        deltas = [piece for piece in answered.pieces if b'"delta"' in piece]
        assert len(deltas) >= 3
        assert b'"done"' in answered.pieces[-1] or b'"done"' in answered.content
        assert answered.head["headers"]["content-type"].startswith("text/event-stream")


async def test_between_two_events_no_budget_is_on_lease(account: Account) -> None:
    """Lambda may let the process stand still for hours then."""
    async with account.function() as function:
        made = await account.ask(
            "POST", "/v1/auth/keys", {"name": "a", "scopes": ["ai:complete"], "monthlyBudget": 1}
        )
        key = msgspec.json.decode(made.content)
        await account.ask("POST", "/v1/complete", say("[[tokens 5]]"), key["apiKey"])
        opened = function._opened
        assert opened is not None
        (budget,) = [
            one
            for one in await opened.services.gateway.ledger.budgets(
                [book.account for book in opened.services.gateway.ledger._books.values()]
            )
            if one.limit is not None
        ]
        assert budget.spent > 0
        assert budget.reserved == 0


async def test_a_warm_up_is_answered_at_once(account: Account) -> None:
    async with account.function():
        answered = await account.lambda_api.answer_of({"warmup": True})
        assert answered.body == b'{"statusCode": 200, "body": "warm"}'


def short_of_time() -> float:
    """When Lambda ends a process that is left a moment for its answer."""
    return time.time() + CLOSE_SECONDS + 0.6


STREAMS = [
    ("/v1/stream", say("[[tokens 500]] [[rate 10]]")),
    ("/v1/stream", say("[[tokens 500]] [[rate 10]]", resumable=True)),
    ("/v1/chat/completions", say("[[tokens 500]] [[rate 10]]", stream=True)),
    ("/v1/messages", say("[[tokens 500]] [[rate 10]]", stream=True, max_tokens=500)),
    ("/v1/responses", {"model": "sandbox", "input": "[[tokens 500]] [[rate 10]]", "stream": True}),
]


@pytest.mark.parametrize(("path", "body"), STREAMS)
async def test_a_stream_that_lambda_would_cut_ends_in_an_error_before(
    account: Account, path: str, body: dict[str, object]
) -> None:
    """With what it has produced settled, and nothing held."""
    async with account.function():
        headers = {"Authorization": f"Bearer {ADMIN}"}
        event = rest_event("POST", path, body, headers=headers)
        answered = account.lambda_api.invoke(event, ends_at=short_of_time())
        await answered.ended()
        await account.lambda_api.idle()
        assert b"longer than it may" in answered.content
        assert answered.trailers == {}
        (row,) = await account.rows()
        assert row["status"] == "incomplete"
        assert 0 < row["outputTokens"] < 500


async def test_a_whole_answer_that_takes_too_long_is_a_time_out(account: Account) -> None:
    async with account.function():
        headers = {"Authorization": f"Bearer {ADMIN}"}
        event = rest_event("POST", "/v1/complete", say("[[delay 60000]]"), headers=headers)
        answered = account.lambda_api.invoke(event, ends_at=short_of_time())
        await answered.ended()
        assert answered.head["statusCode"] == 504
        assert msgspec.json.decode(answered.content)["error"]["code"] == "upstream_timeout"


async def test_who_follows_a_run_is_told_to_come_again(account: Account) -> None:
    async with account.function():
        headers = {"Authorization": f"Bearer {ADMIN}"}
        body = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
        event = rest_event("POST", "/v1/agents/stream", body, headers=headers)
        answered = account.lambda_api.invoke(event, ends_at=short_of_time())
        await answered.ended()
        assert answered.head["statusCode"] == 200
        last = answered.content.strip().rpartition(b"\n\n")[2]
        assert last.startswith(b'data: {"type":"error"')
        assert b"behind its last event" in last
        assert answered.trailers == {}


async def test_a_stream_that_may_be_resumed_ends_with_its_connection(account: Account) -> None:
    """The process stands still then, so it could not go on, and its money would stay held."""
    async with account.function():
        body = say("[[tokens 500]] [[rate 10]]", resumable=True)
        headers = {"Authorization": f"Bearer {ADMIN}"}
        answered = account.lambda_api.invoke(
            rest_event("POST", "/v1/stream", body, headers=headers)
        )
        await answered.wait_for(b'"delta"')
        account.lambda_api.break_off()
        await account.lambda_api.idle()
        (row,) = await account.rows()
        assert row["status"] == "cancelled"


async def test_a_message_of_a_websocket_is_answered_by_the_platform(account: Account) -> None:
    callers = ConnectionsStandIn({"L0SM9cOFvHcCIhw="})
    async with served(callers) as url:
        account.environment["EXECUTE_API_ENDPOINT"] = url
        async with account.function():
            headers = {"Authorization": f"Bearer {ADMIN}"}
            await account.lambda_api.answer_of(socket_event("CONNECT", headers=headers))
            body = {"action": "complete", "requestId": "a", **say("[[say hello]]")}
            await account.lambda_api.answer_of(socket_event("MESSAGE", body=body))
            kinds = [told["type"] for told in callers.told["L0SM9cOFvHcCIhw="]]
            assert kinds == ["ready", "delta", "done"]


async def test_a_tool_answers_no_websocket(account: Account) -> None:
    """Whoever may call a tool's function chooses its event."""
    account.environment["HEADGATE_LAMBDA"] = "tool-calculator"
    async with account.function():
        answered = await account.lambda_api.answer_of(socket_event("CONNECT"))
        assert msgspec.json.decode(answered.body)["statusCode"] == 401


async def test_a_secret_that_changes_holds_after_a_few_minutes(account: Account) -> None:
    """Without a new deployment, and without a fault where the store is away then."""
    other = ADMIN.replace("first", "other")
    async with account.function():
        account.parameters.values["/ai-platform/admin-key"] = other
        assert (await account.ask("GET", "/v1/usage", key=other)).head["statusCode"] == 401
        account.clock.advance(RENEW_SECONDS + 1)
        account.parameters.refusal = "ThrottlingException"
        assert (await account.ask("GET", "/v1/usage")).head["statusCode"] == 200
        account.clock.advance(RENEW_SECONDS + 1)
        account.parameters.refusal = None
        assert (await account.ask("GET", "/v1/usage", key=other)).head["statusCode"] == 200


async def test_a_secret_that_is_refused_leaves_the_old_one(account: Account) -> None:
    async with account.function():
        account.environment["PLATFORM_ENVIRONMENT"] = "production"
        account.parameters.values["/ai-platform/jwt-secret-key"] = "change-me"
        account.clock.advance(RENEW_SECONDS + 1)
        assert (await account.ask("GET", "/v1/usage")).head["statusCode"] == 200


async def test_a_tool_is_a_function_of_its_own(account: Account) -> None:
    account.environment["HEADGATE_LAMBDA"] = "tool-calculator"
    async with account.function():
        call = {"apiKey": ADMIN, "arguments": {"expression": "6*7"}}
        answered = await account.lambda_api.answer_of(call)
        told = msgspec.json.decode(answered.body)
        assert told["statusCode"] == 200
        assert "42" in str(told["body"]["result"])
        stranger = await account.lambda_api.answer_of({**call, "apiKey": "sk-proj-no-one"})
        assert msgspec.json.decode(stranger.body)["statusCode"] == 401


async def test_what_cannot_start_says_why(account: Account) -> None:
    account.parameters.refusal = "AccessDeniedException"
    settings = Settings.load(
        account.environment | {"AWS_LAMBDA_RUNTIME_API": account.lambda_api.address}
    )
    assert await run(settings) == 1
    assert "AccessDeniedException" in account.lambda_api.start_error["errorMessage"]


async def test_outside_of_lambda_there_is_no_function() -> None:
    with pytest.raises(SettingsError, match="no Lambda function"):
        await run(Settings())


@contextlib.asynccontextmanager
async def slack(answers: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    told: list[bytes] = []

    async def app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["type"] == "http":
            told.append((await receive())["body"])
            await send({"type": "http.response.start", "status": answers, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})

    async with served(app) as url:
        yield url, told


@pytest.mark.parametrize("status", [200, 500])
async def test_slack_hears_of_an_alarm_or_lambda_tries_again(account: Account, status: int) -> None:
    async with slack(status) as (url, told):
        account.parameters.values["/ai-platform/slack-webhook-url"] = url
        runtime = RuntimeApi(account.lambda_api.address)
        answered = account.lambda_api.invoke(alarm_event())
        await Notifier(account.settings, runtime).answer(await runtime.next())
        await answered.ended()
    (message,) = told
    assert "Alarm: ai-platform-GatewayErrors" in msgspec.json.decode(message)["text"]
    assert "&lt;often&gt;" in msgspec.json.decode(message)["text"]
    assert (answered.error is None) == (status == 200)
    assert account.parameters.asked == [["/ai-platform/slack-webhook-url"]]


async def test_without_a_webhook_an_alarm_is_still_taken(account: Account) -> None:
    runtime = RuntimeApi(account.lambda_api.address)
    answered = account.lambda_api.invoke(alarm_event())
    await Notifier(account.settings, runtime).answer(await runtime.next())
    assert answered.body == b'{"told": false}'


def test_a_gateways_start_loads_nothing_heavy_that_it_may_never_need(tmp_path: Path) -> None:
    """A cold start is paid by a caller. The Runtime API is gone, so this one ends when it is up."""
    program = (
        "import runpy, sys\n"
        "there = {*sys.stdlib_module_names, *sys.modules}\n"
        "try:\n"
        "    runpy.run_module('headgate.bootstrap', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code\n"
        "packages = {name.partition('.')[0] for name in sys.modules} - there\n"
        "print(*(name for name in packages if not name.startswith(('_', 'cython'))))\n"
        "print(*(name for name in sys.modules if name.startswith('headgate.')))\n"
    )
    environment = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "HEADGATE_ADMIN_KEY": ADMIN,
        "HEADGATE_DATA": str(tmp_path),
        "HEADGATE_LAMBDA": "gateway",
        "HEADGATE_ROLE": "gateway",
        "OLLAMA_BASE_URL": "http://127.0.0.1:9",
    }
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    packages, modules = (set(line.split()) for line in ended.stdout.splitlines())
    assert packages <= {"headgate", "httptools", "msgspec", "python_multipart", "typing_extensions"}
    assert "headgate.http.app" in modules
    assert not {
        "headgate.cli.installation",
        "headgate.oidc.provider",
        "headgate.prompts.expressions",
        "headgate.providers.local.reply",
        "headgate.simulate.app",
        "headgate.stores.dynamodb.client",
    }.intersection(modules)
