"""One metered request: who answers, what it costs, and that nothing is left when it ends."""

import asyncio

import msgspec
import pytest

from fakes import USAGE, FakeProvider, Received, until
from gateway_desk import ACCOUNT, CALLER, KEY, PRICE, Desk, asks
from headgate.core.budgets import Account, Limit
from headgate.core.chat import ChatRequest, PromptVersion, TokenUsage
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    BudgetExceeded,
    ContextLengthExceeded,
    HeadgateError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    RateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.keys import RateLimit
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.core.prices import Markup
from headgate.core.workspaces import WorkspaceSettings
from headgate.gateway.failures import failure

TWO = {"best": ["one/small", "two/small"]}


async def test_a_call_is_answered_and_billed_at_its_price() -> None:
    desk = Desk(FakeProvider("one"), markup=Markup(100_000))
    answer = await desk.gateway.complete(CALLER, asks())
    assert answer.response.content == "hi"
    event = desk.event
    assert answer.receipt.event == event
    assert (event.cost, event.billed, event.status) == (20, 22, "ok")
    assert (event.input_tokens, event.output_tokens) == (10, 5)
    assert (event.provider, event.model, event.price_version) == ("one", "small", "test-1")
    assert (event.key_id, event.user_id, event.workspace_id) == (KEY.key_id, "ada", "acme")
    assert (event.request_id, event.tags, event.use_case) == ("req_1", ("blue",), "greeting")
    assert not event.estimated
    assert not event.overrun
    await desk.rest()


async def test_a_call_from_a_template_is_recorded_under_its_name_and_version() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.gateway.complete(CALLER, asks(prompt=PromptVersion("summarize", 2)))
    assert (desk.event.prompt, desk.event.prompt_version) == ("summarize", 2)
    await desk.rest()


async def test_a_steady_callers_calls_ask_the_store_for_nothing_before_the_vendor() -> None:
    """Four budgets limit them; what they do ask for is that they be recorded."""
    desk = Desk(FakeProvider("one"))
    for account in CALLER.accounts("small"):
        await desk.limit(1_000_000_000, account)
    for _ in range(20):
        await desk.gateway.complete(CALLER, asks(max_tokens=10))
    desk.store.asked.clear()
    for _ in range(5):
        await desk.gateway.complete(CALLER, asks(max_tokens=10))
    assert desk.store.asked == ["settle"] * 5
    assert len(desk.events) == 25
    await desk.rest()


async def test_everybody_pays_for_a_call() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.gateway.complete(CALLER, asks())
    accounts = [
        ACCOUNT,
        Account("user", "ada"),
        Account("workspace", "acme"),
        Account("model", "small"),
    ]
    assert [budget.spent for budget in await desk.ledger.budgets(accounts)] == [20] * 4


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ProviderTimedOut("x"), UpstreamTimedOut),
        (ProviderBroke("x"), UpstreamFailed),
        (ProviderUnreachable("x"), UpstreamFailed),
        (ProviderRefused("invalid", "x"), InvalidRequest),
        (ProviderRefused("unsupported", "x"), InvalidRequest),
        (ProviderRefused("context_length", "x"), ContextLengthExceeded),
        (ProviderRefused("not_found", "x"), ModelNotFound),
        (ProviderRefused("unauthorized", "x"), UpstreamFailed),
        (ProviderRefused("failed", "x"), UpstreamFailed),
        (ProviderRefused("rate_limited", "x"), RateLimited),
        (ProviderRefused("overloaded", "x"), Overloaded),
    ],
)
def test_a_vendors_failure_is_told_as_what_the_caller_can_do(
    error: ProviderError, told: type[HeadgateError]
) -> None:
    assert type(failure(error)) is told
    assert failure(error).message == "x"


async def test_tokens_are_counted_without_money_and_leave_no_row() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(0)
    counted = await desk.gateway.count_tokens(CALLER.key, asks())
    assert counted.input_tokens == 12
    assert counted.requests.remaining == counted.requests.limit - 1
    assert not desk.store.memory._events
    await desk.rest()


async def test_where_one_vendor_does_not_count_the_next_one_does() -> None:
    class Silent(FakeProvider):
        async def count_tokens(self, request: ChatRequest) -> int:
            raise ProviderRefused("overloaded", "full")

    desk = Desk(Silent("one"), FakeProvider("two"), aliases=TWO)
    assert (await desk.gateway.count_tokens(CALLER.key, asks(model="best"))).input_tokens == 12
    alone = Desk(Silent("one"))
    with pytest.raises(Overloaded, match="full"):
        await alone.gateway.count_tokens(CALLER.key, asks())
    await desk.rest()
    await alone.rest()


async def test_an_unknown_model_takes_no_place_in_the_rate_limit() -> None:
    desk = Desk(FakeProvider("one"))
    with pytest.raises(ModelNotFound):
        await desk.gateway.complete(CALLER, asks(model="unknown"))
    assert not desk.limiter._keys


async def test_a_rate_limit_stops_a_call_before_its_budget_is_asked() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    key = msgspec.structs.replace(KEY, rate_limit=RateLimit(requests_per_minute=1))
    caller = msgspec.structs.replace(CALLER, key=key)
    await desk.gateway.complete(caller, asks())
    asked = len(desk.store.asked)
    with pytest.raises(RateLimited):
        await desk.gateway.complete(caller, asks())
    assert (len(one.chats), len(desk.store.asked)) == (1, asked)


async def test_a_refused_budget_gives_the_place_in_the_rate_limit_back() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(10)
    for is_streamed in (False, True):
        call = desk.gateway.stream if is_streamed else desk.gateway.complete
        with pytest.raises(BudgetExceeded):
            await call(CALLER, asks())
    assert not desk.events
    await desk.rest()


async def test_the_tokens_that_were_used_count_in_the_rate_limit() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.gateway.complete(CALLER, asks(max_tokens=900))
    assert desk.limited_tokens() == USAGE.total_tokens


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("error", "used"),
    [
        (ProviderRefused("overloaded", "later"), 0),
        (ProviderUnreachable("nobody there"), 0),
        (ProviderTimedOut("slow"), 10),
        (ProviderBroke("gone"), 10),
    ],
)
async def test_a_failed_call_counts_in_the_rate_limit_what_the_vendor_worked_on(
    error: ProviderError, used: int, *, is_streamed: bool
) -> None:
    desk = Desk(FakeProvider("one", [error] if is_streamed else error))
    call = desk.gateway.stream if is_streamed else desk.gateway.complete
    with pytest.raises(HeadgateError):
        await call(CALLER, asks(max_tokens=900))
    assert desk.limited_tokens() == used
    await desk.rest()


async def test_every_attempt_counts_in_the_rate_limit() -> None:
    desk = Desk(FakeProvider("one", ProviderTimedOut("slow")), FakeProvider("two"), aliases=TWO)
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert desk.limited_tokens() == 10 + USAGE.total_tokens


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_an_abandoned_call_counts_its_input_in_the_rate_limit(*, is_streamed: bool) -> None:
    never = asyncio.Event()
    one = FakeProvider("one", [never] if is_streamed else never)
    desk = Desk(one)
    call = desk.gateway.stream if is_streamed else desk.gateway.complete
    task = asyncio.ensure_future(call(CALLER, asks(max_tokens=900)))
    await one.called.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert desk.limited_tokens() == 10
    await desk.rest()


async def test_an_abandoned_embedding_counts_its_input_in_the_rate_limit() -> None:
    one = FakeProvider("one", asyncio.Event())
    desk = Desk(one)
    request = EmbeddingRequest(model="small", input=("x" * 40,))
    task = asyncio.ensure_future(desk.gateway.embed(CALLER, request))
    await one.called.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert desk.limited_tokens() == 10


async def test_a_call_without_the_money_counts_no_tokens_in_the_rate_limit() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(1)
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(max_tokens=900))
    assert desk.limited_tokens() == 0


async def test_a_vendor_that_counts_more_than_it_may_is_paid_and_flagged() -> None:
    desk = Desk(FakeProvider("one", TokenUsage(500, 5)))
    await desk.limit(300)
    await desk.gateway.complete(CALLER, asks())
    assert (desk.event.billed, desk.event.overrun) == (510, True)
    await desk.rest()


async def test_an_answer_waits_until_its_row_is_durable() -> None:
    desk = Desk(FakeProvider("one"))
    committed = desk.store.hold_back("settle")
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    await until(lambda: "settle" in desk.store.asked)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not call.done()
    committed.set()
    await call
    assert desk.event.status == "ok"


async def test_a_row_that_the_store_could_not_take_is_taken_later() -> None:
    desk = Desk(FakeProvider("one"))
    desk.store.fail_once("settle", Overloaded("the store is away"))
    with pytest.raises(Overloaded):
        await desk.gateway.complete(CALLER, asks())
    await desk.rest()
    assert desk.event.billed == 20


@pytest.mark.parametrize("turns", range(24))
@pytest.mark.parametrize("is_limited", [True, False])
async def test_a_caller_who_leaves_is_billed_what_was_produced(
    turns: int, is_limited: bool
) -> None:
    """Wherever the call is at that moment: once, and nothing stays held."""
    one = FakeProvider("one")
    desk = Desk(one)
    if is_limited:
        await desk.limit(1000)
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await desk.rest()
    if not one.chats:
        assert not desk.events
    elif desk.event.status == "cancelled":
        assert (desk.event.billed, desk.event.estimated) == (10, True)
    else:
        assert (desk.event.billed, desk.event.status) == (20, "ok")
    if turns == 23:
        assert not call.cancelled()


async def test_a_caller_who_leaves_a_silent_vendor_is_billed_the_input() -> None:
    one = FakeProvider("one", asyncio.Event())
    desk = Desk(one)
    await desk.limit(1000)
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    await one.called.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await desk.rest()
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (10, "cancelled", True)


@pytest.mark.parametrize(
    ("change", "answers"), [(1000, True), (400, True), (0, False), (None, True)]
)
async def test_a_limit_that_changes_during_a_call_holds_for_the_next_one(
    change: int | None, answers: bool
) -> None:
    """Set anew, raised, lowered, removed: the call under way is recorded all the same."""
    go_on = asyncio.Event()
    one = FakeProvider("one", go_on, "hi")
    desk = Desk(one)
    await desk.limit(300)
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    await one.called.wait()
    await desk.ledger.set_limit(ACCOUNT, None if change is None else Limit(amount=change))
    go_on.set()
    await call
    try:
        await desk.gateway.complete(CALLER, asks())
    except BudgetExceeded:
        assert not answers
    else:
        assert answers
    assert desk.events[0].billed == 20
    await desk.rest()


async def test_embeddings_are_billed_for_their_input() -> None:
    one = FakeProvider("one", TokenUsage(7))
    desk = Desk(one)
    await desk.limit(20)
    request = EmbeddingRequest(model="small", input=("hello", "there"))
    answer = await desk.gateway.embed(CALLER, request)
    assert len(answer.response.vectors) == 2
    assert (desk.event.billed, desk.event.request_type) == (7, "embedding")
    await desk.rest()


@pytest.mark.parametrize(
    ("given", "billed"),
    [
        (("four letters",), 3),
        (("", "a"), 1),
        (("é" * 4,), 2),
        (((1, 2, 3), (4, 5)), 5),
        (("a long text " * 100,), 20),
    ],
)
async def test_embeddings_that_time_out_are_billed_about_their_size(
    given: tuple[str, ...] | tuple[tuple[int, ...], ...], billed: int
) -> None:
    """Exactly, where they came as tokens; never beyond what was held."""
    desk = Desk(FakeProvider("one", ProviderTimedOut("slow")))
    with pytest.raises(UpstreamTimedOut):
        await desk.gateway.embed(CALLER, EmbeddingRequest(model="small", input=given))
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (
        billed,
        "incomplete",
        True,
    )
    await desk.rest()


@pytest.mark.parametrize(
    ("error", "status", "billed"),
    [
        (ProviderTimedOut("slow"), "incomplete", 16),
        (LookupError("a fault"), "error", 16),
        (ProviderRefused("overloaded", "full"), "error", 0),
    ],
)
async def test_what_came_before_the_first_piece_of_a_stream_is_billed(
    error: Exception, status: str, billed: int
) -> None:
    """Hidden reasoning, for one; but a refusal is always free."""
    desk = Desk(FakeProvider("one", [Received(3), error]))
    with pytest.raises((HeadgateError, LookupError)):
        await desk.gateway.stream(CALLER, asks())
    await desk.rest()
    assert (desk.event.status, desk.event.billed) == (status, billed)


async def test_a_price_in_force_is_written_into_the_row() -> None:
    desk = Desk(FakeProvider("one"), prices={"one/small": msgspec.structs.replace(PRICE, input=0)})
    await desk.gateway.complete(CALLER, asks())
    assert desk.event.cost == 10


async def test_a_call_is_charged_by_the_markup_with_which_it_began() -> None:
    """What was held covers it, whatever an administrator sets meanwhile."""
    answering = asyncio.Event()
    one = FakeProvider("one", answering, "hi")
    desk = Desk(one, markup=Markup(500_000))
    begun = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    await one.called.wait()
    await desk.workspaces.put("acme", WorkspaceSettings(markup=Markup(3_000_000)))
    answering.set()
    first = await begun
    second = await desk.gateway.complete(CALLER, asks())
    events = [answer.receipt.event for answer in (first, second)]
    assert [(event.cost, event.billed) for event in events if event] == [(20, 30), (20, 80)]
    await desk.rest()
