"""The items of `ai-platform-runs`.

| `part`                       | `place`             | holds                                       |
|------------------------------|---------------------|---------------------------------------------|
| `run#<id>`                   | `head`              | the run, but for its input and output       |
| `run#<id>`                   | `input`, `output`   | these, as JSON                              |
| `run#<id>`                   | `event#<number>`    | an event                                    |
| `run#<id>`                   | `once#<name>`       | nothing: this has happened                  |
| `run#<id>`                   | `step#<id>`         | how often a step was begun                  |
| `run#<id>`                   | `command#<number>`  | a command to it                             |
| `run#<id>`                   | `decision#<step>`   | nothing: this step was decided on           |
| `runs`                       | id of a run         | nothing: the list of all                    |
| `key#<id>`                   | id of a run         | nothing: the list of a key's                |
| `user#<workspace>#<id>`      | id of a run         | nothing: the list of a user's               |
| `of#<id>`                    | id of a run         | nothing: a user's, in all workspaces        |
| `open`                       | id of a run         | the status of one that has not ended        |
| `queued`                     | id of a run         | which engine may take one that none has     |
| `ended`                      | moment and id       | nothing: which runs are the oldest          |
| `commands`                   | number              | a command to any run, for a week            |
| `counter`                    | `commands`          | the number of the latest command            |

All that is said of a run changes in one transaction with its head, whose `version` is the one that
was read: so events have no gap, and what has ended takes no more.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from headgate.core.runs import ENDED, Command, Draft, Run, RunEvent, RunFilter
from headgate.stores.dynamodb.attributes import (
    escaped,
    float_of,
    integer_of,
    number,
    text,
    text_of,
)
from headgate.stores.dynamodb.client import Item
from headgate.stores.dynamodb.schema import RUNS

Action: TypeAlias = Mapping[str, Any]

ALL = "runs"
OPEN = "open"
QUEUED = "queued"
FINISHED = "ended"
COMMANDS = "commands"
COUNTER: Item = {"part": text("counter"), "place": text("commands")}

NEW = "attribute_not_exists(part)"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its first item has it.

    Attributes:
        run: without its input and output, which may be large.
        version: grows with every change.
        last_seq: the number of its latest event.
        engine: the one that may take it, once one has asked for it.
        is_submitted: whether that engine has it.
    """

    run: Run
    version: int = 0
    last_seq: int = 0
    engine: str | None = None
    is_submitted: bool = False


_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(Head)
_command = msgspec.json.Decoder(Command)


def part_of(run_id: str) -> str:
    """The partition with all of a run's own."""
    return f"run#{run_id}"


def key(part: str, place: str) -> Item:
    """Where an item lies."""
    return {"part": text(part), "place": text(place)}


def own(run_id: str, place: str) -> Item:
    """Where something of a run's own lies."""
    return key(part_of(run_id), place)


def put(item: Item, condition: str | None = None, **values: Mapping[str, Any]) -> Action:
    """The part of a transaction that writes an item; `values` are those of the condition."""
    return {"Put": {"TableName": RUNS, "Item": item, **_provided(condition, values)}}


def delete(where: Item, condition: str | None = None, **values: Mapping[str, Any]) -> Action:
    """The part of a transaction that deletes an item; `values` are those of the condition."""
    return {"Delete": {"TableName": RUNS, "Key": where, **_provided(condition, values)}}


def _provided(condition: str | None, values: Mapping[str, Mapping[str, Any]]) -> Action:
    provided: dict[str, Any] = {}
    if condition is not None:
        provided["ConditionExpression"] = condition
    if values:
        provided["ExpressionAttributeValues"] = {f":{name}": each for name, each in values.items()}
    return provided


def encoded_head(head: Head) -> bytes:
    """A head's text."""
    return _encode(head)


def head_in(body: bytes) -> Head:
    """The head whose text this is."""
    return _head.decode(body)


def without_values(run: Run) -> Run:
    """A run without its input and output."""
    request = msgspec.structs.replace(run.request, input=None)
    return msgspec.structs.replace(run, request=request, output=None)


def list_of(where: RunFilter) -> str:
    """The shortest list that has all runs of a filter."""
    if where.key_id is not None:
        return _key_list(where.key_id)
    if where.user_id is not None and where.workspace_id is not None:
        return _user_list(where.workspace_id, where.user_id)
    if where.user_id is not None:
        return all_of_user(where.user_id)
    return ALL


def all_of_user(user_id: str) -> str:
    """The list of a user's runs, in whatever workspace."""
    return f"of#{escaped(user_id)}"


def moved(before: Head | None, after: Head) -> Iterator[Action]:
    """What changes in the lists when a head does."""
    old = {} if before is None else _listed(before)
    new = _listed(after)
    for (part, place), values in new.items():
        if old.get((part, place)) != values:
            yield put({**key(part, place), **values})
    for part, place in old.keys() - new.keys():
        yield delete(key(part, place))


def lists_with(run: Run) -> list[Item]:
    """Where a run is listed, or may be."""
    return [key(*place) for place in _listed(Head(run=run))]


def ended_place(moment: float, run_id: str = "") -> str:
    """Where an ended run stands among the others: texts of one length sort as numbers do."""
    return f"{moment:024.9f}#{run_id}"


def event_place(seq: int) -> str:
    """Where an event stands in its run."""
    return f"event#{seq:09d}"


def event_attributes(draft: Draft, seq: int, now: float) -> dict[str, Mapping[str, Any]]:
    """What an event's item has besides its data."""
    item = {
        "seq": number(seq),
        "type": text(draft.type),
        "at": number(now if draft.at is None else draft.at),
        "attempt": number(draft.attempt),
    }
    if draft.step_id is not None:
        item["stepId"] = text(draft.step_id)
    return item


def event_in(run_id: str, item: Item, data: bytes) -> RunEvent:
    """The event that an item is, with its data."""
    return msgspec.convert(
        {
            "seq": integer_of(item, "seq"),
            "run_id": run_id,
            "type": text_of(item, "type"),
            "at": float_of(item, "at"),
            "step_id": text_of(item, "stepId") if "stepId" in item else None,
            "attempt": integer_of(item, "attempt"),
            "data": msgspec.json.decode(data),
        },
        RunEvent,
    )


def command_place(command_number: int) -> str:
    """A command's number as a text that sorts as numbers do."""
    return f"{command_number:012d}"


def command_in(item: Item) -> Command:
    """The command that an item is."""
    return _command.decode(text_of(item, "body"))


def _listed(head: Head) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Where a run is listed, and what stands there."""
    run = head.run
    places: dict[tuple[str, str], Mapping[str, Any]] = {
        (ALL, run.run_id): {},
        (_key_list(run.key_id), run.run_id): {},
    }
    if run.user_id is not None:
        places[_user_list(run.workspace_id, run.user_id), run.run_id] = {}
        places[all_of_user(run.user_id), run.run_id] = {}
    if run.status in ENDED:
        finished_at = run.created_at if run.finished_at is None else run.finished_at
        places[FINISHED, ended_place(finished_at, run.run_id)] = {}
        return places
    places[OPEN, run.run_id] = {"status": text(run.status)}
    if run.status == "queued" and not head.is_submitted:
        places[QUEUED, run.run_id] = {} if head.engine is None else {"engine": text(head.engine)}
    return places


def _key_list(key_id: str) -> str:
    return f"key#{key_id}"


def _user_list(workspace_id: str, user_id: str) -> str:
    return f"user#{escaped(workspace_id)}#{escaped(user_id)}"
