import re

import msgspec

from headgate.simulate.calls import Call, CallLog

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def begin(log: CallLog, path: str = "/openai/v1/models") -> Call:
    return log.begin(vendor="openai", path=path, idempotency_key="key")


def test_a_call_shows_the_promised_fields_from_its_beginning() -> None:
    log = CallLog()
    begin(log)
    (shown,) = msgspec.json.decode(log.to_json())
    assert TIME.fullmatch(shown.pop("startedAt"))
    assert shown == {
        "vendor": "openai",
        "path": "/openai/v1/models",
        "model": None,
        "status": None,
        "inputTokens": 0,
        "outputTokens": 0,
        "stream": False,
        "finished": False,
        "cancelled": False,
        "endedAt": None,
        "idempotencyKey": "key",
    }


def test_calls_stand_in_their_order_and_can_be_forgotten() -> None:
    log = CallLog()
    begin(log, "/a")
    begin(log, "/b")
    assert [call["path"] for call in msgspec.json.decode(log.to_json())] == ["/a", "/b"]
    log.clear()
    assert log.to_json() == b"[]"


def test_a_client_that_leaves_after_the_end_cancels_nothing() -> None:
    for end in (Call.finish, Call.break_off):
        call = begin(CallLog())
        end(call)
        ended = call.ended_at
        call.cancel()
        assert (call.cancelled, call.ended_at) == (False, ended)


def test_a_client_that_leaves_before_the_end_cancels() -> None:
    call = begin(CallLog())
    call.cancel()
    assert (call.cancelled, call.finished) == (True, False)
    assert call.ended_at
