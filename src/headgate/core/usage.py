"""The ledger's rows and the questions asked of them."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from headgate.core.money import NanoUSD

RequestType: TypeAlias = Literal["completion", "embedding", "tool", "agent"]
CallStatus: TypeAlias = Literal["ok", "error", "cancelled", "incomplete"]
CacheResult: TypeAlias = Literal["hit", "miss", "bypass"]
Dimension: TypeAlias = Literal[
    "model", "provider", "user", "key", "workspace", "day", "hour", "tag"
]
DIMENSIONS: tuple[Dimension, ...] = (
    "model",
    "provider",
    "user",
    "key",
    "workspace",
    "day",
    "hour",
    "tag",
)


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a model, as the ledger keeps it for good.

    Attributes:
        id: unique; sorts by time, and carries `timestamp` (`ids.event_id`).
        timestamp: milliseconds since 1970, UTC, when the call ended.
        cost: the vendor's price. `billed`: what the caller is charged. `saved_cost`: what a cache
            hit avoided. `auto_saved`: what `auto` avoided by taking none of the dearer models that
            could have answered, for the same tokens.
        price_version: which prices were used, so that a later change rewrites no history.
        estimated: the vendor gave no count, so tokens were counted here.
        overrun: the vendor charged more than the most that was reserved.
        prompt, prompt_version: the template that the call was made from, where it was from one.
    """

    id: str
    request_id: str
    timestamp: int
    key_id: str
    workspace_id: str
    user_id: str | None
    provider: str
    model: str
    request_type: RequestType
    status: CallStatus
    cost: NanoUSD
    billed: NanoUSD
    price_version: str
    use_case: str | None = None
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    saved_cost: NanoUSD = 0
    byok: bool = False
    cache: CacheResult = "bypass"
    latency_ms: int = 0
    first_token_ms: int | None = None
    run_id: str | None = None
    tags: tuple[str, ...] = ()
    estimated: bool = False
    overrun: bool = False
    auto_saved: NanoUSD = 0
    prompt: str | None = None
    prompt_version: int | None = None


class Timing(NamedTuple):
    """How long a call took; the fields are those of its event."""

    timestamp: int
    status: CallStatus
    cache: CacheResult
    latency_ms: int
    first_token_ms: int | None


def timing_of(event: UsageEvent) -> Timing:
    """How long this call took."""
    return Timing(
        event.timestamp, event.status, event.cache, event.latency_ms, event.first_token_ms
    )


class UsageTotals(msgspec.Struct, frozen=True):
    """Sums over events; `own_cost` is the part of `cost` that users' own vendor keys paid."""

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: NanoUSD = 0
    billed: NanoUSD = 0
    cache_hits: int = 0
    saved_cost: NanoUSD = 0
    auto_saved: NanoUSD = 0
    own_cost: NanoUSD = 0


def total(sums: Iterable[UsageTotals]) -> UsageTotals:
    """Several sums together."""
    columns = zip(*map(msgspec.structs.astuple, sums), strict=True)
    return UsageTotals(*map(sum, columns))


class UsageFilter(NamedTuple):
    """Which events count: from `start` to before `end`, and those of one owner where it is set.

    Both moments have a time zone. The `user_id` `""` means the events without a user. A key is in
    one workspace for ever, so its events are too.
    """

    start: dt.datetime
    end: dt.datetime
    user_id: str | None = None
    key_id: str | None = None
    workspace_id: str | None = None


class UsageStore(Protocol):
    """Questions to the ledger. Every method may raise `Overloaded` when the store is away."""

    async def totals(self, where: UsageFilter) -> UsageTotals:
        """Sums over all events that count."""
        ...

    async def rows(self, where: UsageFilter, by: Dimension) -> list[tuple[str, UsageTotals]]:
        """Sums per value of a dimension: by time in its order, else the highest `billed` first.

        A day is named `2026-11-23`, an hour `2026-11-23T07:00:00.000Z`, and the user of events
        without one `""`. An event counts once for each of its tags.
        """
        ...

    async def events(
        self, where: UsageFilter, *, limit: int, before: str | None
    ) -> list[UsageEvent]:
        """Up to `limit` events, newest first, older than the event whose id is `before`.

        Those of one millisecond are ordered by their ids. Empty where `before` is no event's id; a
        store may go on from where an event was that is there no more.
        """
        ...

    async def daily(
        self, by: Dimension, value: str, start: dt.datetime, end: dt.datetime
    ) -> dict[str, NanoUSD]:
        """What one model, user, key or workspace was billed on each day that it was used.

        From the day that begins at `start` to before the one that begins at `end`, both midnights
        in UTC; days are named as in `rows`.
        """
        ...

    async def daily_of_each(
        self, by: Dimension, values: Collection[str], start: dt.datetime, end: dt.datetime
    ) -> dict[str, dict[str, NanoUSD]]:
        """`daily` of those of several models, users, keys or workspaces that were used."""
        ...

    async def timings(self, where: UsageFilter, *, limit: int) -> list[Timing]:
        """How long the newest `limit` calls that count took, newest first."""
        ...

    async def forget(self, *, before: dt.datetime, limit: int, worker: str, now: float) -> int:
        """Delete up to `limit` events from before a whole hour, the oldest first; how many it did.

        Sums stay. An hour from before that moment counts as a whole from then on, in every range
        that holds its beginning, and its events are listed no more. One `worker` deletes at a time,
        and others delete nothing meanwhile. A store that deletes by itself returns 0.
        """
        ...
