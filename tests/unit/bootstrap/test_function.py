"""The platform as a Lambda function, against stand-ins of what AWS has around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes import FakeClock
from headgate.aws.runtime import RuntimeApi
from headgate.bootstrap.function import RENEW_SECONDS, Notifier, PlatformFunction, run, serve
from headgate.settings import Settings, SettingsError
from lambda_events import alarm_event, rest_event
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
