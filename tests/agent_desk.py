"""Agents at work in a test: over an engine in memory, scripted models, and tools of the test's."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from engines import MemoryEngine
from headgate.agents.control import Controls
from headgate.agents.definitions import AgentType
from headgate.agents.executor import Executor
from headgate.agents.journal import Journal
from headgate.agents.performer import Performer
from headgate.agents.runs import Order, RunLimits, Runs
from headgate.agents.steps import Desk
from headgate.agents.types import BUILT_IN
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, ToolCallDelta
from headgate.core.documents import Document, Found, Library, Search, SourcedAnswer
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import NotFound
from headgate.core.keys import VirtualKey
from headgate.core.metered import CallLabels, Metered, MeteredStream, ModelAccess, Models
from headgate.core.models import PromptStyle
from headgate.core.runs import Run, RunEvent
from headgate.core.tracing import UNTRACED, Tracer
from headgate.core.usage import UsageEvent
from headgate.prompts.library import open_library
from headgate.stores.memory_memories import MemoryMemories
from headgate.stores.memory_runs import MemoryRuns
from headgate.tools.declaration import declared
from headgate.tools.toolbox import ProcessTools
from usage_events import usage_event

KEY = VirtualKey(key_id="k", name="k", scopes=frozenset({"agent:run"}), created_at=0.0)

COST = 100
BILLED = 102

Said: TypeAlias = str | Sequence[tuple[str, str]] | Exception | asyncio.Event
"""A text, tool calls with their arguments as JSON, a failure, or silence until the test speaks."""

Script: TypeAlias = Callable[[ChatRequest], Said]


class ScriptedStream:
    """An answer, word by word."""

    def __init__(self, models: "ScriptedModels", said: Said, event: UsageEvent) -> None:
        self._models = models
        self._said = said
        self.event = event

    async def __aiter__(self) -> AsyncIterator[ChatDelta]:
        said = self._said
        if isinstance(said, asyncio.Event):
            try:
                await said.wait()
            except asyncio.CancelledError:
                self._models.abandoned += 1
                raise
            yield ChatDelta(text="late")
        elif isinstance(said, str):
            for word in said.split(" "):
                yield ChatDelta(text=f"{word} ")
        else:
            assert not isinstance(said, Exception)
            calls = [
                ToolCallDelta(index, f"c{index}", name, arguments)
                for index, (name, arguments) in enumerate(said)
            ]
            yield ChatDelta(tool_calls=tuple(calls), finish_reason="tool_calls")


@dataclass
class ScriptedModels:
    """`ModelAccess` and `Models` that follow a script; `calls` are the call keys it was asked."""

    script: Script
    calls: list[str | None] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    labels: list[CallLabels] = field(default_factory=list)
    abandoned: int = 0

    def models(self, key: VirtualKey, labels: CallLabels) -> Models:
        self.labels.append(labels)
        return self

    async def complete(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> Metered[ChatResponse]:
        raise AssertionError("runs ask for streams, never for whole answers")

    @contextlib.asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AsyncIterator[MeteredStream]:
        self.calls.append(call_key)
        self.requests.append(request)
        said = self.script(request)
        if isinstance(said, Exception):
            raise said
        event = usage_event(cost=COST, billed=BILLED, model="small", provider="fake")
        yield ScriptedStream(self, said, event)

    async def embed(
        self, request: EmbeddingRequest, *, call_key: str | None = None
    ) -> Metered[EmbeddingResponse]:
        raise AssertionError("runs make no vectors themselves")

    def style(self, model: str) -> PromptStyle:
        return "headings"


class NoDocuments:
    """A library with nothing in it."""

    async def search(
        self, workspace_id: str, search: Search, models: Models, *, call_key: str | None = None
    ) -> Found:
        return Found(())

    async def answer(
        self,
        workspace_id: str,
        search: Search,
        models: Models,
        *,
        model: str | None = None,
        call_key: str | None = None,
    ) -> SourcedAnswer:
        raise AssertionError("runs search, and write their answers themselves")

    async def document(self, workspace_id: str, document_id: str) -> Document:
        raise NotFound(f"there is no document {document_id!r}")

    async def text(self, workspace_id: str, document_id: str) -> str:
        raise NotFound(f"there is no document {document_id!r}")


@dataclass
class AgentDesk:
    """A platform's agents, and what a test looks at."""

    runs: Runs
    store: MemoryRuns
    engine: MemoryEngine
    models: ScriptedModels
    memories: MemoryMemories
    keys: dict[str, VirtualKey]
    pauses: list[float]

    async def start(self, given: Any, **fields: Any) -> Run:
        order = {"type": "react", "model": "small", "input": given, **fields}
        return await self.runs.start(KEY, Order(**order))

    async def finish(self, given: Any, **fields: Any) -> Run:
        """A run as it is when it has ended."""
        return await self.ended(await self.start(given, **fields))

    async def ended(self, run: Run) -> Run:
        found = await self.runs.ended(run, 30)
        assert found.has_ended, found
        return found

    async def events(self, run: Run) -> list[RunEvent]:
        return await self.store.events(run.run_id, after=0, limit=10_000)

    async def until(self, run: Run, kind: str) -> RunEvent:
        """The first event of this type, once it has come."""
        async with asyncio.timeout(30), contextlib.aclosing(self.runs.follow(run)) as pages:
            async for found in pages:
                for event in found:
                    if event.type == kind:
                        return event
        raise AssertionError(f"the run ended without {kind}")


@dataclass
class Office:
    """What a process has for its runs."""

    runs: Runs
    executor: Executor


def office(desk: Desk, engine: MemoryEngine, types: Sequence[AgentType], **runs: Any) -> Office:
    """The runs of `desk`, and who works on them."""

    async def load() -> MemoryEngine:
        return engine

    store, controls = desk.journal.store, Controls(desk.journal.store, desk.clock)
    named = {kind.name: kind for kind in types}
    executor = Executor(
        store, controls, Performer(desk, controls, named), contextlib.nullcontext, load
    )
    fields = {"limits": RunLimits(), "nudge": executor.nudge, "clock": desk.clock, **runs}
    return Office(
        Runs(
            journal=dataclasses.replace(desk.journal, is_at_work=False),
            types=named,
            toolbox=desk.toolbox,
            **fields,
        ),
        executor,
    )


@contextlib.asynccontextmanager
async def agent_desk(
    script: Script | Mapping[str, Said] = lambda _: "done",
    *tools: Callable[..., Awaitable[Any]],
    before: AgentDesk | None = None,
    types: Sequence[AgentType] = BUILT_IN,
    limits: RunLimits | None = None,
    clock: Callable[[], float] | None = None,
    library: Library | None = None,
    tracer: Tracer = UNTRACED,
    store: MemoryRuns | None = None,
    access: ModelAccess | None = None,
) -> AsyncIterator[AgentDesk]:
    """Agents at work until the end of the block, which is as the death of their process.

    `before` is a desk that died; its runs go on. Where there is `access` to other models, nobody
    follows the script.
    """
    if store is None:
        store = MemoryRuns() if before is None else before.store
    if before is None:
        engine = MemoryEngine()
    else:
        dead = before.engine
        engine = MemoryEngine(dead.results, dead.submitted, dead.finished)
    memories = before.memories if before else MemoryMemories()
    models = ScriptedModels(script if callable(script) else script.__getitem__)  # type: ignore[arg-type]
    keys, pauses = {KEY.key_id: KEY}, list[float]()
    toolbox = ProcessTools([declared(tool) for tool in tools], tracer=tracer)

    async def key(key_id: str) -> VirtualKey | None:
        return keys.get(key_id)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    fields: dict[str, Any] = {} if clock is None else {"clock": clock}
    desk = Desk(
        journal=Journal(store, is_at_work=True),
        models=access or models,
        toolbox=toolbox,
        prompts=open_library(None),
        library=library or NoDocuments(),
        memories=memories,
        key=key,
        at_once=asyncio.Semaphore(100),
        pause=pause,
        tracer=tracer,
        **fields,
    )
    made = office(desk, engine, types, limits=limits or RunLimits(), tracer=tracer)
    async with made.executor.running():
        yield AgentDesk(made.runs, store, engine, models, memories, keys, pauses)


def told(request: ChatRequest) -> str:
    """The text of the latest message, whoever wrote it."""
    return request.messages[-1].text


def in_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
