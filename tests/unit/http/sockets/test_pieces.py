"""Messages on their way: in order, never too many, and texts that wait as one."""

import asyncio
import json
from typing import Any

import msgspec

from headgate.http.sockets.pieces import MOST_PIECE_CHARACTERS, Pieces

LONG = 3600.0


def delta(text: str, **more: Any) -> bytes:
    return msgspec.json.encode({"requestId": "a", "type": "delta", "content": text, **more})


def done() -> bytes:
    return b'{"requestId":"a","type":"done"}'


async def rest_of(pieces: Pieces) -> list[dict[str, Any]]:
    """All that is given to the end."""
    told = []
    while (message := await pieces.get()) is not None:
        told.append(json.loads(message))
    return told


async def test_texts_that_wait_become_one() -> None:
    pieces = Pieces(1000)
    for text in ("one ", "two ", "thréé"):
        await pieces.put(delta(text))
    await pieces.put(done())
    pieces.end()
    first, last = await rest_of(pieces)
    assert first == {"type": "delta", "requestId": "a", "content": "one two thréé"}
    assert last["type"] == "done"


async def test_a_piece_that_is_read_already_does_not_grow() -> None:
    pieces = Pieces(1000)
    await pieces.put(delta("one "))
    assert json.loads(await pieces.get() or b"")["content"] == "one "
    await pieces.put(delta("two"))
    assert json.loads(await pieces.get() or b"")["content"] == "two"


async def test_texts_have_the_number_of_their_last_piece() -> None:
    """Who comes back behind that number misses nothing and gets nothing twice."""
    pieces = Pieces(1000)
    for number in (1, 2, 3):
        await pieces.put(delta("x", seq=number, callId="req_1"))
    pieces.end()
    (told,) = await rest_of(pieces)
    assert (told["seq"], told["callId"], told["content"]) == (3, "req_1", "xxx")


async def test_only_texts_become_one() -> None:
    """The events of a run are numbered, and told as they are."""
    pieces = Pieces(10_000)
    event = b'{"type":"event","requestId":"a","runId":"r","event":{"seq":%d,"type":"delta"}}'
    sent = [event % 1, event % 2, delta("x"), event % 3, delta("y")]
    for message in sent:
        await pieces.put(message)
    pieces.end()
    assert await rest_of(pieces) == [json.loads(message) for message in sent]


async def test_no_piece_is_longer_than_a_message_may_be() -> None:
    """Whether it came at once or gathered; nothing is lost or moved at the seams."""
    pieces = Pieces(1_000_000)
    text = "".join(f"{number} " for number in range(5000))
    for start in range(0, len(text), 7000):
        await pieces.put(delta(text[start : start + 7000]))
    pieces.end()
    told = [message["content"] for message in await rest_of(pieces)]
    assert "".join(told) == text
    assert max(map(len, told)) <= MOST_PIECE_CHARACTERS
    assert len(told) == -(-len(text) // MOST_PIECE_CHARACTERS)


async def test_whoever_writes_waits_for_room() -> None:
    pieces = Pieces(10)
    await pieces.put(delta("0123456789"))
    writing = asyncio.create_task(pieces.put(delta("abc")))
    await asyncio.sleep(0)
    assert not writing.done()
    await pieces.get()
    await writing
    assert json.loads(await pieces.get() or b"")["content"] == "abc"


async def test_texts_gather_until_something_else_comes() -> None:
    pieces = Pieces(1000)
    await pieces.put(delta("one"))
    gathering = asyncio.create_task(pieces.gather(LONG))
    await asyncio.sleep(0)
    assert not gathering.done()
    await pieces.put(done())
    await gathering
    await pieces.get()
    await pieces.get()
    again = asyncio.create_task(pieces.gather(LONG))
    await asyncio.sleep(0)
    assert not again.done()
    pieces.end()
    await again


async def test_texts_do_not_gather_for_longer_than_that() -> None:
    await Pieces(1000).gather(0)


async def test_the_end_comes_behind_what_waits_or_instead_of_it() -> None:
    for dropping, count in ((False, 2), (True, 1)):
        pieces = Pieces(1000)
        await pieces.put(delta("one"))
        pieces.end([done()], dropping=dropping)
        pieces.end([done()])
        await pieces.put(delta("too late"))
        assert pieces.has_ended
        assert len(await rest_of(pieces)) == count
        assert pieces.is_empty


async def test_the_end_lets_writers_and_readers_go() -> None:
    pieces = Pieces(1)
    reading = asyncio.create_task(pieces.get())
    await asyncio.sleep(0)
    pieces.end()
    assert await reading is None
    full = Pieces(1)
    await full.put(delta("a"))
    writing = asyncio.create_task(full.put(delta("b")))
    await asyncio.sleep(0)
    full.end()
    await writing
