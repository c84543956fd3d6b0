"""What every store of kept answers promises: one process makes a call, all get its answer."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from headgate.core.answers import AnswerKey, AnswerStore, Claim, KeptAnswer, answer_key
from headgate.core.budgets import Account, Charge, LedgerStore, Settlement
from headgate.stores.dynamodb.answers import DynamoAnswers
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.memory import MemoryLedger
from headgate.stores.sqlite.answers import SqliteAnswers
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from ministack import dynamo_client
from usage_events import usage_event

NOW = 1000.0
CALL = answer_key("sk-proj-one", "POST /v1/complete", "order-1", b"{}")
OTHER_BODY = answer_key("sk-proj-one", "POST /v1/complete", "order-1", b'{"model":"auto"}')


class Stores(NamedTuple):
    answers: AnswerStore
    ledger: LedgerStore


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "memory":
            ledger = MemoryLedger()
            yield Stores(ledger.answers, ledger)
        elif request.param == "dynamodb":
            client = await stack.enter_async_context(dynamo_client())
            dynamo = DynamoLedger(client)
            stack.push_async_callback(dynamo.close)
            yield Stores(DynamoAnswers(client), dynamo)
        else:
            database = Database(tmp_path / "headgate.db")
            stack.push_async_callback(database.close)
            yield Stores(SqliteAnswers(database), SqliteLedger(database))


async def claim(
    stores: Stores,
    owner: str = "process-1",
    key: AnswerKey = CALL,
    *,
    now: float = NOW,
    until: float = NOW + 5,
) -> Claim | KeptAnswer:
    return await stores.answers.claim(key, owner=owner, now=now, until=until)


def mine(owner: str = "process-1", key: AnswerKey = CALL) -> Claim:
    return Claim(owner=owner, fingerprint=key.fingerprint)


def answer(body: bytes = b'{"id":"1"}', key: AnswerKey = CALL) -> KeptAnswer:
    return KeptAnswer(
        key=key, model="gpt-4o", provider="openai", body=body, expires_at=NOW + 86_400
    )


async def keep(stores: Stores, kept: KeptAnswer) -> None:
    charge = Charge(Account("key", "sk-proj-one"), "2026-11", 5, 0)
    await stores.ledger.settle(Settlement("process-1", usage_event(billed=5), (charge,), kept))


def test_a_call_is_known_by_its_key_route_idempotency_key_and_body() -> None:
    calls = [
        answer_key("one", "POST /v1/complete", "order-1", b"{}"),
        answer_key("two", "POST /v1/complete", "order-1", b"{}"),
        answer_key("one", "POST /v1/embed", "order-1", b"{}"),
        answer_key("one", "POST /v1/complete", "order-2", b"{}"),
    ]
    assert len({call.id for call in calls}) == len(calls)
    assert calls[0] == answer_key("one", "POST /v1/complete", "order-1", b"{}")
    other = answer_key("one", "POST /v1/complete", "order-1", b"[]")
    assert other.id == calls[0].id
    assert other.fingerprint != calls[0].fingerprint


async def test_the_first_to_ask_makes_the_call(stores: Stores) -> None:
    assert await claim(stores) == mine()
    assert await claim(stores, "process-2") == mine()


async def test_who_only_looks_changes_nothing(stores: Stores) -> None:
    assert await stores.answers.find(CALL.id, now=NOW) is None
    await claim(stores)
    assert await stores.answers.find(CALL.id, now=NOW + 4.9) == mine()
    assert await stores.answers.find(CALL.id, now=NOW + 5) is None
    assert not await stores.answers.is_awaited(CALL.id, since=0)
    await keep(stores, answer())
    assert await stores.answers.find(CALL.id, now=NOW + 60) == answer()
    assert await stores.answers.find(CALL.id, now=NOW + 86_400) is None


async def test_an_owner_is_given_its_own_claim_again(stores: Stores) -> None:
    await claim(stores)
    assert await claim(stores, key=OTHER_BODY) == mine(key=OTHER_BODY)


async def test_who_asks_with_another_body_learns_of_the_first_one(stores: Stores) -> None:
    await claim(stores)
    found = await claim(stores, "process-2", OTHER_BODY)
    assert found == mine()


async def test_a_claim_that_ended_is_another_processs(stores: Stores) -> None:
    await claim(stores)
    assert await claim(stores, "process-2", now=NOW + 4.9) == mine()
    assert await claim(stores, "process-2", now=NOW + 5, until=NOW + 10) == mine("process-2")
    assert await claim(stores, "process-1", now=NOW + 6) == mine("process-2")


async def test_a_claim_lasts_longer_when_it_is_renewed(stores: Stores) -> None:
    await claim(stores)
    await stores.answers.renew([CALL.id], owner="process-1", until=NOW + 9)
    assert await claim(stores, "process-2", now=NOW + 8) == mine()
    await stores.answers.renew([CALL.id], owner="process-1", until=NOW + 7)
    assert await claim(stores, "process-2", now=NOW + 8) == mine()


async def test_nobody_renews_or_drops_what_is_anothers(stores: Stores) -> None:
    await claim(stores)
    await stores.answers.renew([CALL.id], owner="process-2", until=NOW + 9)
    await stores.answers.drop(CALL.id, owner="process-2")
    assert await claim(stores, "process-2", now=NOW + 4) == mine()
    assert await claim(stores, "process-2", now=NOW + 6) == mine("process-2")


async def test_a_call_that_was_dropped_is_whose_asks_next(stores: Stores) -> None:
    await claim(stores)
    await stores.answers.drop(CALL.id, owner="process-1")
    assert await claim(stores, "process-2") == mine("process-2")


async def test_an_answer_comes_with_its_row_and_is_given_to_all(stores: Stores) -> None:
    await claim(stores)
    await keep(stores, answer())
    for owner in ("process-1", "process-2"):
        assert await claim(stores, owner, now=NOW + 60) == answer()
    assert await claim(stores, "process-2", OTHER_BODY) == answer()


@pytest.mark.parametrize("size", [5, 700_000])
async def test_an_answer_without_a_row_is_given_to_all_too(stores: Stores, size: int) -> None:
    kept = msgspec.structs.replace(answer(b"x" * size), model="", provider="")
    await claim(stores)
    await stores.answers.keep(kept)
    assert await claim(stores, "process-2") == kept
    await stores.answers.drop(CALL.id, owner="process-1")
    assert await stores.answers.find(CALL.id, now=NOW + 60) == kept


@pytest.mark.parametrize("size", [0, 300_000, 300_001, 1_700_000])
async def test_an_answer_of_any_size_is_given_whole(stores: Stores, size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    await claim(stores)
    await keep(stores, answer(body))
    assert await claim(stores, "process-2") == answer(body)


async def test_an_answer_cannot_be_dropped(stores: Stores) -> None:
    await claim(stores)
    await keep(stores, answer())
    await stores.answers.drop(CALL.id, owner="process-1")
    await stores.answers.renew([CALL.id], owner="process-1", until=NOW + 9_000_000)
    assert await claim(stores, "process-2") == answer()


async def test_an_answer_is_kept_although_its_claim_had_ended(stores: Stores) -> None:
    await keep(stores, answer())
    assert await claim(stores, "process-2") == answer()


async def test_an_answer_expires(stores: Stores) -> None:
    await claim(stores)
    await keep(stores, answer())
    assert await claim(stores, now=NOW + 86_399) == answer()
    assert await claim(stores, "process-2", now=NOW + 86_400, until=NOW + 86_405) == mine(
        "process-2"
    )


async def test_it_is_known_whether_somebody_waits_for_an_answer(stores: Stores) -> None:
    await claim(stores)
    assert not await stores.answers.is_awaited(CALL.id, since=0)
    await claim(stores, "process-2", now=NOW + 1)
    assert await stores.answers.is_awaited(CALL.id, since=NOW + 1)
    assert not await stores.answers.is_awaited(CALL.id, since=NOW + 1.5)


async def test_what_was_awaited_of_a_dead_process_is_not_awaited_of_the_next(
    stores: Stores,
) -> None:
    await claim(stores)
    await claim(stores, "process-2", now=NOW + 1)
    await claim(stores, "process-3", now=NOW + 5)
    assert not await stores.answers.is_awaited(CALL.id, since=0)


async def test_what_has_expired_is_forgotten_and_the_rest_is_not(stores: Stores) -> None:
    kept = answer_key("sk-proj-one", "POST /v1/complete", "order-2", b"{}")
    await claim(stores)
    await keep(stores, answer(key=kept))
    await stores.answers.forget(now=NOW + 6)
    assert await claim(stores, "process-2", kept) == answer(key=kept)
    assert await claim(stores, "process-2", now=NOW + 6) == mine("process-2")
