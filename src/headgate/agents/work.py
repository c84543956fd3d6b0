"""What an agent can do: ask a model, call tools, wait for a person, and hand parts to branches."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.agents.outcomes import Decision, Observation, Reply, RunStopped
from headgate.agents.pieces import Pieces
from headgate.agents.steps import MENDABLE, PAUSES_SECONDS, Attempt, Done, Steps, draft
from headgate.core.chat import ChatRequest, ToolCall
from headgate.core.errors import (
    BudgetExceeded,
    HeadgateError,
    IdempotencyConflict,
    InvalidKey,
)
from headgate.core.metered import CallLabels
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompt
from headgate.core.runs import Change, PendingApproval, Run
from headgate.core.tools import ToolContext, ToolOutcome, ToolSpec

MOST_RESULT_BYTES = 200_000

Wish = Mapping[str, Any] | str
"""A tool call's arguments, or why there can be no such call."""


@dataclass(slots=True)
class Work:
    """One thread of a run, as an agent sees it."""

    steps: Steps
    _branches: int = 0
    _specs: list[ToolSpec] | None = None
    _style: PromptStyle | None = None

    @property
    def run(self) -> Run:
        """The run, as it was when the thread began."""
        return self.steps.run

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools that the run may call."""
        return self.run.request.tools

    async def specs(self) -> list[ToolSpec]:
        """What models are told of these tools, as they were when this was asked first."""

        async def look() -> list[ToolSpec]:
            desk = self.steps.desk
            key = await desk.key(self.run.key_id)
            known = [] if key is None else desk.toolbox.specs(key)
            by_name = {spec.name: spec for spec in known}
            return [by_name[name] for name in self.tools if name in by_name]

        if self._specs is None:
            found = await self.steps.remembered("tools", look) if self.tools else []
            self._specs = msgspec.convert(found, list[ToolSpec])
        return self._specs

    async def prompt(self, name: str, inputs: Mapping[str, Any]) -> Prompt:
        """A prompt template, filled in as the run's model likes it best."""

        async def look() -> str:
            desk = self.steps.desk
            key = await desk.key(self.run.key_id)
            if key is None:
                return "headings"
            labels = CallLabels(request_id=self.run.run_id, request_type="agent")
            return desk.models.models(key, labels).style(self.run.request.model)

        if self._style is None:
            self._style = msgspec.convert(await self.steps.remembered("style", look), PromptStyle)
        return self.steps.desk.prompts.render(name, inputs, style=self._style)

    async def answer(
        self, name: str, inputs: Mapping[str, Any], *, labels: Sequence[str] = ()
    ) -> Reply:
        """What a model says to a prompt template; `labels` are the only answers that count."""
        prompt = await self.prompt(name, inputs)
        request = prompt.request(self.run.request.model)
        return await self.ask(msgspec.structs.replace(request, labels=tuple(labels)), name=name)

    async def ask(self, request: ChatRequest, *, name: str = "model") -> Reply:
        """What a model says.

        Raises:
            RunStopped: it cannot be asked, or not any more.
            RunCancelled: nobody wants to know.
        """
        streamed = msgspec.structs.replace(request, stream=True)

        async def asked(attempt: Attempt) -> Done:
            async def tell(text: str) -> None:
                piece = draft("step.delta", attempt, {"content": text})
                await self.steps.desk.journal.record(self.run.run_id, [piece])

            pieces = Pieces(tell)
            try:
                event = await pieces.gather(attempt.models, streamed, attempt.call_key)
            except IdempotencyConflict:
                # A release or a template since then words the question otherwise: a new call.
                again = f"{attempt.call_key}#{attempt.number}"
                event = await pieces.gather(attempt.models, streamed, again)
            reply = pieces.reply(event.model)
            told = {
                "model": event.model,
                "provider": event.provider,
                "text": reply.text,
                "toolCalls": [call.name for call in reply.tool_calls],
                "inputTokens": event.input_tokens,
                "outputTokens": event.output_tokens,
            }
            return Done(reply, [event], told)

        return msgspec.convert(await self.steps.take("model", name, asked), Reply)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Observation:
        """What came of a tool call that the agent itself makes.

        Raises:
            RunStopped: the tool is none of the run's.
        """
        (observation,) = await self.calls(name, [arguments])
        return observation

    async def calls(self, name: str, each: Sequence[Mapping[str, Any]]) -> list[Observation]:
        """What came of calls of one tool that the agent itself makes, all at the same time.

        Raises:
            RunStopped: the tool is none of the run's.
        """
        if name not in self.tools:
            raise RunStopped(
                "tool_not_allowed",
                f"this type of run needs the tool {name}, which is not among its tools:"
                " add it to `tools`",
            )
        texts = [msgspec.json.encode(arguments).decode() for arguments in each]
        return await self.call_all([ToolCall("", name, text) for text in texts])

    async def call_all(
        self, calls: Sequence[ToolCall], tools: Sequence[str] | None = None
    ) -> list[Observation]:
        """What came of a model's calls, made at the same time, once all needed approvals came.

        Where `tools` are given, no others may be called.
        """
        wishes = [self._wish(call, tools) for call in calls]
        needing = {spec.name for spec in await self.specs() if spec.needs_approval}
        needing.update(self.run.request.approvals)
        asked = [
            index
            for index, (call, wish) in enumerate(zip(calls, wishes, strict=True))
            if call.name in needing and not isinstance(wish, str)
        ]
        decided = await together(self._decided(calls[index].name, wishes[index]) for index in asked)
        decisions = dict(zip(asked, decided, strict=True))
        return await together(
            self._called(call.name, wish, decisions.get(index))
            for index, (call, wish) in enumerate(zip(calls, wishes, strict=True))
        )

    async def branch(self, body: object) -> Any:
        """What another thread of this run makes of `body`, as JSON.

        Raises:
            RunStopped: the run must end.
            RunCancelled: nobody wants it any more.
        """
        self._branches += 1
        return await self.steps.branch(self._branches, body)

    def _wish(self, call: ToolCall, tools: Sequence[str] | None) -> Wish:
        allowed = [name for name in self.tools if tools is None or name in tools]
        if call.name not in allowed:
            known = ", ".join(allowed) or "none"
            return f"this run has no tool {call.name!r}; the tools it may call: {known}"
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except msgspec.DecodeError:
            return "the arguments are no JSON: write an object"
        return arguments if isinstance(arguments, dict) else "the arguments are no JSON object"

    async def _decided(self, tool: str, arguments: Wish) -> Decision:
        async def wait(attempt: Attempt) -> Done:
            return await self._approval(attempt, tool, arguments)

        told = await self.steps.take("approval", tool, wait, is_idle=True)
        return msgspec.convert(told, Decision)

    async def _approval(self, attempt: Attempt, tool: str, arguments: Wish) -> Done:
        desk, run_id, step_id = self.steps.desk, self.run.run_id, attempt.step_id
        now = desk.clock()
        asked = PendingApproval(
            step_id=step_id,
            tool=tool,
            arguments=arguments,
            requested_at=now,
            expires_at=now + self.run.request.approval_seconds,
        )
        run = await desk.journal.store.get(run_id)
        for before in () if run is None else run.pending:
            if before.step_id == step_id:
                asked = before  # a process died while it waited, and its time went on
        told = {"tool": tool, "arguments": arguments, "expiresAt": asked.expires_at}
        requested = draft("approval.requested", attempt, told, once=f"{step_id} asked")
        await desk.journal.record(run_id, [requested], Change(asked=asked))
        try:
            async with asyncio.timeout(max(0.0, asked.expires_at - desk.clock())):
                command = await self.steps.control.decision(step_id)
        except TimeoutError:
            decision = Decision(approved=False, reason="nobody decided in time")
        else:
            reason = command.comment or ("" if command.approved else "somebody said no")
            decision = Decision(command.approved, reason)
        told = {"tool": tool, "approved": decision.approved, "comment": decision.reason}
        decided = draft("approval.decided", attempt, told, once=f"{step_id} decided")
        await desk.journal.record(run_id, [decided], Change(decided=step_id))
        idle = desk.clock() - asked.requested_at
        return Done(decision, told={"approved": decision.approved}, seconds_idle=idle)

    async def _called(self, name: str, wish: Wish, decision: Decision | None) -> Observation:
        async def called(attempt: Attempt) -> Done:
            told: dict[str, Any] = {"tool": name}
            if not isinstance(wish, str):
                told["arguments"] = wish
            begun = draft("tool.called", attempt, told)
            await self.steps.desk.journal.record(self.run.run_id, [begun])
            outcome = ToolOutcome(None)
            if isinstance(wish, str):
                observation = Observation(error=wish)
            elif decision is not None and not decision.approved:
                observation = Observation(error=f"the call was not approved: {decision.reason}")
            else:
                observation, outcome = await self._made(attempt, name, wish)
            result = draft(
                "tool.result", attempt, {"tool": name, **msgspec.to_builtins(observation)}
            )
            told = {"failed": observation.error is not None}
            return Done(observation, outcome.events, told, [result])

        return msgspec.convert(await self.steps.take("tool", name, called), Observation)

    async def _made(
        self, attempt: Attempt, name: str, arguments: Mapping[str, Any]
    ) -> tuple[Observation, ToolOutcome]:
        """Make a call; what it fails for is for the model to read, or for another attempt."""
        toolbox, nothing = self.steps.desk.toolbox, ToolOutcome(None)
        context = ToolContext(key=attempt.key, models=attempt.models, call_key=attempt.call_key)
        try:
            spec = toolbox.spec(name, attempt.key)
        except HeadgateError as error:
            return Observation(error=error.message), nothing
        try:
            if attempt.number > 1 and not spec.is_idempotent:
                why = "this call was interrupted, so nobody knows whether it was done"
                return Observation(error=f"{why}; it is not made again"), nothing
            outcome = await toolbox.call(name, arguments, context)
        except (BudgetExceeded, InvalidKey):
            raise
        except MENDABLE as error:
            if spec.is_idempotent and attempt.number <= len(PAUSES_SECONDS):
                raise
            return Observation(error=error.message), nothing
        except HeadgateError as error:
            return Observation(error=error.message), nothing
        if len(msgspec.json.encode(outcome.result)) > MOST_RESULT_BYTES:
            return Observation(error="the result is too long: ask for less"), outcome
        return Observation(outcome.result), outcome


async def together(works: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results in their order; when one fails, the others have ended before it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
