"""What waits to be sent: in order, and never more than so much."""

import asyncio

from headgate.http.sockets.outbox import Close, Outbox

END = Close(1000, "")


async def test_messages_leave_in_their_order() -> None:
    outbox = Outbox(100)
    for message in (b"a", b"b"):
        await outbox.put(message)
    assert [await outbox.get(), await outbox.get()] == [b"a", b"b"]


async def test_a_reader_waits_for_a_message() -> None:
    outbox = Outbox(100)
    reading = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not reading.done()
    await outbox.put(b"a")
    assert await reading == b"a"


async def test_writers_wait_while_it_is_full_and_one_message_may_be_of_any_size() -> None:
    outbox = Outbox(2)
    await outbox.put(b"large")
    writing = [asyncio.create_task(outbox.put(text)) for text in (b"b", b"c")]
    await asyncio.sleep(0)
    assert not any(task.done() for task in writing)
    assert await outbox.get() == b"large"
    await asyncio.gather(*writing)
    assert [await outbox.get(), await outbox.get()] == [b"b", b"c"]


async def test_the_end_drops_what_waits_and_lets_writers_go() -> None:
    outbox = Outbox(1)
    await outbox.put(b"a")
    writing = asyncio.create_task(outbox.put(b"b"))
    await asyncio.sleep(0)
    outbox.close(END, [b"last"])
    await writing
    await outbox.put(b"late")
    assert outbox.is_closed
    assert [await outbox.get(), await outbox.get(), await outbox.get()] == [b"last", END, END]


async def test_only_the_first_end_counts() -> None:
    outbox = Outbox(1)
    outbox.close(END)
    outbox.close(Close(4429, "slow"), [b"last"])
    assert await outbox.get() == END


async def test_a_waiting_reader_hears_of_the_end() -> None:
    outbox = Outbox(1)
    reading = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close(END)
    assert await reading == END
