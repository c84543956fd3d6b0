"""Bodies as a person reads them: JSON in one spelling, and of a stream the text that it carries.

The streams of all routes are understood: the platform's own, OpenAI's and Anthropic's.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core.contents import Kept, Said

_DATA = b"data: "
_encode = msgspec.json.Encoder().encode


def said_in_body(kept: Kept) -> Said:
    """A body of JSON, spelled in one way, so that whoever looks for something in it finds it."""
    try:
        text = _encode(msgspec.json.decode(kept.data)).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = kept.data.decode("utf-8", "replace")
    return Said(text, kept.is_whole)


def said_in_stream(kept: Kept) -> Said:
    """The text that server-sent events carry; where they carry none, the events themselves."""
    events = list(_events(kept.data))
    text = "".join(piece for event in events for piece in _pieces(event))
    rest = (event for event in events if event.get("error") or not text)
    lines = [text, *(_encode(event).decode() for event in rest)]
    return Said("\n".join(filter(None, lines)), kept.is_whole)


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        if not line.startswith(_DATA):
            continue
        try:
            event = msgspec.json.decode(line[len(_DATA) :])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue  # an end mark, or cut off
        if isinstance(event, dict):
            yield event


def _pieces(event: dict[str, Any]) -> Iterator[str]:
    """The pieces of text in an event, whichever dialect it is in."""
    delta = event.get("delta")
    found = [event.get("content") if event.get("type") == "delta" else None, delta]
    if isinstance(delta, dict):
        found += [delta.get("text"), delta.get("partial_json")]
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        part = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(part, dict):
            found += [part.get("content"), part.get("refusal")]
    return (piece for piece in found if isinstance(piece, str))
