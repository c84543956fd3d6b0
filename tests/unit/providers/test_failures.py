import msgspec
import pytest

from headgate.core.models import (
    ProviderBroke,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.providers.failures import (
    MAX_SAID,
    meaning,
    retry_after,
    unanswered,
    understood,
    without_secrets,
)
from headgate.transport.http import HttpBroke, HttpError, HttpTimedOut, HttpUnreachable


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-Ab12_Cd34",
        "sk-ab**********yz",
        "gsk_AbCdEf123456",
        "xai-AbCdEf123456",
        "Bearer abc.def",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def",
        "0123456789abcdef0123456789abcdef",
        "org-AbCdEf",
        "https://user:pass@vendor.example/v1/chat?key=1",
        "postgres://db.internal/x",
        "10.0.0.12",
        "10.0.0.12:8000",
        "::1",
        "fe80::1ff:fe23:4567:890a",
        "[2001:db8:0:0:0:0:0:1]",
    ],
)
def test_secrets_and_addresses_are_removed(secret: str) -> None:
    said = without_secrets(f"wrong: {secret} was given, see {secret}")
    assert said == "wrong: [removed] was given, see [removed]"


@pytest.mark.parametrize(
    "said",
    [
        "Invalid 'messages[0].content': string too long. Expected at most 10485760.",
        "Unsupported value: 'temperature' does not support 0.7 with this model.",
        "task-force is no tool; std::string is no type: use a::b",
        "'max_tokens' or 'max_completion_tokens' is too large: 100000 at 50%",
    ],
)
def test_what_a_caller_can_act_on_stays(said: str) -> None:
    assert without_secrets(said) == said


def test_the_key_of_the_call_is_removed_whatever_it_looks_like() -> None:
    said = without_secrets("the token our-own-word is wrong", "our-own-word")
    assert said == "the token [removed] is wrong"
    assert without_secrets("none of these is a number", "none") == "none of these is a number"


def test_what_is_said_is_no_longer_than_a_sentence() -> None:
    assert len(without_secrets("a b " * 100_000)) == MAX_SAID


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_a_vendors_word_on_when_to_come_back(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (HttpUnreachable("x"), ProviderUnreachable),
        (HttpTimedOut("x"), ProviderTimedOut),
        (HttpBroke("x"), ProviderBroke),
        (HttpError("x"), ProviderBroke),
    ],
)
def test_no_answer_is_owed_only_where_a_connection_was_made(
    error: HttpError, kind: type[Exception]
) -> None:
    assert type(unanswered(error)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (422, "invalid"),
        (429, "rate_limited"),
        (500, "failed"),
        (503, "overloaded"),
        (529, "overloaded"),
        (302, "failed"),
    ],
)
def test_a_status_means_the_same_of_every_vendor(status: int, kind: str) -> None:
    refusal = meaning(status, "said", wait=3, param="p")
    assert isinstance(refusal, ProviderRefused)
    assert refusal.kind == kind
    tells = kind not in {"invalid", "failed"}
    assert refusal.retry_after_seconds == (3 if tells else None)
    assert ("said" in refusal.message, refusal.param) == (
        (True, "p") if kind == "invalid" else (False, None)
    )


@pytest.mark.parametrize("status", [408, 504])
def test_a_vendor_that_timed_out_may_have_worked(status: int) -> None:
    assert isinstance(meaning(status, "said"), ProviderTimedOut)


def test_too_long_an_input_is_told_as_such_where_it_was_the_request() -> None:
    refusal, other = meaning(400, "said", is_too_long=True), meaning(429, "s", is_too_long=True)
    assert isinstance(refusal, ProviderRefused)
    assert isinstance(other, ProviderRefused)
    assert (refusal.kind, refusal.param) == ("context_length", "messages")
    assert other.kind == "rate_limited"


@pytest.mark.parametrize("data", [b"", b"{", b'"\xff"', b"7", b"[" * 100_000])
def test_what_is_something_else_is_not_understood(data: bytes) -> None:
    decoder = msgspec.json.Decoder(list[str])
    assert understood(decoder, b'["a"]') == ["a"]
    with pytest.raises(ProviderBroke):
        understood(decoder, data)
