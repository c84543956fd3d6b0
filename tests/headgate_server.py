"""The platform and the simulator as processes, started and ended as their users do it.

`Headgate` keeps its data directory over restarts and deaths; `Caller` talks to it with one key.
Amounts of money in answers are `Decimal`, since a test that rounds proves nothing.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx2

from headgate.settings import VARIABLES

T = TypeVar("T")

COMMAND = Path(sys.executable).with_name("headgate")
# Nobody waits so long but for what never comes: machines that run tests are slow and busy.
START_SECONDS = 120
STOP_SECONDS = 120
PATIENCE_SECONDS = 60
CALL_SECONDS = 120
# Nothing listens there: the machine's own Ollama is not part of a test.
NOWHERE = "http://127.0.0.1:9"

_READY = re.compile(r"is ready on (http://\S+)")
_ADMIN_KEY = re.compile(r"^  (sk-proj-\S+)$", re.MULTILINE)


async def eventually(
    read: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    *,
    seconds: float = PATIENCE_SECONDS,
) -> T:
    """The first value of `read` for which `holds`; another process can only be asked.

    Raises:
        AssertionError: none came in time; shows the last one.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds(value := await read()):
        assert asyncio.get_running_loop().time() < deadline, f"it stays {value!r}"
        await asyncio.sleep(0.02)
    return value


def http_client(
    url: str = "", headers: Mapping[str, str] | None = None, **options: Any
) -> httpx2.AsyncClient:
    """A client without a key of its own, and without what makes a client slow to set up."""
    return httpx2.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=CALL_SECONDS,
        limits=httpx2.Limits(max_connections=None),
        verify=False,
        trust_env=False,
        **options,
    )


def _surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process: those of this one, but none of its settings."""
    settings = {variable.name for variable, _ in VARIABLES.values()}
    inherited = {name: value for name, value in os.environ.items() if name not in settings}
    return inherited | {"OLLAMA_BASE_URL": NOWHERE} | dict(environment)


def typed(
    directory: Path, *arguments: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """A `headgate` command that ends by itself."""
    return subprocess.run(
        [str(COMMAND), *arguments],
        cwd=directory,
        env=_surroundings(environment),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


class Command:
    """A `headgate` command that serves until it is ended; `output` is all it has printed."""

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        environment: Mapping[str, str],
        program: Path = COMMAND,
    ) -> None:
        self._process = subprocess.Popen(
            [str(program), *arguments],
            cwd=directory,
            env=_surroundings(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._lines: list[str] = []
        self._told = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._ready()

    @property
    def output(self) -> str:
        """Everything that was printed so far, standard error included."""
        return "".join(self._lines)

    @property
    def pid(self) -> int:
        """The id of the process that was started."""
        return self._process.pid

    def stop(self) -> int:
        """Ask it to end, as a service manager would; gives its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """Let it die on the spot."""
        self._process.kill()
        self.ended()

    def ended(self) -> int:
        """Wait until it has ended and all it printed is read."""
        code = self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        if self._process.stdout:
            self._process.stdout.close()
        return code

    def signal(self) -> None:
        """Ask it to end, and do not wait for it."""
        self._process.send_signal(signal.SIGTERM)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line)
            if _READY.search(line):
                self._told.set()
        self._told.set()

    def _ready(self) -> str:
        self._told.wait(START_SECONDS)
        found = _READY.search(self.output)
        if found is None:
            self.kill()
            raise AssertionError(f"it did not start; it printed:\n{self.output}")
        return found[1]


@dataclass
class Headgate:
    """The platform on a data directory of its own.

    Attributes:
        configuration: the text of `headgate.toml`.
        program: the `headgate` to start.
        outputs: what each of its processes has printed, in the order of their starts.
    """

    directory: Path
    configuration: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    program: Path = COMMAND
    outputs: list[str] = field(default_factory=list)
    _command: Command | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def command(self) -> Command:
        """The process that serves now."""
        if self._command is None:
            raise RuntimeError("the platform was not started")
        return self._command

    @property
    def url(self) -> str:
        """Where it answers now; another address after each start."""
        return self.command.url

    @property
    def admin_key(self) -> str:
        """The key that its first start printed."""
        printed = "".join(self.outputs) + (self._command.output if self._command else "")
        key: str = _ADMIN_KEY.findall(printed)[0]
        return key

    def start(self) -> Self:
        """Start it, and wait until it is ready."""
        file = self.directory / "headgate.toml"
        file.write_text(self.configuration)
        self._command = Command(
            *("serve", "--port", "0", "--data", str(self.data), "--workers", str(self.workers)),
            directory=self.directory,
            environment={"HEADGATE_CONFIG": str(file), **self.environment},
            program=self.program,
        )
        return self

    def stop(self) -> int:
        """End it in good order; gives its exit code."""
        code = self.command.stop()
        self._forget()
        return code

    def kill(self) -> None:
        """Let it die on the spot, as by `kill -9`."""
        self.command.kill()
        self._forget()

    def close(self) -> None:
        """End it in whatever state it is."""
        if self._command is not None:
            self.stop()

    def caller(self, key: str | None = None) -> "Caller":
        """Someone who calls with `key`, by default the first admin key."""
        return Caller(self.url, self.admin_key if key is None else key)

    @contextlib.asynccontextmanager
    async def everywhere(self, key: str | None = None) -> "AsyncIterator[list[Caller]]":
        """Someone who calls with `key`, at each worker: a connection stays with its process."""
        found: dict[int, Caller] = {}
        async with contextlib.AsyncExitStack() as stack:

            async def processes() -> int:
                caller = await stack.enter_async_context(self.caller(key))
                admin = {"authorization": f"Bearer {self.admin_key}"}
                process = await caller.send("GET", "/v1/process", headers=admin)
                found.setdefault(process.json["pid"], caller)
                return len(found)

            await eventually(processes, lambda count: count == self.workers)
            yield list(found.values())

    def _forget(self) -> None:
        self.outputs.append(self.command.output)
        self._command = None


@contextlib.contextmanager
def running(
    directory: Path,
    *,
    configuration: str = "",
    environment: Mapping[str, str] | None = None,
    workers: int = 1,
) -> Iterator[Headgate]:
    """The platform with an empty data directory."""
    platform = Headgate(directory, configuration, environment or {}, workers)
    try:
        yield platform.start()
    finally:
        platform.close()


@dataclass
class Simulator:
    """The vendors' simulator, and what it has seen."""

    command: Command

    @property
    def openai_url(self) -> str:
        """Its address as OPENAI_BASE_URL."""
        return f"{self.command.url}/openai/v1"

    @property
    def anthropic_url(self) -> str:
        """Its address as ANTHROPIC_BASE_URL."""
        return f"{self.command.url}/anthropic"

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which a platform calls it in the vendors' place."""
        return {
            "OPENAI_API_KEY": "sk-vendor-secret",
            "OPENAI_BASE_URL": self.openai_url,
            "ANTHROPIC_API_KEY": "sk-ant-vendor-secret",
            "ANTHROPIC_BASE_URL": self.anthropic_url,
        }

    @property
    def clouds(self) -> dict[str, str]:
        """The settings by which a platform calls it in the place of clouds that serve models."""
        return {
            "AZURE_OPENAI_API_KEY": "azure-vendor-secret",
            "AZURE_OPENAI_ENDPOINT": f"{self.command.url}/azure",
            "BEDROCK_ENDPOINT": f"{self.command.url}/bedrock",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIAVENDORKEY",
            "AWS_SECRET_ACCESS_KEY": "aws-vendor-secret",
        }

    def environment_of(self, vendor: str) -> dict[str, str]:
        """The settings by which a platform calls it in the place of this vendor alone."""
        return {
            f"{vendor.upper()}_API_KEY": f"{vendor}-vendor-secret-0123456789",
            f"{vendor.upper()}_BASE_URL": f"{self.command.url}/{vendor}",
        }

    async def calls(self) -> list[dict[str, Any]]:
        """Every call it received since `forget`, oldest first."""
        async with http_client(self.command.url) as client:
            answer = await client.get("/_simulate/calls")
        found: list[dict[str, Any]] = answer.json()
        return found

    async def forget(self) -> None:
        """Empty the list of calls."""
        async with http_client(self.command.url) as client:
            await client.delete("/_simulate/calls")

    async def only_call(self, state: str) -> dict[str, Any]:
        """The only call, once its field `state` says yes."""
        (call,) = await eventually(
            self.calls, lambda calls: len(calls) == 1 and bool(calls[0][state])
        )
        return call


@contextlib.contextmanager
def simulating(directory: Path, *options: str) -> Iterator[Simulator]:
    """The simulator as a process."""
    command = Command("simulate", "--port", "0", *options, directory=directory, environment={})
    try:
        yield Simulator(command)
    finally:
        command.stop()


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body, with exact decimals."""
        return exact(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What stands in the error envelope, which must be the body's only content."""
        body = self.json
        assert list(body) == ["error"], body
        assert {"message", "type", "code", "param"} <= body["error"].keys()
        found: dict[str, Any] = body["error"]
        return found

    @property
    def events(self) -> list[Any]:
        """The server-sent events."""
        return events_of(self.body)


def exact(body: bytes | str) -> Any:
    """JSON with exact decimals."""
    return json.loads(body, parse_float=Decimal)


def events_of(body: bytes) -> list[Any]:
    """The events of a stream, heartbeats left out; `[DONE]` stands as it is.

    Raises:
        AssertionError: a frame is not exactly `data: …` and a blank line, or the last one is cut.
    """
    *frames, rest = body.split(b"\n\n")
    assert rest == b"", f"the last frame has no blank line: {rest!r}"
    events: list[Any] = []
    for frame in frames:
        if frame == b": ping":
            continue
        assert frame.startswith(b"data: "), frame
        assert b"\n" not in frame, frame
        data = frame.removeprefix(b"data: ")
        events.append("[DONE]" if data == b"[DONE]" else exact(data))
    return events


@dataclass
class Caller:
    """Someone who calls the platform with one key; to be entered, since it keeps connections."""

    url: str
    key: str
    http: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.http = http_client(self.url, {"authorization": f"Bearer {self.key}"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The answer to a request, whatever its status; `body` is written as JSON."""
        answer = await self.http.request(
            method, path, json=body, headers=dict(headers or {}), params=query
        )
        return Answer(answer.status_code, answer.headers, answer.content)

    async def get(self, path: str, **query: Any) -> Any:
        """What a GET gives, which must be a success."""
        answer = await self.send("GET", path, query=query)
        assert answer.status == 200, answer.body
        return answer.json

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """The answer to a POST, whatever its status."""
        return await self.send("POST", path, body, headers=headers)

    async def ask(self, text: str, *, model: str = "sandbox", **fields: Any) -> Answer:
        """The answer to one user text at `/v1/complete`, whatever its status."""
        return await self.post("/v1/complete", chat(text, model=model, **fields))

    async def stream(self, text: str, *, model: str = "sandbox", **fields: Any) -> Answer:
        """The whole answer to one user text at `/v1/stream`, whatever its status."""
        return await self.post("/v1/stream", chat(text, model=model, **fields))

    @contextlib.asynccontextmanager
    async def opened(self, path: str, body: Any) -> AsyncIterator[httpx2.Response]:
        """An answer that is read as it comes; leaving hangs up."""
        async with self.http.stream("POST", path, json=body) as answer:
            yield answer

    async def new_key(self, *scopes: str, **fields: Any) -> dict[str, Any]:
        """A new key that may do what `scopes` say, by default use models and read usage."""
        wanted = scopes or ("ai:complete", "ai:embed", "usage:read")
        answer = await self.post(
            "/v1/auth/keys", {"name": "a test's key", "scopes": list(wanted)} | fields
        )
        assert answer.status == 201, answer.body
        created: dict[str, Any] = answer.json
        return created

    @contextlib.asynccontextmanager
    async def newcomer(self, *scopes: str, **fields: Any) -> "AsyncIterator[Caller]":
        """Someone who calls with a new key."""
        key = await self.new_key(*scopes, **fields)
        async with Caller(self.url, key["apiKey"]) as caller:
            yield caller

    async def events(self, **query: Any) -> list[dict[str, Any]]:
        """All usage events that the key may see, newest first, page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get("/v1/usage/events", limit=200, **query, **cursor)
            found += page["data"]
            if page["nextCursor"] is None:
                return found
            cursor = {"cursor": page["nextCursor"]}

    async def event_of(self, request_id: str) -> dict[str, Any]:
        """The usage event of an answer, by its `x-request-id`, once it is there."""

        async def found() -> list[dict[str, Any]]:
            return [event for event in await self.events() if event["requestId"] == request_id]

        (event,) = await eventually(found, bool)
        return event

    async def budget(self, scope: str, id: str) -> dict[str, Any]:  # noqa: A002 - as the route names it
        """An account's budget."""
        found: dict[str, Any] = await self.get("/v1/usage/budget", scope=scope, id=id)
        return found


def chat(text: str, *, model: str = "sandbox", **fields: Any) -> dict[str, Any]:
    """The body of a chat with one user text, as the platform's and OpenAI's routes take it."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def total(events: Sequence[Mapping[str, Any]], name: str = "billed") -> Decimal:
    """The sum of an amount over events or rows."""
    return sum((Decimal(event[name]) for event in events), Decimal(0))
