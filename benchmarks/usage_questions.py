"""What the dashboard's pages ask, and how long `headgate serve` takes to answer.

The questions go over HTTP to a real server on a database of many million calls. They come one after
another, in a shuffled order, since pages ask for different things.
"""

import datetime as dt
import http.client
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

DAYS = 7
"""A page's range unless somebody chooses another."""
LONG_DAYS = 90
MOST_P95_MS = 100.0


class Unanswered(Exception):
    """The server refused a question; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that a page makes."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How long a question's answers took to their last byte, in milliseconds."""

    question: Question
    times: Sequence[float]

    @property
    def p50_ms(self) -> float:
        """Half of the answers came within so many milliseconds."""
        return statistics.median(self.times)

    @property
    def p95_ms(self) -> float:
        """Nineteen of twenty came within so many."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def questions(
    now: dt.datetime, *, user: str, key: str, workspace: str, model: str, cursor: str
) -> list[Question]:
    """What the pages ask at a moment that is in the middle of an hour, and a day, as most are."""
    found = []
    for days in (DAYS, LONG_DAYS):
        ends = {"from": _iso(now - dt.timedelta(days=days)), "to": _iso(now)}
        for owner in ({}, {"userId": user}, {"keyId": key}):
            whose = "".join(f", one {name[:-2]}" for name in owner)
            for by in ("model", "provider", "user", "key", "workspace", "day", "hour", "tag"):
                name = f"by {by}{whose}, {days} days"
                found.append(_question(name, "/v1/usage", {**ends, **owner, "groupBy": by}))
            for place, after in (("first", {}), ("a later", {"cursor": cursor})):
                name = f"events, {place} page{whose}, {days} days"
                found.append(_question(name, "/v1/usage/events", {**ends, **owner, **after}))
    accounts = {"user": user, "key": key, "workspace": workspace, "model": model}
    for scope, name in accounts.items():
        found.append(
            _question(f"budget of a {scope}", "/v1/usage/budget", {"scope": scope, "id": name})
        )
    return found


def ask(port: int, api_key: str, asked: Sequence[Question], rounds: int) -> list[Answer]:
    """Ask each question `rounds` times, after once for warming up.

    Raises:
        Unanswered: an answer is not 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    chance = random.Random(1)
    times: dict[Question, list[float]] = {question: [] for question in asked}
    for number in range(rounds + 1):
        for question in chance.sample(list(asked), len(asked)):
            started = time.perf_counter()
            fetch(connection, api_key, question.path)
            if number:
                times[question].append((time.perf_counter() - started) * 1000)
    connection.close()
    return [Answer(question, taken) for question, taken in times.items()]


def fetch(connection: http.client.HTTPConnection, api_key: str, path: str) -> bytes:
    """The answer to a GET, all of it where it is a stream.

    Raises:
        Unanswered: it is not 200.
    """
    connection.request("GET", path, headers={"authorization": f"Bearer {api_key}"})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise Unanswered(f"{path} answered {response.status}: {body[:2000]!r}")
    return body


def _question(name: str, path: str, query: Mapping[str, str]) -> Question:
    return Question(name, f"{path}?{urlencode(query)}")


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
