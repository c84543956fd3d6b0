"""What agents remember of the person whose key it is: shown, corrected and forgotten."""

from typing import Annotated, Literal

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.core.memory import Fact, Turn, person_of
from headgate.core.times import iso, parse_iso
from headgate.http.calls import Call, Reply

WINDOW = 200


class FactBody(msgspec.Struct, rename="camel"):
    """A fact to keep; it is forgotten at `expiresAt`."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    expires_at: str | None = None


class FactsQuery(msgspec.Struct):
    """Which facts: all, or those that fit a `query`."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None


class FactItem(msgspec.Struct, frozen=True, rename="camel"):
    """A fact."""

    id: str
    text: str
    created_at: str
    expires_at: str | None


class FactList(msgspec.Struct, frozen=True):
    """Facts, the newest or the fittest first."""

    data: list[FactItem]


class TurnItem(msgspec.Struct, frozen=True):
    """What was said."""

    speaker: Literal["user", "assistant"]
    text: str
    at: str


class TurnList(msgspec.Struct, frozen=True):
    """A conversation, in its order."""

    data: list[TurnItem]


class Forgotten(msgspec.Struct, frozen=True):
    """What is there no more."""

    id: str
    deleted: Literal[True] = True


async def facts(call: Call[None]) -> Reply:
    """`GET /v1/agents/memory`."""
    found = await call.services.memories.facts(person_of(call.key), call.query.query)
    return Reply(FactList([_fact(fact) for fact in found]))


async def keep(call: Call[FactBody]) -> Reply:
    """`POST /v1/agents/memory`."""
    person, expires_at = person_of(call.key), _moment(call.body.expires_at)
    fact = await call.services.memories.keep(person, call.body.text, expires_at=expires_at)
    return Reply(_fact(fact), 201)


async def change(call: Call[FactBody]) -> Reply:
    """`PUT /v1/agents/memory/{id}`."""
    fact = await call.services.memories.keep(
        person_of(call.key),
        call.body.text,
        expires_at=_moment(call.body.expires_at),
        fact_id=call.params["id"],
    )
    return Reply(_fact(fact))


async def forget(call: Call[None]) -> Reply:
    """`DELETE /v1/agents/memory/{id}`."""
    await call.services.memories.forget(person_of(call.key), call.params["id"])
    return Reply(Forgotten(call.params["id"]))


async def conversation(call: Call[None]) -> Reply:
    """`GET /v1/agents/sessions/{id}`."""
    store = call.services.memories.store
    turns = await store.conversation(person_of(call.key), call.params["id"], limit=WINDOW)
    return Reply(TurnList([_turn(turn) for turn in turns]))


async def end(call: Call[None]) -> Reply:
    """`DELETE /v1/agents/sessions/{id}`."""
    await call.services.memories.store.end(person_of(call.key), call.params["id"])
    return Reply(Forgotten(call.params["id"]))


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else parse_iso(text).timestamp()
    except ValueError as error:
        raise InvalidRequest(f"expiresAt: {error}", param="expiresAt") from None


def _fact(fact: Fact) -> FactItem:
    expires_at = None if fact.expires_at is None else iso(fact.expires_at)
    return FactItem(fact.id, fact.text, iso(fact.created_at), expires_at)


def _turn(turn: Turn) -> TurnItem:
    return TurnItem(turn.speaker, turn.text, iso(turn.at))
