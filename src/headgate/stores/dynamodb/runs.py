"""Agent runs in a table that other processes and machines use too; `run_items.py` says how.

A change reads a run's head, and is written on condition that nobody has changed it since; else it
begins anew with what is there now. Changes of one process to one run wait for each other, so that
they do not refuse one another.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast
from weakref import WeakValueDictionary

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.runs import (
    UNCHANGED,
    Begun,
    Change,
    Command,
    Draft,
    Run,
    RunEvent,
    RunFilter,
    RunStatus,
)
from headgate.stores.dynamodb.attributes import integer_of, number, text, text_of
from headgate.stores.dynamodb.bodies import packed, unpacked
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.run_commands import RunCommands
from headgate.stores.dynamodb.run_items import (
    FINISHED,
    NEW,
    OPEN,
    QUEUED,
    Action,
    Head,
    delete,
    encoded_head,
    ended_place,
    event_attributes,
    event_in,
    event_place,
    head_in,
    key,
    list_of,
    lists_with,
    moved,
    own,
    part_of,
    put,
    without_values,
)
from headgate.stores.dynamodb.schema import RUNS

T = TypeVar("T")

TRIES = 50
PAUSE_SECONDS = 0.02
PAGE = 100

_AT_ONCE = 8
_encode = msgspec.json.Encoder().encode


class _Event(NamedTuple):
    """An event with its data's attributes, which are the same whatever its number becomes."""

    draft: Draft
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    """`RunStore` in DynamoDB.

    Attributes:
        engine: names the engine that this process's runs go to; several processes whose engines
            share a database have one name. A queued run is given to one engine only.
    """

    client: DynamoClient
    engine: str = "local"
    clock: Callable[[], float] = time.time
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def add(self, run: Run) -> bool:
        """See `RunStore.add`."""
        part = part_of(run.run_id)
        data = {"runType": run.request.type, "model": run.request.model}
        queued = Draft(type="run.queued", data=data, at=run.created_at)
        values = await packed(self.client, RUNS, part, _encode(run.request.input))
        head = Head(run=without_values(run))
        try:
            await self._write(
                None,
                head,
                [await self._event(part, queued)],
                [put({**own(run.run_id, "input"), **values})],
            )
        except TransactionRefused:
            return False
        return True

    async def get(self, run_id: str) -> Run | None:
        """See `RunStore.get`."""
        keys = [own(run_id, place) for place in ("head", "input", "output")]
        head, given, output = await self.client.get_all(RUNS, keys)
        if head is None:
            return None
        run = head_in(await unpacked(self.client, RUNS, head)).run
        return msgspec.structs.replace(
            run,
            request=msgspec.structs.replace(run.request, input=await self._value(given)),
            output=await self._value(output),
        )

    async def page(self, where: RunFilter, *, limit: int, before: str | None) -> list[Run]:
        """See `RunStore.page`."""
        if before is not None and await self._head(before) is None:
            return []
        found: list[Run] = []
        while len(found) < limit:
            ids = await self._listed(where, before)
            heads = await self.client.get_all(RUNS, [own(run_id, "head") for run_id in ids])
            for item in heads:
                # One that is missing has been deleted since.
                if item is not None:
                    run = head_in(await unpacked(self.client, RUNS, item)).run
                    if _matches(where, run):
                        found.append(run)
            if len(ids) < PAGE:
                break
            before = ids[-1]
        return found[:limit]

    async def record(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        change: Change = UNCHANGED,
        *,
        expected: RunStatus | None = None,
    ) -> bool:
        """See `RunStore.record`."""
        part = part_of(run_id)
        events = [await self._event(part, draft) for draft in drafts]
        values: list[Action] = []
        if change.output is not msgspec.UNSET:
            output = await packed(self.client, RUNS, part, _encode(change.output))
            values.append(put({**own(run_id, "output"), **output}))

        async def attempt() -> bool:
            head = await self._head(run_id)
            if head is None or head.run.has_ended or expected not in {None, head.run.status}:
                return False
            new = await self._not_yet(run_id, events)
            if events and not new:
                return False
            if new or change != UNCHANGED:
                changed = without_values(change.applied(head.run))
                await self._write(head, msgspec.structs.replace(head, run=changed), new, values)
            return True

        return await self._in_turn(run_id, attempt)

    async def begin_step(self, run_id: str, step_id: str, data: Mapping[str, Any]) -> Begun | None:
        """See `RunStore.begin_step`."""
        place = own(run_id, f"step#{step_id}")

        async def attempt() -> Begun | None:
            head = await self._head(run_id)
            if head is None or head.run.has_ended:
                return None
            seen = integer_of(await self.client.get(RUNS, place), "attempts")
            item = {**place, "attempts": number(seen + 1)}
            counted = put(item, "attempts = :seen", seen=number(seen)) if seen else put(item, NEW)
            draft = Draft(type="step.started", step_id=step_id, attempt=seen + 1, data=data)
            event = await self._event(part_of(run_id), draft)
            await self._write(head, head, [event], [counted])
            return Begun(seen + 1, head.run.tally)

        return await self._in_turn(run_id, attempt)

    async def events(
        self, run_id: str, *, after: int, limit: int, with_deltas: bool = True
    ) -> list[RunEvent]:
        """See `RunStore.events`."""
        request: dict[str, Any] = {
            "KeyConditionExpression": "part = :part AND place BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":part": text(part_of(run_id)),
                ":first": text(event_place(after + 1)),
                ":last": text("event#~"),
            },
            "ConsistentRead": True,
        }
        if not with_deltas:
            request["FilterExpression"] = "#type <> :delta"
            request["ExpressionAttributeNames"] = {"#type": "type"}
            request["ExpressionAttributeValues"][":delta"] = text("step.delta")
        found = await self.client.query(RUNS, request, limit=limit)
        if with_deltas:
            # A later one may be seen a moment before an earlier one of another transaction.
            expected = enumerate(found, after + 1)
            gap = next((i for i, item in expected if integer_of(item, "seq") != i), None)
            found = found if gap is None else found[: gap - after - 1]
        return [event_in(run_id, item, await unpacked(self.client, RUNS, item)) for item in found]

    async def command(self, command: Command) -> bool:
        """See `RunStore.command`."""
        return await RunCommands(self.client, self.clock).add(command)

    async def commands(self, *, after: int) -> list[Command]:
        """See `RunStore.commands`."""
        return await RunCommands(self.client, self.clock).after(after)

    async def last_command(self) -> int:
        """See `RunStore.last_command`."""
        return await RunCommands(self.client, self.clock).last()

    async def commands_of(self, run_id: str) -> list[Command]:
        """See `RunStore.commands_of`."""
        return await RunCommands(self.client, self.clock).of(run_id)

    async def unsubmitted(self, limit: int) -> list[str]:
        """See `RunStore.unsubmitted`; from then on, no other engine is given these."""
        request = {
            "KeyConditionExpression": "part = :part",
            "FilterExpression": "attribute_not_exists(engine) OR engine = :engine",
            "ExpressionAttributeValues": {":part": text(QUEUED), ":engine": text(self.engine)},
            "ConsistentRead": True,
        }
        found = await self.client.query(RUNS, request, limit=limit)
        ids = [text_of(item, "place") for item in found]
        taken: list[bool] = []
        for start in range(0, len(ids), _AT_ONCE):
            taken += await asyncio.gather(*map(self.claim, ids[start : start + _AT_ONCE]))
        return [run_id for run_id, is_ours in zip(ids, taken, strict=True) if is_ours]

    async def claim(self, run_id: str) -> bool:
        """See `RunStore.claim`."""

        async def attempt() -> bool:
            head = await self._head(run_id)
            if head is None or head.is_submitted or head.run.status != "queued":
                return False
            if head.engine is None:
                taken = msgspec.structs.replace(head, engine=self.engine)
                await self._write(head, taken, (), ())
                return True
            return head.engine == self.engine

        return await self._in_turn(run_id, attempt)

    async def submitted(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.submitted`."""
        for start in range(0, len(run_ids), _AT_ONCE):
            await asyncio.gather(*map(self._note_submitted, run_ids[start : start + _AT_ONCE]))

    async def counts(self) -> Mapping[RunStatus, int]:
        """See `RunStore.counts`."""
        request = {
            "KeyConditionExpression": "part = :part",
            "ProjectionExpression": "#status",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":part": text(OPEN)},
            "ConsistentRead": True,
        }
        found = await self.client.query(RUNS, request)
        return Counter(cast("RunStatus", text_of(item, "status")) for item in found)

    async def forget(self, *, before: float, limit: int) -> list[str]:
        """See `RunStore.forget`."""
        request = {
            "KeyConditionExpression": "part = :part AND place < :end",
            "ExpressionAttributeValues": {
                ":part": text(FINISHED),
                ":end": text(ended_place(before)),
            },
        }
        found = await self.client.query(RUNS, request, limit=limit)
        old = [text_of(item, "place") for item in found]
        for place in old:
            await self._forget(place.partition("#")[2], key(FINISHED, place))
        return [place.partition("#")[2] for place in old]

    async def has_erased(self) -> bool:
        """See `RunStore.has_erased`; `mark_erased` marks them."""
        request = {
            "KeyConditionExpression": "part = :part AND place < :end",
            "ExpressionAttributeValues": {
                ":part": text(FINISHED),
                ":end": text(ended_place(1.0)),
            },
            "ConsistentRead": True,
        }
        return bool(await self.client.query(RUNS, request, limit=1))

    async def mark_erased(self, run_id: str) -> bool:
        """Have whoever works on runs delete one that has ended; whether it was marked just now."""

        async def attempt() -> bool:
            head = await self._head(run_id)
            if head is None or not head.run.has_ended or head.run.finished_at == 0:
                return False
            marked = msgspec.structs.replace(head.run, finished_at=0.0)
            await self._write(head, msgspec.structs.replace(head, run=marked), (), ())
            return True

        return await self._in_turn(run_id, attempt)

    async def erase(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.erase`."""
        for run_id in run_ids:
            await self._in_turn(run_id, partial(self._erase, run_id))

    async def _erase(self, run_id: str) -> None:
        """Delete a run, its head last: until then it is listed, and who erases it again finds it.

        Raises:
            TransactionRefused: something was written meanwhile.
        """
        head = await self._head(run_id)
        if head is None:
            return
        place = own(run_id, "head")
        rest = [one for one in await self._owned(run_id) if one != place]
        await self.client.delete_all(RUNS, rest)
        unchanged = delete(place, "version = :seen", seen=number(head.version))
        await self.client.transact([unchanged, *map(delete, lists_with(head.run))])

    async def _forget(self, run_id: str, last: Item) -> None:
        """Delete all of a run; `last` goes last, so that what a dead process left is found."""
        head = await self._head(run_id)
        listed = [] if head is None else lists_with(head.run)
        owned = await self._owned(run_id)
        await self.client.delete_all(RUNS, [one for one in [*listed, *owned] if one != last])
        await self.client.delete_all(RUNS, [last])

    async def _owned(self, run_id: str) -> list[Item]:
        """Where everything of a run's own lies."""
        request = {
            "KeyConditionExpression": "part = :part",
            "ProjectionExpression": "part, place",
            "ExpressionAttributeValues": {":part": text(part_of(run_id))},
        }
        return await self.client.query(RUNS, request)

    async def _note_submitted(self, run_id: str) -> None:
        async def attempt() -> None:
            head = await self._head(run_id)
            if head is not None and not head.is_submitted:
                noted = msgspec.structs.replace(head, is_submitted=True)
                await self._write(head, noted, (), ())

        await self._in_turn(run_id, attempt)

    async def _in_turn(self, run_id: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` comes to, which is made again while others change the run."""
        async with self._turns.setdefault(run_id, asyncio.Lock()):
            for tried in range(TRIES):
                try:
                    return await attempt()
                except TransactionRefused:
                    longest = PAUSE_SECONDS * (tried + 1)
                    await asyncio.sleep(longest * random.random())  # noqa: S311 - no secret
        raise Overloaded("Too many change this run at once; try again.", retry_after_seconds=1)

    async def _write(
        self,
        before: Head | None,
        after: Head,
        events: Sequence[_Event],
        actions: Sequence[Action],
    ) -> None:
        """Put a head in the place of the one that was read, with all that changes with it.

        Raises:
            TransactionRefused: another one is there.
        """
        run_id = after.run.run_id
        last_seq = 0 if before is None else before.last_seq
        version = 1 if before is None else before.version + 1
        head = msgspec.structs.replace(after, version=version, last_seq=last_seq + len(events))
        body = await packed(self.client, RUNS, part_of(run_id), encoded_head(head))
        item = {**own(run_id, "head"), **body, "version": number(version)}
        first = (
            put(item, NEW)
            if before is None
            else put(item, "version = :seen", seen=number(before.version))
        )
        now = self.clock()
        written = [first, *moved(before, head), *actions]
        for seq, event in enumerate(events, last_seq + 1):
            place = own(run_id, event_place(seq))
            written.append(put({**place, **event_attributes(event.draft, seq, now), **event.data}))
            if event.draft.once is not None:
                written.append(put(own(run_id, f"once#{event.draft.once}"), NEW))
        await self.client.transact(written)

    async def _event(self, part: str, draft: Draft) -> _Event:
        return _Event(draft, await packed(self.client, RUNS, part, _encode(draft.data)))

    async def _not_yet(self, run_id: str, events: Sequence[_Event]) -> list[_Event]:
        """Those of the events that have not happened."""
        names = {event.draft.once: own(run_id, f"once#{event.draft.once}") for event in events}
        names.pop(None, None)
        found = await self.client.get_all(RUNS, list(names.values()))
        happened = {name for name, item in zip(names, found, strict=True) if item is not None}
        return [event for event in events if event.draft.once not in happened]

    async def _head(self, run_id: str) -> Head | None:
        item = await self.client.get(RUNS, own(run_id, "head"))
        return None if item is None else head_in(await unpacked(self.client, RUNS, item))

    async def _value(self, item: Item | None) -> Any:
        if item is None:
            return None
        return msgspec.json.decode(await unpacked(self.client, RUNS, item))

    async def _listed(self, where: RunFilter, before: str | None) -> list[str]:
        """The ids of the next runs of a list, newest first."""
        condition, values = "part = :part", {":part": text(list_of(where))}
        if before is not None:
            condition += " AND place < :before"
            values[":before"] = text(before)
        request = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        return [
            text_of(item, "place") for item in await self.client.query(RUNS, request, limit=PAGE)
        ]


def _matches(where: RunFilter, run: Run) -> bool:
    wanted = {name: value for name, value in where._asdict().items() if value is not None}
    return all(getattr(run, name) == value for name, value in wanted.items())
