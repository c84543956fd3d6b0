"""Questions that are worded anew share an answer, where a model for that is configured.

Once with a process that remembers them itself, once with two that share a Redis.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from headgate_server import Answer, Caller, Simulator, chat
from redis_server import redis_running

ASKED = "Where does the harbour office keep the spare keys?"
REWORDED = "Where does the harbour office keep its spare keys?"
OTHER = "Who won the boat race in spring?"
EXACT: dict[str, Any] = {"model": "priced", "temperature": 0}
CLAUDE: dict[str, Any] = {"model": "claude-haiku-4-5", "temperature": 0, "max_tokens": 50}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/complete", EXACT),
    ("/v1/stream", EXACT),
    ("/v1/chat/completions", EXACT),
    ("/v1/chat/completions", {**EXACT, "stream": True}),
    ("/v1/responses", EXACT),
    ("/v1/messages", CLAUDE),
    ("/v1/messages", {**CLAUDE, "stream": True}),
]


@pytest.fixture(scope="module", params=["process", "redis"])
def environment(request: pytest.FixtureRequest, vendors: Simulator) -> Iterator[Mapping[str, str]]:
    if request.param == "process":
        yield vendors.environment
        return
    with redis_running() as server:
        yield {**vendors.environment, "HEADGATE_REDIS_URL": server.url}


@pytest.fixture(scope="module")
def workers(environment: Mapping[str, str]) -> int:
    return 2 if "HEADGATE_REDIS_URL" in environment else 1


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    return f"""
        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["priced", "vectors"]

        [prices]
        priced = {{ input = 1000, output = 2000 }}
        local = {{ input = 100, output = 0 }}

        [cache]
        semantic_model = "local/local"
        semantic_threshold = 0.8
    """


async def ask(caller: Caller, path: str, text: str, body: dict[str, Any]) -> Answer:
    """A call on a connection of its own, so that any process may get it."""
    asked = {"input": text, **body} if path == "/v1/responses" else chat(text, **body)
    answer = await caller.post(path, asked, connection="close")
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize(("path", "body"), CALLS, ids=lambda each: str(each)[:60])
async def test_a_reworded_question_has_the_first_ones_answer_and_another_has_its_own(
    admin: Caller, vendors: Simulator, path: str, body: dict[str, Any]
) -> None:
    async with admin.newcomer(workspaceId=f"{path}{body}"[:60]) as caller:
        await vendors.forget()
        first = await ask(caller, path, ASKED, body)
        second = await ask(caller, path, REWORDED, body)
        third = await ask(caller, path, OTHER, body)
        cached = [answer.headers["x-cache"] for answer in (first, second, third)]
        assert cached == ["miss", "hit", "miss"]
        assert len(await vendors.calls()) == 2
        assert b"harbour" in second.body
        assert b"boat" in third.body
        events = (await caller.get("/v1/usage/events"))["data"]
        answers = [event for event in events if event["requestType"] == "completion"]
        (hit,) = [event for event in answers if event["savedCost"]]
        assert (hit["requestId"], hit["cache"]) == (second.headers["x-request-id"], "hit")
        assert (hit["cost"], hit["billed"]) == (0, 0)


async def test_each_look_is_an_embedding_of_the_callers_own(admin: Caller) -> None:
    async with admin.newcomer(workspaceId="looks") as caller:
        for text in (ASKED, REWORDED, REWORDED):
            await ask(caller, "/v1/complete", text, EXACT)
        events = (await caller.get("/v1/usage/events"))["data"]
        looks = [event for event in events if event["requestType"] == "embedding"]
        # The vector of a text that was looked for before is in the cache itself.
        assert [event["cache"] for event in looks] == ["hit", "miss", "miss"]
        assert [event["cost"] > 0 for event in looks] == [False, True, True]
