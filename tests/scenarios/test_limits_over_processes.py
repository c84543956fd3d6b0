"""Two processes hold one key's limits together; a limit is never multiplied by the processes."""

import asyncio
import time

import pytest

from headgate_server import Answer, Caller, Headgate, chat, eventually

AT_ONCE = 40


@pytest.fixture(scope="module")
def workers() -> int:
    return 2


async def ask_all(caller: Caller, text: str = "hello", *, calls: int = AT_ONCE) -> list[Answer]:
    """Calls at once on connections of their own, so that every process gets some of them."""
    body = chat(text, maxTokens=4)
    return await asyncio.gather(
        *(caller.post("/v1/complete", body, connection="close") for _ in range(calls))
    )


def admitted(answers: list[Answer]) -> int:
    return sum(answer.status == 200 for answer in answers)


async def test_a_limit_on_requests_holds_over_both_processes(admin: Caller) -> None:
    async with admin.newcomer(rateLimit={"requestsPerMinute": 12}) as caller:
        began = time.monotonic()
        answers = await ask_all(caller)
        assert {answer.status for answer in answers} == {200, 429}
        # A request is refilled every five seconds.
        assert 12 <= admitted(answers) <= 12 + (time.monotonic() - began) / 5
        remaining = {int(answer.headers["x-ratelimit-remaining-requests"]) for answer in answers}
        assert remaining >= set(range(12))
        refusal = next(answer for answer in answers if answer.status == 429)
        assert 1 <= int(refusal.headers["retry-after"]) <= 5
        assert refusal.headers["x-ratelimit-limit-requests"] == "12"


async def test_a_limit_on_calls_at_once_holds_over_both_processes(
    admin: Caller, headgate: Headgate
) -> None:
    async with admin.newcomer(rateLimit={"concurrency": 3}) as caller:
        slow = [asyncio.create_task(ask_all(caller, "[[delay 60000]]", calls=1)) for _ in range(12)]
        ended, under_way = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        refused = [task.result()[0] for task in ended]
        while len(under_way) > 3:
            ended, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            refused += [task.result()[0] for task in ended]
        assert {answer.status for answer in refused} == {429}
        assert admitted(await ask_all(caller, calls=6)) == 0
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        # Who leaves gives the place back.
        await eventually(lambda: ask_all(caller, calls=1), lambda answers: admitted(answers) == 1)


async def test_what_was_used_is_not_forgotten_by_a_restart(
    admin: Caller, headgate: Headgate
) -> None:
    key = await admin.new_key(rateLimit={"requestsPerMinute": 1})
    async with headgate.caller(key["apiKey"]) as caller:
        assert admitted(await ask_all(caller, calls=1)) == 1
    assert headgate.stop() == 0
    headgate.start()
    async with headgate.caller(key["apiKey"]) as caller:
        assert admitted(await ask_all(caller, calls=4)) == 0
