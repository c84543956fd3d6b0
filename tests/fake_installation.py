"""A platform for tests of commands: it keeps what it was asked and answers what it was told."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from click.testing import CliRunner, Result

from headgate.cli.connection import Connection, Query, Reply, refuse_errors
from headgate.cli.findings import Backup, Check, PromptCheck
from headgate.cli.installation import (
    Prepared,
    Served,
    ServeOptions,
    Session,
    SimulatorOptions,
    Target,
)
from headgate.cli.main import headgate

URL = "http://127.0.0.1:3000"


class Asked(NamedTuple):
    method: str
    path: str
    body: Any
    query: Query


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, msgspec.json.encode(body))


def refusal(status: int, code: str, message: str) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "code": code, "param": None}
    return reply({"error": error}, status)


@dataclass
class FakeConnection:
    """Answers from a list, one after the other; a stream's answer is a list of events."""

    answers: list[Reply | list[dict[str, object]]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    async def request(
        self, method: str, path: str, body: object = None, query: Query = ()
    ) -> Reply:
        self.asked.append(Asked(method, path, as_sent(body), query))
        answer = self.answers.pop(0)
        assert isinstance(answer, Reply)
        return answer

    async def stream(self, method: str, path: str, body: object) -> AsyncGenerator[bytes, None]:
        self.asked.append(Asked(method, path, as_sent(body), ()))
        answer = self.answers.pop(0)
        if isinstance(answer, Reply):
            refuse_errors(answer)
            return
        for event in answer:
            yield msgspec.json.encode(event)


def as_sent(body: object) -> Any:
    return None if body is None else msgspec.json.decode(msgspec.json.encode(body))


@dataclass
class FakeInstallation:
    connection: FakeConnection = field(default_factory=FakeConnection)
    admin_key: str | None = None
    ticket: str | None = None
    findings: Sequence[Check] = ()
    summary: Mapping[str, object] = field(default_factory=dict)
    failure: Exception | None = None
    prompt_checks: Sequence[PromptCheck] = ()
    targets: list[Target] = field(default_factory=list)
    served: list[tuple[Any, ...]] = field(default_factory=list)

    @asynccontextmanager
    async def connect(self, target: Target) -> AsyncIterator[Connection]:
        self._note(target)
        yield self.connection

    def serve(self, target: Target, options: ServeOptions, told: Served) -> None:
        self._note(target)
        self.served.append((options,))
        told.prepared(URL, Prepared(Path("data"), self.admin_key, self.ticket))
        told.ready(URL)

    def simulate(self, options: SimulatorOptions, host: str, port: int, told: Served) -> None:
        self.served.append((options, host, port))
        told.ready(URL)

    def prepare(self, target: Target) -> Prepared:
        self._note(target)
        return Prepared(Path("data"), self.admin_key)

    def variables(self, target: Target) -> Mapping[str, str]:
        self._note(target)
        return {"HEADGATE_DATA": str(target.data or "data")}

    def seed(self, target: Target) -> Mapping[str, object]:
        self._note(target)
        return self.summary

    def remove_samples(self, target: Target) -> Mapping[str, object]:
        self._note(target)
        return dict.fromkeys(self.summary, 0)

    def backup(self, target: Target, place: Path) -> Backup:
        self._note(target)
        return Backup(place, 12_340_000, "2026-11-23T12:00:00+00:00", ("The moon.",))

    def restore(self, target: Target, source: Path) -> Path:
        self._note(target)
        self.served.append((source,))
        return target.data or Path("data")

    def checks(self, target: Target) -> Sequence[Check]:
        self._note(target)
        return self.findings

    def check_prompts(
        self, target: Target, directory: Path | None, *, write: bool
    ) -> Sequence[PromptCheck]:
        self._note(target)
        self.served.append((directory, write))
        return self.prompt_checks

    def openapi(self) -> bytes:
        return b'{"openapi":"3.1.0"}'

    def _note(self, target: Target) -> None:
        self.targets.append(target)
        if self.failure is not None:
            raise self.failure


def invoke(installation: FakeInstallation, *arguments: str, stdin: str | None = None) -> Result:
    """Run the program as a person would; an unexpected exception fails the test."""
    result = CliRunner().invoke(headgate, arguments, input=stdin, obj=Session(lambda: installation))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def answering(*answers: Reply | list[dict[str, object]]) -> FakeInstallation:
    return FakeInstallation(FakeConnection(list(answers)))
