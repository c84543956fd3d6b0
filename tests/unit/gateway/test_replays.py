"""A call with an idempotency key is made once, and its answer given to all who ask for it."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider, words
from gateway_desk import CALLER, KEY, Desk, asks
from headgate.core.answers import KEPT_SECONDS, AnswerKey
from headgate.core.chat import ChatDelta, ChatResponse, WireDelta
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    BudgetExceeded,
    IdempotencyConflict,
    ModelNotFound,
    Overloaded,
    RateLimited,
    UpstreamFailed,
)
from headgate.core.keys import RateLimit
from headgate.core.models import ProviderBroke, ProviderRefused
from headgate.gateway.calls import Caller, Receipt, Replayed
from headgate.gateway.escrow import IDLE_SECONDS
from headgate.gateway.flights import CLAIM_SECONDS
from headgate.gateway.gateway import Answer
from headgate.gateway.replays import FrameStream, Written
from headgate.gateway.streams import StreamedAnswer
from headgate.stores.memory_answers import MemoryAnswers

ONCE = msgspec.structs.replace(CALLER, answer_key=AnswerKey("call-1", "body-1"))
OTHER_BODY = msgspec.structs.replace(CALLER, answer_key=AnswerKey("call-1", "body-2"))


class Texts:
    """Writes the texts of an answer's pieces, and its cost at the end."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self.answer = answer

    def piece(self, piece: ChatDelta | WireDelta) -> bytes:
        assert isinstance(piece, ChatDelta)
        return piece.text.encode()

    def end(self) -> bytes:
        return f"={self.answer.receipt.event.billed}".encode() if self.answer.receipt.event else b""


def written(answer: Answer[ChatResponse]) -> bytes:
    assert answer.receipt.event is not None
    return f"{answer.response.content}={answer.receipt.event.billed}".encode()


async def complete(desk: Desk, caller: Caller = ONCE) -> Written:
    return await desk.replays.complete(caller, asks(), written)


async def stream(desk: Desk, caller: Caller = ONCE) -> FrameStream:
    return await desk.replays.stream(caller, asks(), Texts)


async def frames_of(answer: FrameStream) -> list[bytes]:
    async with contextlib.aclosing(answer):
        return [frame async for frame in answer]


async def streamed(desk: Desk, caller: Caller = ONCE) -> list[bytes]:
    return await frames_of(await stream(desk, caller))


async def turns(count: int = 30) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def begin(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(work)


async def test_a_whole_answer_is_given_again_and_billed_once() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(1000)
    first = await complete(desk)
    assert first.body == b"hi=20"
    assert isinstance(first.receipt, Receipt)
    again = await complete(desk)
    assert again.body == b"hi=20"
    receipt = again.receipt
    assert isinstance(receipt, Replayed)
    assert (receipt.model, receipt.provider) == ("small", "one")
    assert (await desk.limiter.look(KEY)) == (receipt.requests, receipt.tokens)
    assert receipt.budget is not None
    assert receipt.budget.remaining == 980
    assert len(one.chats) == len(desk.events) == 1
    await desk.rest()


async def test_vectors_are_given_again() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    request = EmbeddingRequest(model="small", input=("a",))
    for _ in range(2):
        answer = await desk.replays.embed(ONCE, request, lambda made: repr(made.response).encode())
        assert b"1.0" in answer.body
    assert len(one.embeddings) == len(desk.events) == 1
    await desk.rest()


async def test_a_stream_is_given_again_with_its_end() -> None:
    one = FakeProvider("one", words("a b c"))
    desk = Desk(one)
    assert await streamed(desk) == [b"a", b"b", b"c", b"=16"]
    again = await stream(desk)
    assert isinstance(again.receipt, Replayed)
    assert b"".join(await frames_of(again)) == b"abc=16"
    assert len(one.chats) == len(desk.events) == 1
    await desk.rest()


async def test_without_a_key_every_call_is_made() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    for _ in range(2):
        assert (await complete(desk, CALLER)).body == b"hi=20"
        await streamed(desk, CALLER)
    assert len(one.chats) == 4
    await desk.rest()


async def test_the_same_key_with_another_body_is_refused_at_any_time() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", gate)
    desk = Desk(one)
    elsewhere = Desk(FakeProvider("one"), beside=desk)
    call = begin(complete(desk))
    await one.called.wait()
    for place in (desk, elsewhere):
        with pytest.raises(IdempotencyConflict):
            await complete(place, OTHER_BODY)
    gate.set()
    await call
    for place in (desk, elsewhere):
        with pytest.raises(IdempotencyConflict):
            await streamed(place, OTHER_BODY)
    assert len(desk.events) == 1
    await desk.rest()


async def test_duplicates_at_once_make_one_call() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", gate)
    desk = Desk(one)
    calls = [begin(complete(desk)) for _ in range(20)]
    await one.called.wait()
    await turns()
    gate.set()
    answers = await asyncio.gather(*calls)
    assert {answer.body for answer in answers} == {b"hi=20"}
    assert [isinstance(answer.receipt, Replayed) for answer in answers] == [False] + [True] * 19
    assert len(one.chats) == len(desk.events) == 1
    await desk.rest()


async def test_duplicates_of_a_stream_follow_it_as_it_comes() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", [ChatDelta(text="a"), gate, *words("b")])
    desk = Desk(one)
    first, second = await stream(desk), await stream(desk)
    assert isinstance(first.receipt, Receipt)
    assert isinstance(second.receipt, Replayed)
    assert await anext(aiter(second)) == b"a"
    reading = [begin(frames_of(first)), begin(frames_of(second))]
    gate.set()
    assert await asyncio.gather(*reading) == [[b"a", b"b", b"=12"]] * 2
    assert len(desk.events) == 1
    await desk.rest()


async def test_a_duplicate_in_another_process_waits_for_the_first_ones_bytes() -> None:
    gate = asyncio.Event()
    one, other = FakeProvider("one", gate), FakeProvider("one")
    desk = Desk(one)
    elsewhere = Desk(other, beside=desk)
    first = begin(complete(desk))
    await one.called.wait()
    second = begin(complete(elsewhere))
    await turns()
    gate.set()
    assert (await first).body == (await second).body == b"hi=20"
    assert isinstance((await second).receipt, Replayed)
    assert not other.chats
    assert len(desk.events) == 1
    await desk.rest()


async def test_an_answer_is_given_by_a_process_that_comes_later() -> None:
    desk = Desk(FakeProvider("one"))
    await complete(desk)
    other = FakeProvider("one")
    assert isinstance((await complete(Desk(other, beside=desk))).receipt, Replayed)
    assert not other.chats


async def test_a_waiter_makes_the_call_of_a_process_that_died() -> None:
    dead = FakeProvider("one", asyncio.Event())
    desk = Desk(dead)
    call = begin(complete(desk))
    await dead.called.wait()
    living = FakeProvider("one")
    elsewhere = Desk(living, beside=desk)
    waiting = begin(complete(elsewhere))
    await turns()
    assert not waiting.done()
    desk.clock.advance(CLAIM_SECONDS)  # nothing renews the claim of the first process here
    answer = await waiting
    assert isinstance(answer.receipt, Receipt)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await turns()
    # What the first one did after all is billed; the answer stays.
    assert (await complete(elsewhere)).body == answer.body
    assert [event.status for event in desk.events] == ["ok", "cancelled"]


async def test_a_claim_is_renewed_as_long_as_its_process_lives() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", gate)
    desk = Desk(one)
    elsewhere = Desk(FakeProvider("one"), beside=desk)
    await desk.flights.start()
    first = begin(complete(desk))
    await one.called.wait()
    second = begin(complete(elsewhere))
    for _ in range(10):
        desk.clock.advance(CLAIM_SECONDS / 2)
        await turns()
    gate.set()
    assert isinstance((await second).receipt, Replayed)
    await first
    await desk.flights.aclose()
    await desk.rest()


async def test_a_failure_is_not_kept_and_a_retry_is_a_new_call() -> None:
    one = FakeProvider("one", ProviderBroke("it broke"), "hi")
    desk = Desk(one)
    with pytest.raises(UpstreamFailed):
        await complete(desk)
    assert isinstance((await complete(desk)).receipt, Receipt)
    assert [event.status for event in desk.events] == ["incomplete", "ok"]
    await desk.rest()


async def test_a_failure_of_the_first_lets_a_duplicate_try_itself() -> None:
    one = FakeProvider("one", ProviderRefused("failed", "it is down"), "hi")
    desk = Desk(one)
    outcomes = await asyncio.gather(*(complete(desk) for _ in range(3)), return_exceptions=True)
    assert isinstance(outcomes[0], UpstreamFailed)
    bodies = [outcome.body for outcome in outcomes if isinstance(outcome, Written)]
    assert bodies == [b"hi=20", b"hi=20"]
    assert [event.status for event in desk.events] == ["error", "ok"]
    await desk.rest()


async def test_a_stream_that_breaks_off_breaks_off_for_all_and_is_not_kept() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", [ChatDelta(text="a"), gate, ProviderBroke("cut")], words("b"))
    desk = Desk(one)
    first, second = await stream(desk), await stream(desk)
    gate.set()
    for answer in (first, second):
        with pytest.raises(ProviderBroke):
            await frames_of(answer)
    assert await streamed(desk) == [b"b", b"=12"]
    assert [event.status for event in desk.events] == ["incomplete", "ok"]
    await desk.rest()


async def test_a_call_whose_only_caller_leaves_is_stopped_and_not_kept() -> None:
    one = FakeProvider("one", asyncio.Event(), "hi")
    desk = Desk(one)
    call = begin(complete(desk))
    await one.called.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await turns()
    assert desk.event.status == "cancelled"
    assert isinstance((await complete(desk)).receipt, Receipt)
    await desk.rest()


async def test_a_stream_whose_only_reader_leaves_is_stopped_and_not_kept() -> None:
    one = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()], words("b"))
    desk = Desk(one)
    answer = await stream(desk)
    assert await anext(aiter(answer)) == b"a"
    await answer.aclose()
    await answer.aclose()
    await turns()
    assert (desk.event.status, desk.event.output_tokens) == ("cancelled", 1)
    assert one.streams[0].is_closed
    assert await streamed(desk) == [b"b", b"=12"]
    await desk.rest()


async def test_a_stream_that_is_being_stopped_is_not_given_to_who_asks_just_then() -> None:
    """A caller whose connection broke may be back before its first call has been cleaned up."""
    one = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()], words("b"))
    desk = Desk(one)
    answer = await stream(desk)
    await answer.aclose()
    for count in range(12):  # at every moment of its end
        again = begin(streamed(desk))
        await turns()
        assert await again == [b"b", b"=12"], count
        assert [event.status for event in desk.events] == ["cancelled", "ok"]
        desk = Desk(FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()], words("b")))
        answer = await stream(desk)
        await answer.aclose()
        await turns(count)


async def test_a_claim_whose_caller_leaves_before_it_is_known_is_dropped() -> None:
    """A caller who comes back to another process need not wait until the claim ends."""
    desk = Desk(FakeProvider("one"))
    claim = desk.store.memory.answers.claim
    answered = asyncio.Event()

    async def slow(*args: Any, **fields: Any) -> Any:
        found = await claim(*args, **fields)
        answered.set()
        await asyncio.Event().wait()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryAnswers, "claim", lambda _, *args, **fields: slow(*args, **fields))
        call = begin(complete(desk))
        await answered.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await turns()
    elsewhere = Desk(FakeProvider("one"), beside=desk)
    assert isinstance((await complete(elsewhere)).receipt, Receipt)


async def test_a_call_goes_on_for_a_duplicate_when_its_first_caller_leaves() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", gate)
    desk = Desk(one)
    first, second = begin(complete(desk)), begin(complete(desk))
    await one.called.wait()
    first.cancel()
    await turns()
    gate.set()
    assert (await second).body == b"hi=20"
    assert desk.event.status == "ok"
    await desk.rest()


async def test_a_call_goes_on_for_a_duplicate_in_another_process() -> None:
    gate = asyncio.Event()
    one = FakeProvider("one", gate)
    desk = Desk(one)
    elsewhere = Desk(FakeProvider("one"), beside=desk)
    first = begin(complete(desk))
    await one.called.wait()
    second = begin(complete(elsewhere))
    await turns()
    first.cancel()
    await turns()
    gate.set()
    assert isinstance((await second).receipt, Replayed)
    assert desk.event.status == "ok"
    await desk.rest()


async def test_a_call_is_stopped_when_the_waiter_in_another_process_leaves_too() -> None:
    one = FakeProvider("one", asyncio.Event())
    desk = Desk(one)
    elsewhere = Desk(FakeProvider("one"), beside=desk)
    first = begin(complete(desk))
    await one.called.wait()
    second = begin(complete(elsewhere))
    await turns()
    first.cancel()
    second.cancel()
    await turns()
    assert not desk.events
    desk.clock.advance(1)
    await turns()
    assert desk.event.status == "cancelled"
    await desk.rest()


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_call_is_stopped_though_the_store_does_not_say_who_waits(
    monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    async def away(*_: Any, **__: Any) -> bool:
        if is_silent:
            await asyncio.Event().wait()
        raise Overloaded("the store is away")

    monkeypatch.setattr(MemoryAnswers, "is_awaited", away)
    monkeypatch.setattr("headgate.gateway.flights.AWAITED_SECONDS", 0.01)
    one = FakeProvider("one", asyncio.Event())
    desk = Desk(one)
    call = begin(complete(desk))
    await one.called.wait()
    call.cancel()
    await asyncio.wait((call,))
    async with asyncio.timeout(60):
        while not desk.events:  # noqa: ASYNC110 - the store says nothing of it
            await asyncio.sleep(0.01)
    assert desk.event.status == "cancelled"
    await desk.rest()


async def test_a_call_that_could_not_be_recorded_yet_is_not_made_again() -> None:
    """It is billed as soon as the store is back, and its answer is there with the bill."""
    one = FakeProvider("one")
    desk = Desk(one)
    desk.store.fail_once("settle", Overloaded("the store is away"))
    with pytest.raises(Overloaded, match="away"):
        await complete(desk)
    with pytest.raises(Overloaded, match="recorded"):
        await complete(desk)
    await desk.ledger._tick()
    await turns()
    assert isinstance((await complete(desk)).receipt, Replayed)
    assert len(one.chats) == len(desk.events) == 1
    await desk.rest()


async def test_a_replay_needs_no_rate_limit_and_no_budget() -> None:
    key = msgspec.structs.replace(KEY, rate_limit=RateLimit(requests_per_minute=1))
    once = msgspec.structs.replace(ONCE, key=key)
    desk = Desk(FakeProvider("one"))
    await complete(desk, once)
    await desk.limit(0)
    assert isinstance((await complete(desk, once)).receipt, Replayed)
    with pytest.raises(RateLimited):
        await complete(desk, msgspec.structs.replace(once, answer_key=AnswerKey("call-2", "")))


async def test_a_call_that_is_refused_writes_nothing() -> None:
    """So a retry loop on an empty budget costs nothing, whatever keys it sends."""
    rate = RateLimit(requests_per_minute=1)
    slow = msgspec.structs.replace(KEY, key_id="sk-proj-two", rate_limit=rate)
    desk = Desk(FakeProvider("one"))
    await desk.limit(0)
    await complete(desk, msgspec.structs.replace(CALLER, key=slow))
    for refusal, caller in (
        (BudgetExceeded, ONCE),
        (RateLimited, msgspec.structs.replace(ONCE, key=slow)),
    ):
        for ask in (complete, streamed):
            with pytest.raises(refusal):
                await ask(desk, caller)
    assert not desk.store.memory.answers._found


async def test_two_processes_that_find_nothing_at_once_make_one_call() -> None:
    gate = asyncio.Event()
    one, other = FakeProvider("one", gate), FakeProvider("one", gate)
    desk = Desk(one)
    elsewhere = Desk(other, beside=desk)
    await desk.limit(1000)
    calls = [begin(complete(desk)), begin(complete(elsewhere))]
    await turns()
    gate.set()
    first, second = await asyncio.gather(*calls)
    assert first.body == second.body
    assert len(one.chats) + len(other.chats) == len(desk.events) == 1
    desk.clock.advance(IDLE_SECONDS + 1)
    await elsewhere.ledger._tick()
    await desk.rest()


async def test_a_replay_is_not_for_a_key_that_may_not_use_the_model_any_more() -> None:
    desk = Desk(FakeProvider("one"))
    await complete(desk)
    key = msgspec.structs.replace(KEY, models=("large",))
    with pytest.raises(ModelNotFound):
        await complete(desk, msgspec.structs.replace(ONCE, key=key))


async def test_an_answer_can_be_had_again_for_a_day() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await complete(desk)
    (kept,) = desk.store.memory.answers._found.values()
    desk.clock.now = kept.expires_at - 1
    assert isinstance((await complete(desk)).receipt, Replayed)
    desk.clock.now = kept.expires_at
    assert isinstance((await complete(desk)).receipt, Receipt)
    assert KEPT_SECONDS == 24 * 3600


async def test_a_process_that_stops_ends_the_calls_that_are_left() -> None:
    one = FakeProvider("one", asyncio.Event())
    desk = Desk(one)
    await desk.flights.start()
    call = begin(complete(desk))
    await one.called.wait()
    await desk.flights.aclose()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert desk.event.status == "cancelled"
    await desk.rest()
