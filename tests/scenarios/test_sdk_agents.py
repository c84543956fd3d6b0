"""Agent runs through the Python SDK, against the real platform."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cutting_relay import cutting
from headgate_sdk import AsyncHeadgate, ConflictError, Headgate, InvalidRequestError, NotFoundError
from headgate_server import Headgate as Platform

SUM = '[[call calculator {"expression":"6*7"}]]'


@pytest.fixture(scope="module")
def client(headgate: Platform) -> Iterator[Headgate]:
    with Headgate(headgate.url, headgate.admin_key) as client:
        yield client


@pytest.fixture
async def patient(headgate: Platform) -> AsyncIterator[AsyncHeadgate]:
    async with AsyncHeadgate(headgate.url, headgate.admin_key) as client:
        yield client


def test_a_run_that_is_waited_for_gives_its_output(client: Headgate) -> None:
    run = client.agents.run(
        "react", SUM, model="sandbox", tools=["calculator"], budget=0.5, wait_seconds=60
    )
    assert run.status == "succeeded", run.error
    assert run.output == {"text": "Results: 42"}
    assert [step.kind for step in run.steps] == ["model", "tool", "model"]
    assert run.billed > 0
    assert client.agents.get(run.run_id) == run
    assert run.run_id in [listed.run_id for listed in client.agents.list(status="succeeded")]


def test_a_followed_run_tells_what_happens_and_then_its_end(client: Headgate) -> None:
    with client.agents.stream("react", SUM, model="sandbox", tools=["calculator"]) as stream:
        events = list(stream)
        run = stream.final()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    (result,) = [event for event in events if event.type == "tool.result"]
    assert result.tool == "calculator"
    assert result.data["runId"] == result.run_id == run.run_id
    assert events[-1].type == "run.finished"
    assert events[-1].output == run.output
    said = [event.content for event in events if event.type == "step.delta"]
    assert all(isinstance(piece, str) for piece in said)


def test_events_go_on_behind_the_one_that_is_named(client: Headgate) -> None:
    run = client.agents.run("react", "Hello", model="sandbox", tools=[], wait_seconds=60)
    every = list(client.agents.events(run.run_id))
    assert list(client.agents.events(run.run_id, after=3)) == every[3:]
    assert list(client.agents.events(run.run_id, after=every[-1].seq)) == []
    assert client.agents.events(run.run_id).final() == run


def test_a_broken_connection_leaves_no_gap_and_no_repeat(headgate: Platform) -> None:
    """The first connection breaks amid the events, the second before the first of them."""
    with cutting(headgate.url, 700, 30) as relay, Headgate(relay.url, headgate.admin_key) as client:
        with client.agents.stream("react", SUM, model="sandbox", tools=["calculator"]) as stream:
            numbers = [event.seq for event in stream]
            assert stream.final().status == "succeeded"
        assert relay.connections > 2
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_awaited_client_follows_over_broken_connections_too(headgate: Platform) -> None:
    with cutting(headgate.url, 700) as relay:
        async with AsyncHeadgate(relay.url, headgate.admin_key) as client:
            stream = client.agents.stream("react", SUM, model="sandbox", tools=["calculator"])
            numbers = [event.seq async for event in stream]
            assert (await stream.final()).output == {"text": "Results: 42"}
        assert relay.connections > 1
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_call_that_needs_a_yes_waits_for_it(patient: AsyncHeadgate) -> None:
    agents = patient.agents
    stream = agents.stream(
        "react", SUM, model="sandbox", tools=["calculator"], approvals=["calculator"]
    )
    async for event in stream:
        if event.type == "approval.requested":
            (pending,) = (await agents.get(event.run_id)).pending_approvals
            assert (pending.tool, pending.step_id) == ("calculator", event.step_id)
            await agents.approve(event.run_id, pending.step_id, comment="a sum may be made")
            with pytest.raises(ConflictError):
                await agents.approve(event.run_id, pending.step_id, approved=False)
        if event.type == "approval.decided":
            assert (event.approved, event.comment) == (True, "a sum may be made")
    assert (await stream.final()).status == "succeeded"


async def test_a_run_is_paused_resumed_and_cancelled(patient: AsyncHeadgate) -> None:
    agents = patient.agents
    begun = await agents.run("react", "[[delay 60000]]", model="sandbox", tools=[])
    async with agents.events(begun.run_id) as events:
        async for event in events:
            if event.type == "step.started":
                break
    await agents.pause(begun.run_id)
    await agents.resume(begun.run_id)
    await agents.cancel(begun.run_id)
    ended = await agents.events(begun.run_id).final()
    assert ended.status == "cancelled"
    with pytest.raises(ConflictError):
        await agents.pause(begun.run_id)


def test_a_wrong_type_and_an_unknown_run_have_their_errors(client: Headgate) -> None:
    with pytest.raises(InvalidRequestError):
        client.agents.run("no-such-type", "Hello", model="sandbox")
    with pytest.raises(NotFoundError):
        client.agents.get("run-none")
    with pytest.raises(NotFoundError), client.agents.events("run-none") as events:
        list(events)


def test_what_agents_know_is_added_corrected_found_and_forgotten(client: Headgate) -> None:
    memory = client.memory
    fact = memory.add("Ada likes tide mills", expires_at="2030-01-01T00:00:00.000Z")
    changed = memory.update(fact.id, "Ada likes wind mills", expires_at=fact.expires_at)
    assert (changed.id, changed.text) == (fact.id, "Ada likes wind mills")
    assert [found.text for found in memory.list(query="mills")] == ["Ada likes wind mills"]
    assert memory.delete(fact.id).id == fact.id
    assert memory.list() == []


def test_a_session_can_be_read_and_forgotten(client: Headgate) -> None:
    client.agents.run(
        "react", "Hello", model="sandbox", tools=[], session_id="chat", wait_seconds=60
    )
    turns = client.memory.conversation("chat")
    assert [(turn.speaker, turn.text) for turn in turns][:1] == [("user", "Hello")]
    client.memory.end_session("chat")
    assert client.memory.conversation("chat") == []
