import asyncio

import pytest

import document_files
from headgate.documents.reader import Reader
from headgate.documents.readings import Unreadable


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("txt", b"Ten crowns."),
        ("md", b"# Dues\n\nTen crowns."),
        ("html", b"<h1>Dues</h1><p>Ten crowns.</p>"),
        ("pdf", document_files.pdf("Ten crowns.")),
        ("docx", document_files.word("# Dues", "Ten crowns.")),
    ],
)
async def test_every_kind_is_read_in_a_process_of_its_own(kind: str, content: bytes) -> None:
    outcome = await Reader().read(kind, "port dues", content)  # type: ignore[arg-type]
    assert outcome.text.endswith("Ten crowns.")
    (cut,) = outcome.cuts
    assert cut.terms.split()[:2] == ["port", "due"]
    assert outcome.pages == (1 if kind == "pdf" else None)


async def test_a_file_without_text_is_refused() -> None:
    with pytest.raises(Unreadable, match="no text"):
        await Reader().read("txt", "", b" \n ")


async def test_a_reading_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Unreadable, match="longer to read"):
        await Reader(most_seconds=0.0).read("txt", "", b"text")


async def test_whoever_gives_up_ends_the_reading_and_frees_its_place() -> None:
    reader = Reader()
    readings = [asyncio.create_task(reader.read("txt", "", b"text")) for _ in range(5)]
    await asyncio.sleep(0)
    for reading in readings:
        reading.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
    assert (await reader.read("txt", "", b"text")).text == "text"
