"""The ledger's rows: every call, as it was recorded."""

from typing import NamedTuple

import msgspec

from headgate.core.money import Dollars, to_json
from headgate.core.times import iso
from headgate.core.usage import CacheResult, CallStatus, UsageEvent
from headgate.http.calls import Call, Reply
from headgate.http.lists import Cursor, PageSize, behind, cursor_of, page
from headgate.http.usage import Id, RangeQuery, events_that_count

# A page whose filter finds little ends after so many rows, which are read in pieces.
MOST_LOOKED_AT = 5000
LOOKED_AT_ONCE = 500


class EventsQuery(RangeQuery, rename="camel"):
    """A range of time, whose usage, which calls, and which page."""

    model: Id | None = None
    provider: Id | None = None
    status: CallStatus | None = None
    cache: CacheResult | None = None
    limit: PageSize = 50
    cursor: Cursor | None = None


class EventItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One call, as the ledger keeps it."""

    id: str
    request_id: str
    timestamp: str
    user_id: str | None
    key_id: str
    workspace_id: str
    provider: str
    model: str
    use_case: str | None
    request_type: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: Dollars
    billed: Dollars
    saved_cost: Dollars
    auto_saved: Dollars
    byok: bool
    cache: str
    status: str
    latency_ms: int
    first_token_ms: int | None
    run_id: str | None
    tags: tuple[str, ...]
    price_version: str
    estimated: bool
    overrun: bool
    prompt: str | None
    prompt_version: int | None


class EventPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of calls, newest first."""

    data: list[EventItem]
    next_cursor: str | None


async def usage_events(call: Call[None]) -> Reply:
    """`GET /v1/usage/events`."""
    query: EventsQuery = call.query
    where = events_that_count(call, query)
    wanted = _Wanted(query.model, query.provider, query.status, query.cache)
    found: list[UsageEvent] = []
    looked_at, before = 0, behind(query.cursor, "evt_")
    while looked_at < MOST_LOOKED_AT:
        size = query.limit + 1 if wanted.is_everything else LOOKED_AT_ONCE
        events = await call.services.usage.events(where, limit=size, before=before)
        found += filter(wanted.holds, events)
        if len(found) > query.limit or len(events) < size:
            return Reply(page([_event(e) for e in found], query.limit, [e.id for e in found]))
        looked_at, before = looked_at + len(events), events[-1].id
    # Few are among many: the page ends where the search has got to, and the next goes on there.
    next_cursor = None if before is None else cursor_of(before)
    return Reply({"data": [_event(event) for event in found], "nextCursor": next_cursor})


class _Wanted(NamedTuple):
    """What events must be; None is whatever."""

    model: str | None
    provider: str | None
    status: CallStatus | None
    cache: CacheResult | None

    @property
    def is_everything(self) -> bool:
        return not any(self)

    def holds(self, event: UsageEvent) -> bool:
        return all(
            wanted is None or wanted == found
            for wanted, found in zip(
                self, (event.model, event.provider, event.status, event.cache), strict=True
            )
        )


def _event(event: UsageEvent) -> EventItem:
    return EventItem(
        id=event.id,
        request_id=event.request_id,
        timestamp=iso(event.timestamp / 1000),
        user_id=event.user_id,
        key_id=event.key_id,
        workspace_id=event.workspace_id,
        provider=event.provider,
        model=event.model,
        use_case=event.use_case,
        request_type=event.request_type,
        input_tokens=event.input_tokens,
        cached_input_tokens=event.cached_input_tokens,
        output_tokens=event.output_tokens,
        reasoning_tokens=event.reasoning_tokens,
        cost=to_json(event.cost),
        billed=to_json(event.billed),
        saved_cost=to_json(event.saved_cost),
        auto_saved=to_json(event.auto_saved),
        byok=event.byok,
        cache=event.cache,
        status=event.status,
        latency_ms=event.latency_ms,
        first_token_ms=event.first_token_ms,
        run_id=event.run_id,
        tags=event.tags,
        price_version=event.price_version,
        estimated=event.estimated,
        overrun=event.overrun,
        prompt=event.prompt,
        prompt_version=event.prompt_version,
    )
