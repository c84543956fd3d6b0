"""Whether and when a request is sent again."""

import pytest

from headgate_sdk.errors import APIStatusError
from headgate_sdk.requests import (
    LONGEST_PAUSE_SECONDS,
    may_pass,
    metered,
    pause_seconds,
    read,
)


def refusal(status: int, retry_after: float | None = None) -> APIStatusError:
    return APIStatusError("no", status=status, retry_after=retry_after)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_does_no_harm_twice_is_sent_again_after_what_may_pass(status: int) -> None:
    assert may_pass(refusal(status), None, repeatable=True)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413])
def test_what_will_not_pass_is_not_sent_again(status: int) -> None:
    assert not may_pass(refusal(status), None, repeatable=True)


@pytest.mark.parametrize(
    ("status", "again"), [(429, True), (503, True), (502, False), (500, False)]
)
def test_what_could_be_done_twice_is_sent_again_after_a_refusal_only(
    status: int, *, again: bool
) -> None:
    assert may_pass(refusal(status), None, repeatable=False) == again
    assert may_pass(refusal(status), "true", repeatable=False) == again


def test_the_platform_may_say_otherwise() -> None:
    assert not may_pass(refusal(502), "false", repeatable=True)
    assert may_pass(refusal(409), "true", repeatable=True)


def test_nobody_is_kept_waiting_for_more_than_a_minute() -> None:
    assert may_pass(refusal(429, 60), None, repeatable=True)
    assert not may_pass(refusal(429, 61), None, repeatable=True)


def test_pauses_grow_to_a_bound_unless_the_platform_says_how_long() -> None:
    assert pause_seconds(3, 7.0) == 7.0
    for failures, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (50, LONGEST_PAUSE_SECONDS)]:
        assert longest / 2 <= pause_seconds(failures, None) <= longest


def test_calls_that_cost_money_have_a_key_each_unless_the_caller_has_one() -> None:
    keys = [metered("/v1/complete", {}).headers["idempotency-key"] for _ in range(2)]
    assert keys[0] != keys[1]
    assert metered("/x", {}, idempotency_key="mine").headers["idempotency-key"] == "mine"
    assert metered("/x", {}, cache=False).headers["cache-control"] == "no-cache"
    assert metered("/x", {}, tags=["a", "b"]).headers["x-headgate-tags"] == "a,b"
    assert read("/x").headers == {}
