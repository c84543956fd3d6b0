"""The Python SDK against the real platform and the simulated vendors."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from cutting_relay import cutting
from headgate_sdk import (
    APIConnectionError,
    APITimeoutError,
    AsyncHeadgate,
    AuthenticationError,
    BudgetExceededError,
    ConflictError,
    Delta,
    Done,
    Headgate,
    HeadgateError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UpstreamError,
)
from headgate_sdk.types import MessageParam, ToolParam
from headgate_server import NOWHERE, Simulator
from headgate_server import Headgate as Platform

WEATHER: ToolParam = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    return "[routing]\nretries = 0\nbreaker_failures = 1000\n"


@pytest.fixture(scope="module")
def client(headgate: Platform) -> Iterator[Headgate]:
    with Headgate(headgate.url, headgate.admin_key) as client:
        yield client


@pytest.fixture
async def patient(headgate: Platform) -> AsyncIterator[AsyncHeadgate]:
    async with AsyncHeadgate(headgate.url, headgate.admin_key) as client:
        yield client


def newcomer(client: Headgate, headgate: Platform, **limits: float) -> Headgate:
    """A client with a new key that may ask models."""
    key = client.keys.create(
        name="newcomer",
        scopes=["ai:complete"],
        monthly_budget=limits.get("monthly_budget"),
        rate_limit={"requestsPerMinute": int(limits["rpm"])} if "rpm" in limits else None,
    )
    return Headgate(headgate.url, key.api_key, max_retries=0)


def test_a_completion_has_its_text_its_usage_and_its_place_in_the_ledger(client: Headgate) -> None:
    answer = client.complete("Hello there", model="sandbox", tags=["greeting"])
    assert answer.content == "You said: Hello there"
    assert answer.finish_reason == "stop"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (2, 4)
    (event,) = [
        event for event in client.usage.events(limit=5) if event.request_id == answer.request_id
    ]
    assert event.tags == ["greeting"]
    assert event.billed == answer.usage.billed > answer.usage.cost


def test_a_tool_call_is_answered_with_what_the_answer_gave(client: Headgate) -> None:
    messages: list[MessageParam] = [
        {"role": "user", "content": '[[call weather {"city": "Aachen"}]]'}
    ]
    asked = client.complete(messages, model="sandbox", tools=[WEATHER])
    assert asked.tool_calls is not None
    (call,) = asked.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Aachen"})
    messages += [
        {"role": "assistant", "content": asked.content, "toolCalls": asked.tool_calls},
        {"role": "tool", "toolCallId": call.id, "content": "sunny"},
    ]
    assert client.complete(messages, model="sandbox", tools=[WEATHER]).content == "Results: sunny"


def test_a_stream_tells_its_pieces_and_then_what_it_was(client: Headgate) -> None:
    with client.stream("one two three", model="sandbox") as stream:
        *pieces, last = list(stream)
        answer = stream.final()
    assert all(isinstance(piece, Delta) for piece in pieces)
    assert "".join(piece.content for piece in pieces if isinstance(piece, Delta)) == answer.content
    assert isinstance(last, Done)
    assert last.usage == answer.usage
    assert answer.content == "You said: one two three"
    assert answer.request_id == stream.request_id


async def test_the_awaited_client_does_the_same(patient: AsyncHeadgate) -> None:
    answer, vectors = await asyncio.gather(
        patient.complete("Hello", model="sandbox"), patient.embed(["a", "b"], model="sandbox")
    )
    assert answer.content == "You said: Hello"
    assert len(vectors.embeddings) == 2
    async with patient.stream("Hello", model="sandbox") as stream:
        pieces = [event.content async for event in stream if isinstance(event, Delta)]
        assert "".join(pieces) == (await stream.final()).content
    assert [key.name async for key in await patient.keys.list(limit=1)][-1]


async def test_leaving_a_stream_stops_the_vendors_call(
    patient: AsyncHeadgate, vendors: Simulator
) -> None:
    await vendors.forget()
    async with patient.stream("[[rate 5]] [[tokens 500]]", model="gpt-4o") as stream:
        assert isinstance(await anext(stream), Delta)
    assert (await vendors.only_call("cancelled"))["finished"] is False


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(client: Headgate) -> None:
    with (
        client.stream("[[cut 2]] [[tokens 9]]", model="gpt-4o") as stream,
        pytest.raises(UpstreamError) as failure,
    ):
        stream.final()
    assert failure.value.request_id == stream.request_id


@pytest.mark.parametrize("cuts", [(1200,), (1200, 0, 900)])
def test_a_resumable_answer_goes_on_over_broken_connections(
    headgate: Platform, vendors: Simulator, cuts: tuple[int, ...]
) -> None:
    """None of its words is lost, none comes twice, and the vendor is asked once."""
    words = " ".join(f"word{number}" for number in range(40))
    with cutting(headgate.url, *cuts) as relay, Headgate(relay.url, headgate.admin_key) as client:
        asked = f"[[rate 200]] [[say {words}]]"
        with client.stream(asked, model="gpt-4o", resumable=True) as stream:
            told = [event for event in stream if isinstance(event, Delta)]
            whole = stream.final()
        assert relay.connections > len(cuts)
        with client.resume(stream.request_id, after=2) as later:
            rest = later.final()
    assert "".join(piece.content for piece in told) == whole.content == words
    assert rest.content == "".join(piece.content for piece in told[2:])
    assert (rest.usage, later.seen) == (whole.usage, stream.seen)
    with Headgate(headgate.url, headgate.admin_key) as client:
        spent = [event for event in client.usage.events() if event.request_id == stream.request_id]
    assert len(spent) == 1


def test_a_resumable_answer_that_is_gone_is_an_error(client: Headgate) -> None:
    with pytest.raises(NotFoundError), client.resume("req_nobody") as stream:
        stream.final()


def test_labels_are_chosen_and_texts_embedded(client: Headgate) -> None:
    chosen = client.classify("The invoice is overdue", ["billing", "weather"], model="local")
    assert chosen.label in {"billing", "weather"}
    assert set(chosen.scores) == {"billing", "weather"}
    one = client.embed("tide mill", model="local")
    assert len(one.embeddings) == 1
    assert one.usage.output_tokens == 0


def test_a_wrong_key_an_unknown_model_and_a_wrong_request_have_their_errors(
    client: Headgate, headgate: Platform
) -> None:
    with (
        Headgate(headgate.url, "sk-proj-nobody-nothing") as stranger,
        pytest.raises(AuthenticationError, match="HEADGATE_API_KEY") as refused,
    ):
        stranger.complete("Hello", model="sandbox")
    assert refused.value.code == "invalid_api_key"
    assert refused.value.request_id
    with pytest.raises(ModelNotFoundError, match=r"models\.list"):
        client.complete("Hello", model="no-such-model")
    with pytest.raises(InvalidRequestError) as wrong:
        client.complete("Hello", model="sandbox", temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(NotFoundError):
        client.documents.get("doc-none")


def test_a_key_without_the_scope_is_denied(client: Headgate, headgate: Platform) -> None:
    with newcomer(client, headgate) as poor, pytest.raises(PermissionDeniedError) as denied:
        poor.tools.list()
    assert denied.value.code == "insufficient_scope"


def test_an_exhausted_budget_says_what_was_spent_and_when_it_ends(
    client: Headgate, headgate: Platform
) -> None:
    with newcomer(client, headgate, monthly_budget=0.000_000_1) as poor:
        with pytest.raises(BudgetExceededError) as refused:
            poor.complete("one two three", model="sandbox")
        own = poor.usage.budget()
    error = refused.value
    assert (error.scope, error.limit, error.spent) == ("key", 1e-07, 0.0)
    assert error.id == own.id
    assert error.resets_at == own.resets_at == own.budgets[0].resets_at


def test_a_rate_limit_says_how_long_to_wait(client: Headgate, headgate: Platform) -> None:
    with newcomer(client, headgate, rpm=1) as hasty:
        hasty.complete("Hello", model="sandbox")
        with pytest.raises(RateLimitError) as refused:
            hasty.complete("Hello", model="sandbox")
    assert refused.value.retry_after
    assert refused.value.retry_after > 0


async def test_a_failure_that_may_pass_is_tried_twice_more(
    client: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    with pytest.raises(UpstreamError) as failure:
        await asyncio.to_thread(client.complete, "[[fail 500]]", model="gpt-4o")
    assert (failure.value.status, failure.value.code) == (502, "upstream_error")
    assert len(await vendors.calls()) == 3


async def test_a_failure_that_will_not_pass_is_not_tried_again(
    client: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    with pytest.raises(InvalidRequestError):
        await asyncio.to_thread(client.complete, "[[fail 400]]", model="gpt-4o")
    assert len(await vendors.calls()) == 1


async def test_a_call_under_an_own_idempotency_key_is_made_once(
    client: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    answers = [
        await asyncio.to_thread(
            client.complete, "Hello", model="gpt-4o", idempotency_key="sdk-once"
        )
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(await vendors.calls()) == 1
    with pytest.raises(ConflictError):
        client.complete("Goodbye", model="gpt-4o", idempotency_key="sdk-once")


def test_where_nobody_listens_the_error_names_the_trouble() -> None:
    with (
        Headgate(NOWHERE, "sk-proj-a-b", max_retries=0) as client,
        pytest.raises(APIConnectionError, match="headgate doctor"),
    ):
        client.health()


def test_a_platform_that_takes_too_long_is_a_time_out(headgate: Platform) -> None:
    with (
        Headgate(headgate.url, headgate.admin_key, timeout=0.2, max_retries=0) as client,
        pytest.raises(APITimeoutError),
    ):
        client.complete("[[delay 5000]]", model="sandbox")


def test_the_environment_says_where_and_who(
    headgate: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_URL", f"{headgate.url}/v1")
    monkeypatch.setenv("HEADGATE_API_KEY", headgate.admin_key)
    with Headgate() as client:
        assert client.health().status == "ok"
    monkeypatch.delenv("HEADGATE_API_KEY")
    with pytest.raises(HeadgateError, match="HEADGATE_API_KEY"):
        Headgate()


def test_keys_are_made_changed_rotated_and_revoked(client: Headgate) -> None:
    key = client.keys.create(
        name="made", scopes=["ai:complete"], monthly_budget=5, rate_limit={"concurrency": 3}
    )
    assert key.api_key
    assert (key.monthly_budget, key.rate_limit.concurrency) == (5, 3)
    changed = client.keys.update(key.key_id, name="changed", monthly_budget=None)
    assert (changed.name, changed.monthly_budget, changed.scopes) == (
        "changed",
        None,
        ["ai:complete"],
    )
    rotated = client.keys.rotate(key.key_id, grace_seconds=0)
    assert rotated.api_key not in {None, key.api_key}
    assert client.keys.revoke(key.key_id).revoked_at
    assert client.keys.get(key.key_id).api_key is None


def test_a_list_goes_on_over_its_pages(client: Headgate) -> None:
    made = [client.keys.create(name=f"page {n}", scopes=["ai:embed"]).key_id for n in range(5)]
    page = client.keys.list(limit=2)
    assert [key.key_id for key in page.data] == made[:2:-1]
    assert page.next_cursor
    everyone = [key.key_id for key in page]
    assert everyone[:5] == made[::-1]
    assert len(everyone) == len(set(everyone)) > 5
    following = page.next_page()
    assert following
    assert following.data[0].key_id == made[2]


def test_usage_is_summed_and_budgets_are_set(client: Headgate) -> None:
    client.complete("one two", model="sandbox", tags=["sums"])
    usage = client.usage.get(group_by="model")
    (row,) = [row for row in usage.rows if row.model == "sandbox"]
    assert 0 < row.billed <= usage.totals.billed
    assert row.provider is None
    budget = client.usage.set_budget(scope="user", id="ada", monthly_budget=12.5, hard=False)
    assert (budget.remaining, budget.hard) == (12.5, False)
    assert client.usage.budget(scope="user", id="ada").monthly_budget == 12.5
    assert "ada" in [budget.id for budget in client.usage.budgets().data]
    assert client.usage.projection().billed > 0
    assert client.usage.latency(bucket_seconds=3600).calls >= 0
    assert list(client.usage.unconfirmed()) == []
    with pytest.raises(NotFoundError):
        client.usage.release_unconfirmed("lease-none")


def test_amounts_are_rounded_to_nano_dollars(client: Headgate) -> None:
    """Each of these has more than nine decimals, which the platform refuses."""
    amount, exact = 10 * 0.0003, 0.003
    key = client.keys.create(name="exact", scopes=["ai:complete"], monthly_budget=amount)
    assert key.monthly_budget == exact
    assert client.keys.update(key.key_id, monthly_budget=3 * 0.1).monthly_budget == 0.3
    assert client.keys.update(key.key_id, name="still").monthly_budget == 0.3
    budget = client.usage.set_budget(scope="user", id="exact", monthly_budget=1.0000000004)
    assert budget.monthly_budget == 1
    run = client.agents.run("react", "[[say done]]", model="sandbox", budget=amount)
    assert run.run_id
    with client.agents.stream("react", "[[say done]]", model="sandbox", budget=amount) as stream:
        assert stream.final().run_id


def test_tools_are_listed_and_run(client: Headgate) -> None:
    tools = {tool.name: tool for tool in client.tools.list()}
    assert "expression" in tools["calculator"].parameters["properties"]
    answer = client.tools.run("calculator", {"expression": "6 * 7"}, tags=["sum"])
    assert answer.result == 42
    assert answer.request_id
    with pytest.raises(NotFoundError):
        client.tools.run("no_such_tool", {})


def test_documents_are_added_found_asked_and_deleted(client: Headgate, tmp_path: Path) -> None:
    added = client.documents.add("mill.txt", "The tide mill grinds wheat at low water.")
    (tmp_path / "lock.md").write_text("# Locks\n\nA lock lifts boats between two levels.\n")
    (filed,) = client.documents.add_files(tmp_path / "lock.md")
    whole = client.documents.add("bytes.txt", b"A weir holds water back.")
    names = {document.id: document.name for document in client.documents.list()}
    assert names == {added.id: "mill.txt", filed.id: "lock.md", whole.id: "bytes.txt"}
    found = client.search("what lifts boats", limit=1, filter={"documentIds": [filed.id]})
    assert "lifts boats" in found.results[0].text
    text = client.documents.get(added.id, start=4, length=9)
    assert (text.text, text.start, text.next_start) == ("tide mill", 4, 13)
    answer = client.documents.ask("What does the tide mill grind?", model="local")
    assert answer.usage.billed >= 0
    assert client.documents.delete(added.id).deleted
    with pytest.raises(NotFoundError):
        client.documents.delete(added.id)


def test_prompts_are_shown_rendered_and_compared(client: Headgate) -> None:
    prompt = client.prompts.list()[0]
    shown = client.prompts.get(prompt.name, version=prompt.version)
    rendered = client.prompts.render(prompt.name, shown.example, style="xml")
    assert rendered.messages[0].content
    version = prompt.version
    assert client.prompts.diff(prompt.name, from_=version, to=version).changes == []


def test_models_are_those_that_the_key_may_use(client: Headgate, headgate: Platform) -> None:
    key = client.keys.create(name="narrow", scopes=["ai:complete"], models=["sandbox"])
    with Headgate(headgate.url, key.api_key) as narrow:
        assert [model.id for model in narrow.models.list()] == ["sandbox"]
    assert client.models.get("gpt-4o").owned_by == "openai"


def test_a_users_own_vendor_key_is_set_shown_and_deleted(client: Headgate) -> None:
    client.providers.set_key("openai", "sk-own-secret-1234", user_id="grace")
    assert client.providers.get_key("openai", user_id="grace").last_four == "1234"
    providers = {one.provider: one for one in client.providers.list(user_id="grace")}
    own = providers["openai"].own_key
    assert own
    assert own.last_four == "1234"
    client.providers.delete_key("openai", user_id="grace")
    with pytest.raises(NotFoundError):
        client.providers.get_key("openai", user_id="grace")


async def test_a_lost_answer_is_asked_for_again_under_the_same_idempotency_key(
    headgate: Platform, vendors: Simulator
) -> None:
    """The platform answered twice, and the vendor was asked once."""
    await vendors.forget()
    with cutting(headgate.url, 0) as relay, Headgate(relay.url, headgate.admin_key) as client:
        answer = await asyncio.to_thread(client.complete, "Hello", model="gpt-4o")
        assert relay.connections == 2
    assert answer.content == "You said: Hello"
    assert len(await vendors.calls()) == 1


def test_what_could_be_done_twice_is_not_asked_for_again(
    headgate: Platform, client: Headgate
) -> None:
    with cutting(headgate.url, 0) as relay, Headgate(relay.url, headgate.admin_key) as unlucky:
        with pytest.raises(APIConnectionError):
            unlucky.keys.create(name="lost", scopes=["ai:embed"])
        assert relay.connections == 1
    assert [key.name for key in client.keys.list()].count("lost") == 1


def test_a_stream_is_not_begun_again_after_its_first_piece(headgate: Platform) -> None:
    with cutting(headgate.url, 1500) as relay, Headgate(relay.url, headgate.admin_key) as client:
        with client.stream("[[tokens 900]]", model="sandbox") as stream:
            assert isinstance(next(stream), Delta)
            with pytest.raises(APIConnectionError):
                stream.final()
        assert relay.connections == 1
