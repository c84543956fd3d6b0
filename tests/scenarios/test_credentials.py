"""A vendor's credential is seen by that vendor alone, wherever in a request one looks.

Each vendor is a server of its own that writes down every byte it is sent before the simulator
answers in its place, or before it fails, or sends the platform elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import pytest
import pytest_asyncio

from headgate.simulate.app import create_app
from headgate.simulate.options import SimulatorOptions
from headgate_server import Caller, Headgate, chat, running, typed
from servers import App, serve

Conduct: TypeAlias = Literal["answers", "fails", "refuses", "repeats"] | int
"""What a vendor does with a call; a number is the status of a redirect."""

REDIRECTS = (301, 302, 303, 307, 308)
ROW = "rowed"


class Vendor(NamedTuple):
    """A vendor, its models, and the credentials that it alone may see.

    Attributes:
        key: the platform's.
        users: that of a user of the platform, where the vendor takes keys.
        header: where the credential stands; nowhere else in a request may it.
    """

    name: str
    model: str
    key: str
    header: str
    embeds: str | None = None
    users: str | None = None


VENDORS = (
    Vendor(
        "openai",
        "gpt-4o-mini",
        "sk-proj-Op3nAiPlatform0a1b2c3d4e5f",
        "authorization",
        "text-embedding-3-small",
        "sk-proj-Op3nAiUser9z8y7x6w5v4u3t",
    ),
    Vendor(
        ROW,
        "large",
        "the-rows-own-word-of-the-platform",
        "authorization",
        "vectors",
        "the-rows-own-word-of-the-user",
    ),
    Vendor(
        "azure",
        "gpt-4o",
        "4zurePlatform0a1b2c3d4e5f6g7h8i9jAAABACOG",
        "api-key",
        "text-embedding-3-large",
        "4zureUser9z8y7x6w5v4u3t2s1r0qAAABACOGabcd",
    ),
    Vendor(
        "anthropic",
        "claude-haiku-4-5",
        "sk-ant-api03-Anthr0picPlatform0a1b2c",
        "x-api-key",
        None,
        "sk-ant-api03-Anthr0picUser9z8y7x6w",
    ),
    Vendor(
        "bedrock",
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "AKIAB3DR0CKPLATFORM0",
        "authorization",
        "amazon.titan-embed-text-v2:0",
    ),
    Vendor(
        "gemini",
        "gemini-3.1-flash-lite",
        "AIzaSyG3m1niPlatform0a1b2c3d4e5f6g7h8i",
        "x-goog-api-key",
        "gemini-embedding-001",
        "AIzaSyG3m1niUser9z8y7x6w5v4u3t2s1r0q9p",
    ),
    Vendor(
        "cohere",
        "command-r7b-12-2024",
        "C0herePlatform0a1b2c3d4e5f6g7h8i9j0k1l2m",
        "authorization",
        "embed-v4.0",
        "C0hereUser9z8y7x6w5v4u3t2s1r0q9p8o7n6m5l",
    ),
)
AWS_SECRET = "b3dr0ckS3cretNobodyEverSees0a1b2c3d4e5f6"
AWS_TOKEN = "b3dr0ckS3ssionTokenOfThisTest0a1b2c3d4e"
SIGNING = "the-platforms-signing-secret-0123456789"
NOBODYS = {"AWS's secret": AWS_SECRET, "the signing secret": SIGNING}
ALL = "all"
KEYLESS = "ollama"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Recorder:
    """A vendor's server.

    Attributes:
        seen: every request, as its head and body.
        elsewhere: where redirects lead.
    """

    app: App
    conduct: Conduct = "answers"
    elsewhere: str = ""
    seen: list["Request"] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        target = scope["raw_path"] + b"?" + scope["query_string"]
        request = Request(scope["method"], target, scope["headers"])
        self.seen.append(request)
        if self.conduct == "answers":

            async def noted() -> Any:
                message = await receive()
                request.body += message.get("body", b"")
                return message

            await self.app(scope, noted, send)
            return
        more = True
        while more:
            message = await receive()
            request.body += message.get("body", b"")
            more = message.get("more_body", False)
        status, headers, body = self._reply(request)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _reply(self, request: "Request") -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        said = b'{"error":{"message":"no"},"message":"no","type":"error"}'
        if isinstance(self.conduct, int):
            location = self.elsewhere.encode() + request.target
            return self.conduct, [(b"location", location)], said
        if self.conduct == "repeats":
            told = b" ".join(v for name, v in request.headers if name in KEY_HEADERS)
            told = told.removeprefix(b"Bearer ")
            return 400, [], said.replace(b"no", b"what is " + told.replace(b'"', b"'") + b"?")
        return {"fails": 503, "refuses": 401}[self.conduct], [], said


@dataclass
class Request:
    """Everything that a server was sent in one request."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @property
    def everything(self) -> bytes:
        """All of it, to be searched."""
        return b"\n".join([self.target, *(name + b": " + v for name, v in self.headers), self.body])

    def without(self, header: str) -> bytes:
        """All of it but for one header."""
        kept = [(name, value) for name, value in self.headers if name != header.encode()]
        return Request(self.method, self.target, kept, self.body).everything


KEY_HEADERS = {vendor.header.encode() for vendor in VENDORS}


@dataclass
class World:
    """The platform among its vendors, and a stranger whom nobody should call."""

    platform: Headgate
    recorders: Mapping[str, Recorder]
    urls: Mapping[str, str]
    stranger: Recorder

    def conduct(self, conduct: Conduct, *names: str) -> None:
        """From now on vendors do so, all of them where none is named."""
        for name in names or self.recorders:
            self.recorders[name].conduct = conduct

    def forget(self) -> None:
        for recorder in (*self.recorders.values(), self.stranger):
            recorder.seen.clear()

    @property
    def called(self) -> set[str]:
        """Who was asked for an answer; lists of models may be asked for at any time."""
        return {
            name
            for name, recorder in self.recorders.items()
            if any(request.method == "POST" for request in recorder.seen)
        }

    def leaks(self, secrets: Mapping[str, str]) -> list[str]:
        """Where a credential stands that has no place there; `secrets` are nobody's to see."""
        found = []
        for name, recorder in (*self.recorders.items(), ("the stranger", self.stranger)):
            for request in recorder.seen:
                for owner in VENDORS:
                    own = request.without(owner.header) if owner.name == name else None
                    searched = request.everything if own is None else own
                    found += [
                        f"{name} sees {owner.name}'s in {searched!r}"
                        for secret in (owner.key, owner.users)
                        if secret is not None and secret.encode() in searched
                    ]
                if AWS_TOKEN.encode() in request.everything and name != "bedrock":
                    found.append(f"{name} sees AWS's session token")
                found += [
                    f"{name} sees {what}"
                    for what, secret in secrets.items()
                    if secret.encode() in request.everything
                ]
        return found

    def credentials(self, name: str) -> set[str]:
        """The credentials that a vendor was called with."""
        vendor = next(vendor for vendor in VENDORS if vendor.name == name)
        found = set()
        for request in self.recorders[name].seen:
            value = dict(request.headers).get(vendor.header.encode(), b"").decode()
            found.add(value.removeprefix("Bearer ").partition("Credential=")[2].split("/")[0])
            if "Credential=" not in value:
                found.add(value.removeprefix("Bearer "))
        return found - {""}


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    simulator = create_app(SimulatorOptions(vendor="all"))
    async with AsyncExitStack() as stack:
        recorders = {name: Recorder(simulator) for name in (*(v.name for v in VENDORS), KEYLESS)}
        urls = {
            name: await stack.enter_async_context(serve(recorder))
            for name, recorder in recorders.items()
        }
        stranger = Recorder(simulator)
        away = await stack.enter_async_context(serve(stranger))
        for recorder in recorders.values():
            recorder.elsewhere = away
        with running(
            directory, configuration=configuration(urls), environment=environment(urls), workers=1
        ) as platform:
            yield World(platform, recorders, urls, stranger)


def environment(urls: Mapping[str, str]) -> dict[str, str]:
    keys = {vendor.name: vendor.key for vendor in VENDORS}
    return {
        "OPENAI_API_KEY": keys["openai"],
        "OPENAI_BASE_URL": f"{urls['openai']}/openai/v1",
        "ROW_API_KEY": keys[ROW],
        "AZURE_OPENAI_API_KEY": keys["azure"],
        "AZURE_OPENAI_ENDPOINT": f"{urls['azure']}/azure",
        "ANTHROPIC_API_KEY": keys["anthropic"],
        "ANTHROPIC_BASE_URL": f"{urls['anthropic']}/anthropic",
        "BEDROCK_ENDPOINT": f"{urls['bedrock']}/bedrock",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": keys["bedrock"],
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        "AWS_SESSION_TOKEN": AWS_TOKEN,
        "GEMINI_API_KEY": keys["gemini"],
        "GEMINI_BASE_URL": f"{urls['gemini']}/gemini",
        "COHERE_API_KEY": keys["cohere"],
        "COHERE_BASE_URL": f"{urls['cohere']}/cohere",
        "OLLAMA_BASE_URL": f"{urls[KEYLESS]}/openai",
        "JWT_SECRET_KEY": SIGNING,
        "ENCRYPTION_SALT": "a-salt-of-this-test-0123456789",
        "LOG_LEVEL": "debug",
    }


def configuration(urls: Mapping[str, str]) -> str:
    models = [f"{vendor.name}/{vendor.model}" for vendor in VENDORS]
    return f"""
[aliases]
{ALL} = {models}

[vendors.{ROW}]
base_url = "{urls[ROW]}/openai/v1"
api_key_env = "ROW_API_KEY"
models = ["large", "vectors"]

[routing]
retries = 0
breaker_failures = 1_000_000
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(tmp_path_factory.mktemp("platform")) as made:
        yield made


@pytest.fixture
def here(shared: World) -> World:
    """The world as it is when nothing is wrong and nobody has called."""
    shared.conduct("answers")
    shared.forget()
    return shared


@pytest_asyncio.fixture(loop_scope="module")
async def admin(here: World) -> AsyncIterator[Caller]:
    async with here.platform.caller() as caller:
        yield caller


@asynccontextmanager
async def ada_of(admin: Caller) -> AsyncIterator[Caller]:
    """A user with a key of her own for every vendor that takes one."""
    async with admin.newcomer(userId="ada") as ada:
        for vendor in VENDORS:
            if vendor.users is not None:
                path = f"/v1/providers/{vendor.name}/key"
                answer = await ada.send("PUT", path, {"apiKey": vendor.users})
                assert answer.status == 200, answer.body
        yield ada


async def ask_everywhere(caller: Caller, model: str, embeds: str | None) -> list[int]:
    """The statuses of every route that reaches a model; the caller sends headers of all kinds."""
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/complete", chat("hello", model=model)),
        ("/v1/stream", chat("hello", model=model)),
        ("/v1/classify", {"model": model, "input": "red roses", "labels": ["red", "blue"]}),
        ("/v1/chat/completions", chat("hello", model=model)),
        ("/v1/chat/completions", chat("hello", model=model, stream=True)),
        ("/v1/responses", {"model": model, "input": "hello"}),
        ("/v1/responses", {"model": model, "input": "hello", "stream": True}),
        ("/v1/messages", chat("hello", model=model, max_tokens=9)),
        ("/v1/messages", chat("hello", model=model, max_tokens=9, stream=True)),
        ("/v1/messages/count_tokens", chat("hello", model=model)),
    ]
    if embeds is not None:
        bodies += [
            ("/v1/embed", {"model": embeds, "input": "one two"}),
            ("/v1/embeddings", {"model": embeds, "input": ["one", "two"]}),
        ]
    headers = {
        "cache-control": "no-cache",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "some-beta-2026-01-01",
        "openai-organization": "org-of-the-caller",
        "cookie": "session=of-the-caller",
        "x-forwarded-for": "192.0.2.1",
    }
    return [(await caller.post(path, body, **headers)).status for path, body in bodies]


async def test_every_route_shows_each_vendor_its_own_credential_and_no_other(
    here: World, admin: Caller
) -> None:
    """The platform's for its own calls, and a user's for that user's; none of callers' headers."""
    async with ada_of(admin) as ada:
        secrets = NOBODYS | {"the admin's key": admin.key, "ada's key": ada.key}
        for vendor in VENDORS:
            embeds = vendor.embeds and f"{vendor.name}/{vendor.embeds}"
            for caller, key in ((admin, vendor.key), (ada, vendor.users or vendor.key)):
                here.forget()
                statuses = await ask_everywhere(caller, f"{vendor.name}/{vendor.model}", embeds)
                assert set(statuses) == {200}
                assert here.called == {vendor.name}
                assert here.credentials(vendor.name) == {key}
                assert not here.leaks(secrets)
                sent = b"".join(r.everything for r in here.recorders[vendor.name].seen)
                assert b"of-the-caller" not in sent
                assert b"192.0.2.1" not in sent
    assert not here.stranger.seen


async def test_a_vendor_without_a_credential_is_shown_none(here: World, admin: Caller) -> None:
    async with ada_of(admin) as ada:
        for caller in (admin, ada):
            statuses = await ask_everywhere(caller, f"{KEYLESS}/gpt-4o", None)
            assert set(statuses) == {200}
    assert here.called == {KEYLESS}
    assert not here.leaks(NOBODYS | {"the admin's key": admin.key})
    names = {name for request in here.recorders[KEYLESS].seen for name, _ in request.headers}
    assert not names & KEY_HEADERS


@pytest.mark.parametrize("conduct", ["fails", "refuses"])
async def test_a_fallback_through_all_vendors_takes_no_credential_along(
    here: World, admin: Caller, conduct: Conduct
) -> None:
    here.conduct(conduct)
    async with ada_of(admin) as ada:
        secrets = NOBODYS | {"the admin's key": admin.key, "ada's key": ada.key}
        for caller, is_user in ((admin, False), (ada, True)):
            here.forget()
            statuses = await ask_everywhere(caller, ALL, None)
            assert not {200, 500} & set(statuses[:-1])
            for vendor in VENDORS:
                key = vendor.users if is_user and vendor.users else vendor.key
                assert here.credentials(vendor.name) == {key}
            assert not here.leaks(secrets)


@pytest.mark.parametrize("status", REDIRECTS)
async def test_nobody_is_followed_elsewhere(here: World, admin: Caller, status: int) -> None:
    here.conduct(status)
    for vendor in VENDORS:
        here.forget()
        model = f"{vendor.name}/{vendor.model}"
        embeds = vendor.embeds and f"{vendor.name}/{vendor.embeds}"
        if status == 307:
            statuses = await ask_everywhere(admin, model, embeds)
            # Tokens that are counted here need no vendor.
            assert set(statuses) <= {200, 502}
            assert statuses.count(200) <= 1
        else:
            answers = await admin.ask("hello", model=model), await admin.stream("a", model=model)
            assert [answer.error["code"] for answer in answers] == ["upstream_error"] * 2
        assert not here.stranger.seen
        assert here.called == {vendor.name}
        assert not here.leaks(NOBODYS | {"the admin's key": admin.key})


async def test_a_redirect_to_another_vendor_does_not_reach_it(here: World, admin: Caller) -> None:
    here.conduct(307, "openai")
    here.recorders["openai"].elsewhere = here.urls["azure"]
    answer = await admin.ask("hello", model="openai/gpt-4o-mini")
    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    assert not here.recorders["azure"].seen


async def test_a_vendor_that_repeats_its_credential_does_not_tell_it_to_callers(
    here: World, admin: Caller
) -> None:
    here.conduct("repeats")
    async with ada_of(admin) as ada:
        for vendor in VENDORS:
            for caller in (admin, ada):
                for path in ("/v1/complete", "/v1/chat/completions", "/v1/messages"):
                    body = chat("hello", model=f"{vendor.name}/{vendor.model}", max_tokens=9)
                    answer = await caller.post(path, body)
                    assert answer.status == 400
                    for secret in filter(None, (vendor.key, vendor.users, AWS_TOKEN)):
                        assert secret.encode() not in answer.body, answer.body
    for vendor in VENDORS:
        assert vendor.key not in here.platform.command.output


async def test_the_doctor_shows_each_vendor_its_own_credential_and_no_other(
    here: World,
) -> None:
    # In a thread, since the vendors are served from here.
    done = await asyncio.to_thread(
        typed,
        here.platform.directory,
        *("doctor", "--data", str(here.platform.data)),
        **here.platform.environment,
        HEADGATE_CONFIG="headgate.toml",
    )
    for vendor in VENDORS:
        assert here.credentials(vendor.name) == {vendor.key}, done.stdout
        assert vendor.key not in done.stdout + done.stderr
    assert not here.leaks(NOBODYS)
