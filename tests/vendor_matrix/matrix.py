"""Every vendor asked every task through every client, and what callers, ledger and vendor saw."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from headgate_server import Caller, Headgate, Simulator, http_client, running, simulating
from vendor_matrix.clients import ChatCompletions, Client, Messages, Platform, Responses, Seen
from vendor_matrix.tasks import (
    CALLS,
    SILENT,
    TASKS,
    Counts,
    Failure,
    Task,
    billed,
    counts_of,
    failure_of,
)
from vendor_matrix.vendors import VENDORS, Vendor, configuration, environment

AT_ONCE = 8
CLIENTS: tuple[type[Client], ...] = (Platform, ChatCompletions, Responses, Messages)


class Cell(NamedTuple):
    """One question of one client to one vendor."""

    vendor: Vendor
    client: type[Client]
    task: Task

    @property
    def model(self) -> str:
        """Which of the vendor's models is asked; for vectors one that has none is, too."""
        vendor = self.vendor
        return vendor.embeds if self.task.kind == "vectors" and vendor.embeds else vendor.model

    @property
    def name(self) -> str:
        """The cell among all."""
        return f"{self.vendor.name} | {self.client.__name__} | {self.task.name}"


@dataclass(frozen=True)
class Found:
    """What became of a cell, as its caller saw it and as it stands in the ledger."""

    seen: Seen
    event: Mapping[str, Any]


class Matrix(NamedTuple):
    """All cells, and the calls that reached the vendors."""

    cells: Mapping[Cell, Found]
    calls: Sequence[Mapping[str, Any]]


def cells() -> list[Cell]:
    """Every question that there is: a vendor without anybody behind it cannot fail."""
    return [
        Cell(vendor, client, task)
        for vendor in VENDORS
        for client in CLIENTS
        for task in TASKS
        if (task.failure is None or vendor.is_fallible)
        and (vendor.is_remote or task != SILENT)
        and (task.kind != "vectors" or client.embeds)
    ]


def asked(directory: Path) -> Matrix:
    """The matrix, of a platform and a simulator of its own."""
    with (
        simulating(directory) as simulator,
        running(
            directory,
            configuration=configuration(simulator),
            environment=environment(simulator),
        ) as platform,
    ):
        return asyncio.run(_ask_all(platform, simulator))


async def _ask_all(platform: Headgate, simulator: Simulator) -> Matrix:
    async with platform.caller() as admin, _clients(platform, admin) as clients:
        answers = await _answers(clients)
        events = {event["requestId"]: event for event in await admin.events()}
        assert len(events) == len(answers), "a question has two events"
    found = {
        cell: Found(seen, events[seen.headers["x-request-id"]]) for cell, seen in answers.items()
    }
    return Matrix(found, await simulator.calls())


@contextlib.asynccontextmanager
async def _clients(
    platform: Headgate, admin: Caller
) -> AsyncIterator[Mapping[type[Client], Client]]:
    key: str = platform.admin_key
    async with (
        AsyncOpenAI(
            base_url=f"{platform.url}/v1", api_key=key, max_retries=0, http_client=http_client()
        ) as openai,
        AsyncAnthropic(
            base_url=platform.url, api_key=key, max_retries=0, http_client=http_client()
        ) as anthropic,
    ):
        yield {
            Platform: Platform(admin),
            ChatCompletions: ChatCompletions(openai),
            Responses: Responses(openai),
            Messages: Messages(anthropic),
        }


async def _answers(clients: Mapping[type[Client], Client]) -> Mapping[Cell, Seen]:
    """All answers; those who wait for a silent vendor do so together, and hold nobody up."""
    places = asyncio.Semaphore(AT_ONCE)
    waiting = asyncio.Semaphore(len(cells()))

    async def ask(cell: Cell) -> Seen:
        is_silent = cell.task.failure is not None and cell.task.failure.status == 504
        async with waiting if is_silent else places:
            return await clients[cell.client].ask(f"{cell.vendor.name}/{cell.model}", cell.task)

    asked = cells()
    return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))


def faults(cell: Cell, found: Found) -> list[str]:
    """Where something else has become of a cell than what must, in words."""
    return [*_told(cell, found.seen), *_booked(cell, found.seen, found.event)]


def _told(cell: Cell, seen: Seen) -> list[str]:
    """Where the caller was told something else than what must be."""
    vendor, task = cell.vendor, cell.task
    wanted: list[tuple[str, Any, Any]] = []
    failure = failure_of(vendor, task)
    if failure is not None:
        expected = cell.client.failure(failure)
        if task.breaks_off:
            expected = expected._replace(status=200)
            wanted.append(("text before it", seen.text, " ".join(["word"] * task.words)))
        wanted.append(("failure", seen.failure, expected))
        if reason := vendor.lacks.get(task.kind):
            wanted.append(("reason", reason in seen.said, True))
    elif vendor.is_free:
        wanted.append(("failure", seen.failure, None))
    else:
        wanted += [
            ("failure", seen.failure, None),
            ("text", _compact(task, seen.text), task.answer),
            ("calls", tuple(seen.calls), CALLS if task.kind == "tools" else ()),
            ("counts", seen.counts, counts_of(vendor, task)),
        ]
    if failure is None:
        wanted += [
            ("vectors", seen.vectors, int(task.kind == "vectors")),
            ("x-provider", seen.headers.get("x-provider"), vendor.name),
            ("x-model", seen.headers.get("x-model"), cell.model),
        ]
    return [f"{name} is {is_!r}, not {must!r}" for name, is_, must in wanted if is_ != must]


def _compact(task: Task, text: str) -> str:
    """JSON may be written with blanks."""
    return text.replace(" ", "") if task.kind == "json" else text


def _booked(cell: Cell, seen: Seen, event: Mapping[str, Any]) -> list[str]:
    """Where the ledger has something else than what must be."""
    vendor, task = cell.vendor, cell.task
    failure = failure_of(vendor, task)
    wanted: list[tuple[str, Any, Any]] = [
        ("provider", event["provider"], vendor.name),
        ("status", event["status"], _status(task, failure)),
    ]
    cost = Decimal(event["cost"])
    if failure is None:
        counts = Counts(
            event["inputTokens"],
            event["outputTokens"],
            event["cachedInputTokens"],
            event["reasoningTokens"],
        )
        if not vendor.is_free:
            wanted.append(("booked counts", counts, counts_of(vendor, task)))
        wanted += [
            ("estimated", event["estimated"], False),
            ("cost", cost, Decimal(0) if vendor.is_free else counts.cost),
            ("what the client was told", seen.counts, counts),
            ("the cost that it was told", seen.cost, None if seen.cost is None else cost),
            ("the bill", seen.billed, None if seen.billed is None else billed(cost)),
        ]
    elif event["status"] == "error":
        wanted.append(("cost of a refusal", cost, Decimal(0)))
    elif task.breaks_off:
        wanted.append(("tokens before it", event["outputTokens"], task.words))
    wanted.append(("billed", Decimal(event["billed"]), billed(cost)))
    if failure is None and not task.stream:
        wanted.append(("x-cost", Decimal(seen.headers["x-cost"]), billed(cost)))
    return [f"{name} is {is_!r}, not {must!r}" for name, is_, must in wanted if is_ != must]


def _status(task: Task, failure: Failure | None) -> str:
    """How the call stands in the ledger: what a vendor may bill is no mere error."""
    if failure is None:
        return "ok"
    is_work = task.words or failure.code == "upstream_timeout"
    return "incomplete" if is_work else "error"
