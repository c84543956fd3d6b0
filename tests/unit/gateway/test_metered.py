"""The models as tools, documents and agents call them: metered, and made once under a call key."""

import asyncio
import contextlib

import msgspec
import pytest

from fakes import FakeProvider, words
from gateway_desk import KEY, Desk, asks
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    BudgetExceeded,
    IdempotencyConflict,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.keys import RateLimit
from headgate.core.metered import CallLabels
from headgate.core.models import ProviderBroke, ProviderUnreachable
from headgate.gateway.calls import Place
from headgate.gateway.metered import MeteredAccess, MeteredModels

LABELS = CallLabels(
    request_id="req_1", request_type="tool", use_case="summarize", run_id="run_1", tags=("blue",)
)


def models(desk: Desk, place: Place | None = None) -> MeteredModels:
    return MeteredAccess(desk.replays).models(KEY, LABELS, place)


async def streamed(models: MeteredModels, call_key: str | None = None) -> tuple[list[str], int]:
    """The texts of an answer's pieces, and what its row says was billed."""
    async with models.stream(asks(), call_key=call_key) as answer:
        texts = [piece.text async for piece in answer]
        return texts, answer.event.billed


async def test_a_call_is_recorded_under_its_labels() -> None:
    desk = Desk(FakeProvider("one"))
    answer = await models(desk).complete(asks())
    assert answer.response.content == "hi"
    assert answer.event == desk.event
    event = desk.event
    assert (event.request_type, event.use_case, event.run_id) == ("tool", "summarize", "run_1")
    assert (event.request_id, event.tags, event.key_id) == ("req_1", ("blue",), KEY.key_id)
    await desk.rest()


async def test_vectors_are_recorded_under_the_same_labels() -> None:
    desk = Desk(FakeProvider("one"))
    request = EmbeddingRequest(model="small", input=("a",))
    answer = await models(desk).embed(request)
    assert answer.event == desk.event
    assert (desk.event.request_type, desk.event.use_case) == ("tool", "summarize")
    await desk.rest()


async def test_a_stream_comes_piece_by_piece_with_its_row_at_the_end() -> None:
    desk = Desk(FakeProvider("one", words("a b c")))
    texts, billed = await streamed(models(desk))
    assert "".join(texts) == "abc"
    assert billed == desk.event.billed > 0
    await desk.rest()


@pytest.mark.parametrize("call_key", [None, "run_1/3"])
async def test_who_leaves_a_stream_stops_the_vendor_and_pays_for_what_came(
    call_key: str | None,
) -> None:
    vendor = FakeProvider("one", [*words("a b"), asyncio.Event()])
    desk = Desk(vendor)
    async with models(desk).stream(asks(), call_key=call_key) as answer:
        await anext(aiter(answer))
    for _ in range(30):
        await asyncio.sleep(0)
    assert vendor.streams[0].is_closed
    assert desk.event.status == "cancelled"
    await desk.rest()


@pytest.mark.parametrize("call_key", [None, "run_1/3"])
async def test_a_stream_that_breaks_off_raises_what_callers_know(call_key: str | None) -> None:
    broken = FakeProvider("one", [*words("a")[:1], ProviderBroke("it broke")])
    desk = Desk(broken)
    async with contextlib.AsyncExitStack() as stack:
        answer = await stack.enter_async_context(models(desk).stream(asks(), call_key=call_key))
        with pytest.raises(UpstreamFailed, match="it broke"):
            async for _ in answer:
                pass
    await desk.rest()


async def test_a_call_with_a_key_is_made_and_billed_once_by_whatever_process() -> None:
    vendor = FakeProvider("one")
    desk = Desk(vendor)
    first = await models(desk).complete(asks(), call_key="run_1/3")
    again = await models(desk).complete(asks(), call_key="run_1/3")
    other_vendor = FakeProvider("one", "something else")
    elsewhere = await models(Desk(other_vendor, beside=desk)).complete(asks(), call_key="run_1/3")
    assert first == again == elsewhere
    assert first.event == desk.event
    assert (len(vendor.chats), len(other_vendor.chats)) == (1, 0)
    await desk.rest()


async def test_vectors_with_a_key_are_made_once() -> None:
    vendor = FakeProvider("one")
    desk = Desk(vendor)
    request = EmbeddingRequest(model="small", input=("a",))
    answers = [await models(desk).embed(request, call_key="run_1/3") for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(vendor.embeddings) == len(desk.events) == 1
    await desk.rest()


async def test_a_stream_with_a_key_is_made_once_and_replayed_with_its_row() -> None:
    vendor = FakeProvider("one", words("a line\nbreak"))
    desk = Desk(vendor)
    first = await streamed(models(desk), "run_1/3")
    again = await streamed(models(Desk(FakeProvider("one"), beside=desk)), "run_1/3")
    assert first == again
    assert len(vendor.chats) == len(desk.events) == 1
    await desk.rest()


async def test_the_row_of_a_stream_is_not_told_before_its_end() -> None:
    desk = Desk(FakeProvider("one", words("a b")))
    async with models(desk).stream(asks(), call_key="run_1/3") as answer:
        await anext(aiter(answer))
        with pytest.raises(RuntimeError):
            _ = answer.event


async def test_a_key_stands_for_one_request_and_one_kind_of_call() -> None:
    desk = Desk(FakeProvider("one", "hi", "hi", words("a b")))
    await models(desk).complete(asks(), call_key="run_1/3")
    with pytest.raises(IdempotencyConflict):
        await models(desk).complete(asks(temperature=1.0), call_key="run_1/3")
    await models(desk).complete(asks(), call_key="run_1/4")
    assert (await streamed(models(desk), "run_1/3"))[0]
    await desk.rest()


async def test_a_failed_call_with_a_key_is_made_anew() -> None:
    vendor = FakeProvider("one", ProviderUnreachable("away"), "hi")
    desk = Desk(vendor)
    with pytest.raises(UpstreamFailed):
        await models(desk).complete(asks(), call_key="run_1/3")
    answer = await models(desk).complete(asks(), call_key="run_1/3")
    assert answer.response.content == "hi"
    # The vendor is told each time that it is the same call.
    assert len(set(vendor.idempotency_keys)) == 1
    await desk.rest()


async def test_each_call_and_each_route_has_a_name_of_its_own_at_the_vendor() -> None:
    one, two = FakeProvider("one", ProviderUnreachable("away")), FakeProvider("two")
    desk = Desk(one, two, aliases={"both": ["one/small", "two/small"]})
    await models(desk).complete(asks(model="both"), call_key="run_1/3")
    await models(desk).complete(asks(model="two/small"), call_key="run_1/4")
    names = {*one.idempotency_keys, *two.idempotency_keys}
    assert len(names) == 3
    await desk.rest()


async def test_calls_at_a_place_count_as_its_tokens_and_as_no_further_request() -> None:
    desk = Desk(FakeProvider("one"))
    key = msgspec.structs.replace(KEY, rate_limit=RateLimit(1, 1_000_000, 1))
    place = Place(await desk.limiter.admit(key, 0))
    metered = MeteredAccess(desk.replays).models(key, LABELS, place)
    for _ in range(3):
        await metered.complete(asks())
    place.leave()
    assert desk.limited_tokens() == 3 * 15
    await desk.rest()


async def test_a_budget_holds_for_these_calls_too() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(0)
    with pytest.raises(BudgetExceeded):
        await models(desk).complete(asks(), call_key="run_1/3")
    assert not desk.events


async def test_the_style_of_a_model_is_what_is_known_of_it() -> None:
    assert models(Desk(FakeProvider("one"))).style("small") == "headings"
    assert models(Desk(FakeProvider("one"))).style("unknown") == "headings"


async def test_calls_have_to_be_over_when_the_work_has_to_be() -> None:
    desk = Desk(FakeProvider("one", asyncio.Event()))
    ends_at = asyncio.get_running_loop().time() + 0.02
    limited = MeteredAccess(desk.replays).models(KEY, LABELS, ends_at=ends_at)
    with pytest.raises(UpstreamTimedOut):
        await limited.complete(asks())
