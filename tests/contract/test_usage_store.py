"""What every store of usage promises: its answers are sums over its events, to the millisecond."""

import datetime as dt
import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from headgate.core.budgets import LedgerStore, Settlement
from headgate.core.ids import event_id
from headgate.core.usage import (
    DIMENSIONS,
    Dimension,
    UsageEvent,
    UsageFilter,
    UsageStore,
    UsageTotals,
    timing_of,
)
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.memory import MemoryLedger
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.usage import SqliteUsage
from ministack import dynamo_client
from usage_events import NOON, usage_event

HOUR = 3_600_000
DAY = 24 * HOUR
MIDNIGHT = NOON - 12 * HOUR


class Stores(NamedTuple):
    """Both ports over one store: what is settled on one side is asked for on the other."""

    ledger: LedgerStore
    usage: UsageStore


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        memory = MemoryLedger()
        yield Stores(memory, memory)
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            ledger = DynamoLedger(client)
            yield Stores(ledger, DynamoUsage(client))
            await ledger.close()
        return
    database = Database(tmp_path / "headgate.db")
    yield Stores(SqliteLedger(database), SqliteUsage(database))
    await database.close()


def moment(milliseconds: float) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)


def between(start: float, end: float, **owner: str) -> UsageFilter:
    return UsageFilter(moment(start), moment(end), **owner)


ALL = between(0, NOON + 1000 * DAY)


async def record(stores: Stores, events: Iterable[UsageEvent]) -> None:
    for event in events:
        await stores.ledger.settle(Settlement("process-1", event, ()))


async def test_an_empty_ledger_has_no_sums_and_no_rows(stores: Stores) -> None:
    assert await stores.usage.totals(ALL) == UsageTotals()
    assert await stores.usage.rows(ALL, "model") == []
    assert await stores.usage.events(ALL, limit=10, before=None) == []


async def test_an_event_comes_back_as_it_was_settled(stores: Stores) -> None:
    full = usage_event(
        id="evt_2",
        user_id=None,
        use_case='a "quoted" one',
        input_tokens=1,
        cached_input_tokens=2,
        cache_write_tokens=3,
        output_tokens=4,
        reasoning_tokens=5,
        saved_cost=6,
        byok=True,
        cache="hit",
        latency_ms=7,
        first_token_ms=8,
        run_id="run_1",
        tags=("b", "a", "ü,ö"),
        estimated=True,
        overrun=True,
        auto_saved=7,
        prompt="summarize",
        prompt_version=2,
    )
    plain = usage_event(id="evt_1")
    await record(stores, [full, plain])
    assert await stores.usage.events(ALL, limit=10, before=None) == [full, plain]


async def test_totals_count_errors_and_cache_hits(stores: Stores) -> None:
    await record(
        stores,
        [
            usage_event(status="error", input_tokens=1, cost=0, billed=0),
            usage_event(status="cancelled", output_tokens=2, cost=10, billed=11, auto_saved=9),
            usage_event(cache="hit", cost=0, billed=0, saved_cost=50),
            usage_event(byok=True, cost=30, billed=0),
        ],
    )
    assert await stores.usage.totals(ALL) == UsageTotals(
        requests=4,
        errors=2,
        input_tokens=1,
        output_tokens=2,
        cost=40,
        billed=11,
        cache_hits=1,
        saved_cost=50,
        auto_saved=9,
        own_cost=30,
    )


@pytest.mark.parametrize(
    ("start", "end", "requests"),
    [
        (NOON, NOON + 1, 1),
        (NOON + 1, NOON + HOUR, 0),
        (NOON - HOUR, NOON, 0),
        (NOON - HOUR, NOON + 1, 1),
        (NOON - 0.5, NOON + 0.5, 1),
        (NOON + 0.5, NOON + HOUR, 0),
        (NOON, NOON, 0),
        (NOON + HOUR, NOON - HOUR, 0),
        (NOON - 5 * DAY, NOON + 5 * DAY, 1),
    ],
)
async def test_a_range_holds_its_start_and_not_its_end(
    stores: Stores, start: float, end: float, requests: int
) -> None:
    await record(stores, [usage_event(timestamp=NOON)])
    where = between(start, end)
    assert (await stores.usage.totals(where)).requests == requests
    assert len(await stores.usage.rows(where, "day")) == requests
    assert len(await stores.usage.events(where, limit=9, before=None)) == requests


async def test_rows_come_with_the_highest_bill_first(stores: Stores) -> None:
    await record(
        stores,
        [
            usage_event(model="cheap", billed=1),
            usage_event(model="dear", billed=9),
            usage_event(model="also cheap", billed=1),
        ],
    )
    rows = await stores.usage.rows(ALL, "model")
    assert [value for value, _ in rows] == ["dear", "also cheap", "cheap"]


async def test_rows_of_time_come_in_its_order_and_name_it(stores: Stores) -> None:
    await record(
        stores,
        [
            usage_event(timestamp=MIDNIGHT + 31 * HOUR),
            usage_event(timestamp=MIDNIGHT + 1, billed=1),
        ],
    )
    days = await stores.usage.rows(ALL, "day")
    hours = await stores.usage.rows(ALL, "hour")
    assert [value for value, _ in days] == ["2026-11-23", "2026-11-24"]
    assert [value for value, _ in hours] == ["2026-11-23T00:00:00.000Z", "2026-11-24T07:00:00.000Z"]


async def test_events_without_a_user_are_a_row_of_their_own(stores: Stores) -> None:
    await record(stores, [usage_event(user_id=None), usage_event(user_id="ada")])
    rows = await stores.usage.rows(ALL, "user")
    assert sorted(value for value, _ in rows) == ["", "ada"]
    assert (await stores.usage.totals(ALL._replace(user_id=""))).requests == 1


async def test_an_event_counts_once_for_each_of_its_tags(stores: Stores) -> None:
    await record(stores, [usage_event(tags=("a", "b", "a")), usage_event(tags=("b",))])
    for where in (ALL, between(NOON, NOON + 1)):
        rows = await stores.usage.rows(where, "tag")
        assert {value: totals.requests for value, totals in rows} == {"a": 1, "b": 2}


async def test_pages_of_events_are_stable_while_new_ones_arrive(stores: Stores) -> None:
    # Some share a millisecond: the id decides.
    moments = [NOON + n // 3 for n in range(20)]
    old = [usage_event(id=event_id(t, n, "0" * 8), timestamp=t) for n, t in enumerate(moments)]
    await record(stores, random.Random(1).sample(old, len(old)))
    seen: list[UsageEvent] = []
    for _ in range(5):
        before = seen[-1].id if seen else None
        seen += await stores.usage.events(ALL, limit=6, before=before)
        await record(stores, [usage_event(timestamp=NOON + DAY)])
    assert seen == list(reversed(old))


async def test_nothing_is_older_than_an_event_that_does_not_exist(stores: Stores) -> None:
    await record(stores, [usage_event()])
    assert await stores.usage.events(ALL, limit=10, before="evt_none") == []


async def test_timings_are_those_of_the_newest_calls(stores: Stores) -> None:
    events = [
        usage_event(id=f"evt_{number}", timestamp=NOON + number, latency_ms=number)
        for number in range(4)
    ]
    events.append(usage_event(id="evt_9", key_id="other", cache="hit", first_token_ms=5))
    await record(stores, events)
    found = await stores.usage.timings(ALL, limit=2)
    assert found == [timing_of(event) for event in (events[3], events[2])]
    assert [each.cache for each in await stores.usage.timings(ALL, limit=9)].count("hit") == 1
    of_other = await stores.usage.timings(between(0, NOON + DAY, key_id="other"), limit=9)
    assert of_other == [timing_of(events[4])]
    assert await stores.usage.timings(between(0, NOON), limit=9) == []


async def test_days_of_one_model_user_key_or_workspace_are_summed(stores: Stores) -> None:
    await record(
        stores,
        [
            usage_event(timestamp=MIDNIGHT - DAY, billed=1),
            usage_event(timestamp=NOON, billed=2),
            usage_event(timestamp=NOON + HOUR, billed=4),
            usage_event(timestamp=MIDNIGHT + DAY, billed=8),
            usage_event(
                key_id="another", user_id="bob", workspace_id="acme", model="small", billed=16
            ),
        ],
    )
    start, end = moment(MIDNIGHT - DAY), moment(MIDNIGHT + DAY)
    owners: list[tuple[Dimension, str]] = [
        ("key", "sk-proj-one"),
        ("user", "ada"),
        ("workspace", "default"),
        ("model", "gpt-4o"),
    ]
    for by, value in owners:
        found = await stores.usage.daily(by, value, start, end)
        assert found == {"2026-11-22": 1, "2026-11-23": 6}, by
        others = [name for name, _ in await stores.usage.rows(ALL, by) if name != value]
        each = await stores.usage.daily_of_each(by, [value, *others, "nobody"], start, end)
        assert each == {value: found, others[0]: {"2026-11-23": 16}}, by
        assert await stores.usage.daily_of_each(by, [value], start, end) == {value: found}, by
    assert await stores.usage.daily("user", "nobody", start, end) == {}


async def forget(stores: Stores, before: float, *, limit: int = 1000) -> int:
    return await stores.usage.forget(before=moment(before), limit=limit, worker="one", now=0.0)


async def test_sums_stay_when_their_events_are_forgotten(stores: Stores) -> None:
    chance = random.Random(5)
    await record(stores, random_events(chance))
    wheres = [
        between(MIDNIGHT, MIDNIGHT + 4 * DAY),
        between(MIDNIGHT + 5 * HOUR, MIDNIGHT + 2 * DAY + 7 * HOUR, user_id="ada"),
        between(MIDNIGHT + 30 * HOUR, MIDNIGHT + 3 * DAY + 7 * HOUR + 5, key_id="sk-proj-one"),
    ]
    before = [
        (
            await stores.usage.totals(where),
            [await stores.usage.rows(where, by) for by in DIMENSIONS],
        )
        for where in wheres
    ]
    await forget(stores, MIDNIGHT + 2 * DAY)
    after = [
        (
            await stores.usage.totals(where),
            [await stores.usage.rows(where, by) for by in DIMENSIONS],
        )
        for where in wheres
    ]
    assert after == before


async def test_a_forgotten_hour_counts_as_a_whole_where_it_begins(stores: Stores) -> None:
    await record(stores, [usage_event(timestamp=NOON + 1), usage_event(timestamp=NOON + HOUR - 1)])
    half = NOON + HOUR / 2
    assert (await stores.usage.totals(between(NOON - HOUR, half))).requests == 1
    await forget(stores, NOON + HOUR)
    for start, end, requests in [
        (NOON - HOUR, half, 2),
        (half, NOON + 5 * HOUR, 0),
        (NOON, NOON + 1, 2),
        (NOON + 1, half, 0),
    ]:
        where = between(start, end)
        assert (await stores.usage.totals(where)).requests == requests
        assert sum(sums.requests for _, sums in await stores.usage.rows(where, "tag")) == 0
        assert len(await stores.usage.rows(where, "hour")) == min(1, requests)


async def test_forgotten_events_are_listed_no_more(stores: Stores) -> None:
    old = [usage_event(id=f"evt_{n}", timestamp=NOON - n) for n in range(1, 4)]
    new = usage_event(id=event_id(NOON, 1, "0" * 8), timestamp=NOON)
    await record(stores, [*old, new])
    # Not even those that are still to be deleted.
    assert await forget(stores, NOON, limit=1) in (0, 1)
    assert await stores.usage.events(ALL, limit=9, before=None) == [new]
    where = ALL._replace(user_id="ada")
    assert await stores.usage.events(where, limit=9, before=new.id) == []


async def test_what_was_forgotten_is_not_known_again_by_keeping_more(stores: Stores) -> None:
    await record(stores, [usage_event(timestamp=NOON + 1)])
    await forget(stores, NOON + HOUR)
    await forget(stores, NOON - DAY)
    assert (await stores.usage.totals(between(NOON, NOON + 1))).requests == 1


def random_events(chance: random.Random) -> list[UsageEvent]:
    """Four days of events, many of them next to the edge of an hour or a day."""
    events = []
    for number in range(300):
        key, workspace = chance.choice(
            [("sk-proj-one", "default"), ("sk-proj-two", "acme"), ("sk-proj-three", "acme")]
        )
        timestamp = MIDNIGHT + chance.randrange(4 * DAY)
        if chance.random() < 0.4:
            unit = chance.choice([HOUR, DAY])
            timestamp = timestamp // unit * unit + chance.choice([-1, 0, 1])
        events.append(
            usage_event(
                id=event_id(timestamp, number, "00000000"),
                timestamp=timestamp,
                key_id=key,
                user_id=chance.choice([None, "ada", "bob"]),
                workspace_id=workspace,
                provider=chance.choice(["openai", "anthropic"]),
                model=chance.choice(["small", "large"]),
                status=chance.choice(["ok", "ok", "error", "incomplete"]),
                cache=chance.choice(["hit", "miss", "bypass"]),
                tags=tuple(chance.sample(["a", "b", "c"], chance.randrange(4))),
                cost=chance.randrange(10**12),
                billed=chance.randrange(10**12),
                saved_cost=chance.randrange(1000),
                auto_saved=chance.randrange(1000),
                byok=chance.random() < 0.3,
                input_tokens=chance.randrange(1000),
                output_tokens=chance.randrange(1000),
            )
        )
    return events


def random_filter(chance: random.Random) -> UsageFilter:
    ends = []
    for _ in range(2):
        unit = chance.choice([1, HOUR, DAY])
        ends.append((MIDNIGHT + chance.randrange(-HOUR, 4 * DAY + HOUR)) // unit * unit)
    return UsageFilter(
        moment(min(ends)),
        moment(max(ends)),
        user_id=chance.choice([None, None, "ada", "bob", "nobody"]),
        key_id=chance.choice([None, None, "sk-proj-one"]),
        workspace_id=chance.choice([None, None, "acme", "default", "none"]),
    )


def counts(event: UsageEvent, where: UsageFilter) -> bool:
    return (
        where.start <= moment(event.timestamp) < where.end
        and (where.user_id is None or event.user_id == where.user_id)
        and (where.key_id is None or event.key_id == where.key_id)
        and (where.workspace_id is None or event.workspace_id == where.workspace_id)
    )


def values_of(event: UsageEvent, by: Dimension) -> list[str]:
    text = moment(event.timestamp).isoformat()
    return {
        "model": [event.model],
        "provider": [event.provider],
        "user": [event.user_id or ""],
        "key": [event.key_id],
        "workspace": [event.workspace_id],
        "day": [text[:10]],
        "hour": [text[:13] + ":00:00.000Z"],
        "tag": list(event.tags),
    }[by]


def totals_of(events: list[UsageEvent]) -> UsageTotals:
    return UsageTotals(
        requests=len(events),
        errors=sum(event.status != "ok" for event in events),
        input_tokens=sum(event.input_tokens for event in events),
        output_tokens=sum(event.output_tokens for event in events),
        cost=sum(event.cost for event in events),
        billed=sum(event.billed for event in events),
        cache_hits=sum(event.cache == "hit" for event in events),
        saved_cost=sum(event.saved_cost for event in events),
        auto_saved=sum(event.auto_saved for event in events),
        own_cost=sum(event.cost for event in events if event.byok),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_any_question_is_answered_as_if_all_events_were_counted(
    stores: Stores, seed: int
) -> None:
    chance = random.Random(seed)
    events = random_events(chance)
    await record(stores, events)
    for _ in range(20):
        where = random_filter(chance)
        counted = [event for event in events if counts(event, where)]
        assert await stores.usage.totals(where) == totals_of(counted), where
        for by in DIMENSIONS:
            values = {value for event in counted for value in values_of(event, by)}
            expected = {
                value: totals_of([event for event in counted if value in values_of(event, by)])
                for value in values
            }
            assert dict(await stores.usage.rows(where, by)) == expected, (where, by)
        newest = sorted(counted, key=lambda event: event.id, reverse=True)
        assert await stores.usage.events(where, limit=200, before=None) == newest[:200], where
        if where.workspace_id is not None:
            timings = await stores.usage.timings(where, limit=10)
            assert timings == [timing_of(event) for event in newest[:10]], where
        if newest:
            before = chance.randrange(len(newest))
            page = await stores.usage.events(where, limit=5, before=newest[before].id)
            assert page == newest[before + 1 : before + 6], where


async def test_what_is_erased_was_never_asked_for(stores: Stores) -> None:
    """Each answer is as if only the others had been recorded, whatever hour is open."""
    chance = random.Random(5)
    events = [
        usage_event(
            id=f"evt_{number:03}",
            timestamp=MIDNIGHT - 9 * DAY + chance.randrange(10 * DAY),
            user_id=chance.choice(("ada", "ben", None)),
            key_id=chance.choice(("key-1", "key-2")),
            model=chance.choice(("small", "large")),
            billed=number,
            auto_saved=number,
            tags=chance.choice(((), ("a",), ("a", "b"))),
        )
        for number in range(40)
    ]
    samples = events[::2]
    await record(stores, events)
    calls = [Settlement("samples", event, ()) for event in samples]
    assert await stores.ledger.erase(calls) == len(samples)
    assert await stores.ledger.erase(calls) == 0
    alone = MemoryLedger()
    for event in events[1::2]:
        await alone.settle(Settlement("process-1", event, ()))
    for where in (ALL, between(MIDNIGHT - 5 * DAY + 7, MIDNIGHT), between(0, NOON, user_id="ada")):
        assert await stores.usage.totals(where) == await alone.totals(where)
        for by in DIMENSIONS:
            assert await stores.usage.rows(where, by) == await alone.rows(where, by), by
    found = await stores.usage.events(ALL, limit=100, before=None)
    assert {event.id for event in found} == {event.id for event in events[1::2]}
    await record(stores, samples)
    assert (await stores.usage.totals(ALL)).requests == len(events)
