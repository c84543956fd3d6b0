"""Fields that are nearly those of a body."""

import msgspec
import pytest

from headgate.core.errors import InvalidRequest
from headgate.http.twins import twins_of
from platform_in_memory import platform


class Ours(msgspec.Struct, rename="camel"):
    model: str
    max_tokens: int | None = None
    top_p: float | None = None


class Theirs(msgspec.Struct):
    max_tokens: int | None = None


@pytest.mark.parametrize("name", ["max_tokens", "top_p"])
def test_a_twin_is_refused_with_the_name_that_it_should_have(name: str) -> None:
    twins = twins_of(Ours)
    assert twins is not None
    with pytest.raises(InvalidRequest, match=r"'maxTokens'|'topP'") as refused:
        twins.refuse(msgspec.json.encode({"model": "m", name: 3}))
    assert refused.value.param == name


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "maxTokens": 3, "topP": 0.5},
        {"model": "m", "max_tokens": None},
        {"model": "m", "max_tokens": 3, "maxTokens": 3},
        {"model": "m", "maxtokens": 3, "max_token": 3, "else": {"max_tokens": 3}},
    ],
)
def test_nothing_else_is_refused(body: dict[str, object]) -> None:
    twins = twins_of(Ours)
    assert twins is not None
    twins.refuse(msgspec.json.encode(body))


@pytest.mark.parametrize("body", [Theirs, dict[str, object], Theirs | Ours, None])
def test_a_vendors_body_has_no_twins(body: object) -> None:
    assert twins_of(body) is None


async def test_a_call_with_a_twin_is_400_and_reaches_no_model() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "Hi"}]}
    async with platform() as running:
        refused = await running.call("POST", "/v1/complete", body | {"max_tokens": 1})
        answered = await running.call("POST", "/v1/chat/completions", body | {"max_tokens": 1})
        assert len(running.ledger._events) == 1
    assert (refused.status, answered.status) == (400, 200)
    error = refused.json["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "max_tokens")
    assert "maxTokens" in error["message"]
