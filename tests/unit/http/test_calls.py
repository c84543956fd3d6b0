"""What a handler gets."""

import pytest

from headgate.core.answers import answer_key
from headgate.core.errors import InvalidRequest
from headgate.http.calls import Call
from platform_in_memory import ADMIN_KEY, platform


async def call(**headers: str) -> Call[None]:
    async with platform() as running:
        return Call(
            services=running.services,
            route="POST /v1/complete",
            request_id="req_1",
            headers={
                name.replace("_", "-").encode(): text.encode() for name, text in headers.items()
            },
            params={},
            query=None,
            body=None,
            raw=b"{}",
            key_or_none=ADMIN_KEY,
        )


async def test_labels_of_the_body_win_over_those_of_headers() -> None:
    made = await call(x_headgate_tags="a", x_headgate_use_case="b")
    caller = made.caller(tags=["c"], use_case="d")
    assert (caller.tags, caller.use_case) == (("c",), "d")


async def test_labels_of_headers_serve_where_the_body_is_a_vendors() -> None:
    caller = (await call(x_headgate_tags="a, b,,a", x_headgate_use_case="c")).caller()
    assert (caller.tags, caller.use_case) == (("a", "b"), "c")


@pytest.mark.parametrize("tags", [["x" * 65], [str(number) for number in range(11)], [""]])
async def test_labels_that_are_too_many_or_too_long_are_refused(tags: list[str]) -> None:
    made = await call()
    with pytest.raises(InvalidRequest):
        made.caller(tags=tags)


async def test_a_use_case_that_is_too_long_is_refused() -> None:
    made = await call(x_headgate_use_case="x" * 65)
    with pytest.raises(InvalidRequest):
        made.caller()


async def test_a_call_with_an_idempotency_key_is_known_again() -> None:
    first = (await call(idempotency_key="order-1")).caller()
    assert first.answer_key == answer_key(ADMIN_KEY.key_id, "POST /v1/complete", "order-1", b"{}")
    assert (await call()).caller().answer_key is None


@pytest.mark.parametrize("given", ["", "x" * 256, "two words", "caf\u00e9"])
async def test_an_idempotency_key_that_is_none_is_refused(given: str) -> None:
    made = await call(idempotency_key=given)
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        made.caller()
