"""Vendors of which every fourth call goes wrong, and callers who notice next to nothing of it.

For half a minute callers of three protocols ask for whole answers and for streams, while both
vendors of an alias limit, fail, stay silent and break off. Then the ledger is held against the
vendors' own list of calls.
"""

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import pytest

from headgate_server import (
    Answer,
    Caller,
    Headgate,
    Simulator,
    eventually,
    exact,
    simulating,
    total,
)

LOAD_SECONDS = 30
AT_ONCE = 16
FAULTS = ("429:0.1", "500:0.1", "slow:0.02", "cut:0.05")
SEED = 20_261_123
INSISTING = 150
RETRY_SECONDS = 0.05
# Less than a slow answer takes.
TIMEOUT_SECONDS = 4
LEAST_SUCCESS = Decimal("0.99")
MODELS = {"gpt-4o-mini": "openai", "claude-haiku-4-5": "anthropic"}
PATHS = ("/v1/complete", "/v1/stream", "/v1/chat/completions", "/v1/messages")
# What callers may be told of vendors that fail, by OpenAI's codes and Anthropic's types.
TYPED = {
    (429, "rate_limit_exceeded"),
    (502, "upstream_error"),
    (503, "overloaded"),
    (504, "upstream_timeout"),
    (429, "rate_limit_error"),
    (502, "api_error"),
    (529, "overloaded_error"),
    (504, "timeout_error"),
}
BROKEN_OFF = {"upstream_error", "upstream_timeout", "api_error", "timeout_error"}


@dataclass
class Asked:
    """One request and how it ended.

    Attributes:
        failure: the code or type of the one error that was told.
        has_begun: whether a part of the answer had come before it, so that nobody could take over.
        faults: what no caller may see, in words.
    """

    number: int
    request_id: str = ""
    failure: str | None = None
    has_begun: bool = False
    faults: list[str] = field(default_factory=list)


@dataclass
class Load:
    """Callers who go on until they are told to stop."""

    caller: Caller
    chance: random.Random
    asked: list[Asked] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Ask for so long, and wait for the last answers."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        numbers = itertools.count()

        async def go_on() -> None:
            while loop.time() < end:
                asked = Asked(next(numbers))
                self.asked.append(asked)
                await self._ask(asked)

        await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))

    async def _ask(self, asked: Asked) -> None:
        question = a_question(self.chance, "best")
        answer = await self.caller.post(question.path, question.body)
        asked.request_id = answer.headers["x-request-id"]
        _read(asked, question, answer)


class Question(NamedTuple):
    """A request, and the text that a whole answer to it has."""

    path: str
    body: Mapping[str, Any]
    said: str

    @property
    def is_stream(self) -> bool:
        """Whether the answer comes piece by piece."""
        return self.path == "/v1/stream" or bool(self.body["stream"])


def a_question(chance: random.Random, model: str) -> Question:
    """Any request, in any protocol."""
    path = chance.choice(PATHS)
    tokens = chance.randint(1, 20)
    words = " ".join(["word"] * chance.randint(1, 50))
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"{words} [[tokens {tokens}]]"}],
        "stream": chance.random() < 0.5,
        "max_tokens" if path in PATHS[2:] else "maxTokens": 50,
    }
    return Question(path, body, " ".join(["word"] * tokens))


def _read(asked: Asked, question: Question, answer: Answer) -> None:
    """Note how a request has ended."""
    if answer.status != 200:
        _read_refusal(asked, answer)
    elif question.is_stream:
        _read_stream(asked, answer, question.said)
    elif question.said.encode() not in answer.body:
        asked.faults.append(f"an answer without its text: {answer.body!r}")


def _read_refusal(asked: Asked, answer: Answer) -> None:
    error = answer.json["error"]
    asked.failure = error.get("code") or error["type"]
    if (answer.status, asked.failure) not in TYPED or not error["message"]:
        asked.faults.append(f"{answer.status} {answer.body!r}")


def _read_stream(asked: Asked, answer: Answer, said: str) -> None:
    """A stream ends once: as its protocol says, or with one error."""
    steps = list(_steps(answer.body))
    ends = [step for step in steps if step.kind != "text"]
    if len(ends) != 1 or steps[-1] != ends[0]:
        asked.faults.append(f"a stream that ends {len(ends)} times: {answer.body[-300:]!r}")
    text = "".join(step.content for step in steps if step.kind == "text")
    if steps[-1].kind == "error":
        asked.failure, asked.has_begun = steps[-1].content, bool(text)
        if asked.failure not in BROKEN_OFF or not said.startswith(text):
            asked.faults.append(f"a stream that breaks off with {asked.failure} after {text!r}")
    elif text != said:
        asked.faults.append(f"a stream with another text: {text!r}")


class Step(NamedTuple):
    """A piece of a stream, in whichever protocol: a text, the end, or the code of an error."""

    kind: Literal["text", "end", "error"]
    content: str = ""


def _steps(body: bytes) -> Iterator[Step]:
    for frame in body.removesuffix(b"\n\n").split(b"\n\n"):
        data = frame.rpartition(b"data: ")[2]
        if data == b"[DONE]":
            yield Step("end")
        elif not frame.startswith(b":"):
            event = exact(data)
            if error := event.get("error"):
                yield Step("error", error.get("code") or error["type"])
            elif event.get("type") in {"done", "message_stop"}:
                yield Step("end")
            else:
                yield Step("text", _text(event))


def _text(event: Mapping[str, Any]) -> str:
    if event.get("choices"):
        return event["choices"][0]["delta"].get("content") or ""
    if event.get("type") == "content_block_delta":
        return str(event["delta"].get("text", ""))
    return str(event.get("content", ""))


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    with simulating(
        tmp_path_factory.mktemp("simulator"), "--seed", str(SEED), *faults
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    return f"""
[aliases]
best = {list(MODELS)}

[routing]
timeout_seconds = {TIMEOUT_SECONDS}
retries = 2

[limits]
requests_per_second = 1_000_000
burst = 1_000_000
"""


async def test_vendors_that_fail_are_hardly_noticed_and_every_call_of_theirs_is_booked(
    headgate: Headgate, admin: Caller, vendors: Simulator
) -> None:
    async with admin.newcomer(monthlyBudget=100) as caller:
        load = Load(caller, random.Random(SEED))
        await load.run(LOAD_SECONDS)
        budget = await eventually(
            lambda: caller.get("/v1/usage/budget"), lambda budget: budget["reserved"] == 0
        )
        events = await admin.events()
        calls = await vendors.calls()
    callers_are_answered_or_told_why_once(load.asked)
    calls_are_booked(calls, events)
    requests_are_booked(load.asked, events)
    assert (budget["spent"], budget["unconfirmed"]) == (total(events), 0)
    assert "Traceback" not in headgate.command.output
    # It was a load, and everything that can go wrong did.
    assert len(load.asked) > 200
    assert {call["status"] for call in calls} == {200, 429, 500, None}
    assert any(asked.has_begun for asked in load.asked)


async def test_whoever_tries_again_under_one_key_gets_one_whole_answer_and_pays_for_one(
    admin: Caller, vendors: Simulator
) -> None:
    """There is no fallback here, so that callers are told of failures and insist."""
    chance = random.Random(SEED)
    asked = {f"key-{number}": a_question(chance, "gpt-4o-mini") for number in range(INSISTING)}
    places = asyncio.Semaphore(AT_ONCE)
    requests: dict[str, Asked] = {}

    async def insist(key: str, question: Question) -> bytes:
        async with places:
            for number in itertools.count():
                tried = Asked(number)
                answer = await caller.post(question.path, question.body, **{"idempotency-key": key})
                _read(tried, question, answer)
                assert not tried.faults
                tried.request_id = answer.headers["x-request-id"]
                requests[tried.request_id] = tried
                if tried.failure is None:
                    return answer.body
                await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError

    async with admin.newcomer(monthlyBudget=100) as caller:
        answers = await asyncio.gather(*(insist(*each) for each in asked.items()))
        calls = len(await vendors.calls())
        for (key, question), body in zip(asked.items(), answers, strict=True):
            again = await caller.post(question.path, question.body, **{"idempotency-key": key})
            assert (again.body, again.headers["idempotency-replayed"]) == (body, "true")
            assert Decimal(again.headers["x-cost"]) == 0
        assert len(await vendors.calls()) == calls
        events = [e for e in await caller.events() if e["requestId"] in requests]
        budget = await caller.get("/v1/usage/budget")
    assert Counter(event["status"] for event in events)["ok"] == len(asked)
    assert budget["spent"] == total(events)
    assert len(requests) > len(asked), "nobody had to try again"


def callers_are_answered_or_told_why_once(all_asked: Sequence[Asked]) -> None:
    assert not [fault for asked in all_asked for fault in asked.faults]
    # Whoever has seen a part of an answer cannot be given another vendor's.
    with_fallback = [asked for asked in all_asked if not asked.has_begun]
    answered = sum(asked.failure is None for asked in with_fallback)
    assert answered >= LEAST_SUCCESS * len(with_fallback), Counter(a.failure for a in with_fallback)


def calls_are_booked(
    calls: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> None:
    """Every call that a vendor has seen is one event, and whole ones with the vendor's count.

    On a machine that is very busy a vendor may end an answer that was waited for too long.
    """
    keys = [call["idempotencyKey"] for call in calls]
    assert None not in keys
    assert len(set(keys)) == len(keys) == len(events)
    whole, read = _counts(calls, "finished"), _counts(events, "ok")
    late = sum(event["latencyMs"] >= TIMEOUT_SECONDS * 1000 for event in events if not _ok(event))
    left = sum(call["cancelled"] for call in calls)
    assert not read - whole
    assert (whole - read).total() <= max(0, late - left)


def _ok(event: Mapping[str, Any]) -> bool:
    return bool(event["status"] == "ok")


def _counts(rows: Sequence[Mapping[str, Any]], state: str) -> Counter[tuple[Any, ...]]:
    """Vendor, model and tokens of the whole answers among calls or events."""
    return Counter(
        (
            row.get("provider") or row["vendor"],
            row["model"],
            row["inputTokens"],
            row["outputTokens"],
        )
        for row in rows
        if (row["status"] == "ok" if state == "ok" else row[state] and row["status"] == 200)
    )


def requests_are_booked(all_asked: Sequence[Asked], events: Sequence[Mapping[str, Any]]) -> None:
    """Each request has its events, of which one is whole where the caller was answered."""
    statuses: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        statuses[event["requestId"]].append(event["status"])
    assert statuses.keys() == {asked.request_id for asked in all_asked}
    for asked in all_asked:
        whole = statuses[asked.request_id].count("ok")
        assert whole == (asked.failure is None), (asked, statuses[asked.request_id])
