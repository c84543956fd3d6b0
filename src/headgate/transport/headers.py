"""Headers as they came, which are read when somebody asks for one.

Of most answers nobody does: what they mean stands in their status and their body.
"""

import contextlib
from collections.abc import Iterator, Mapping

import httptools

_END = b"\r\n\r\n"


class RawHeaders(Mapping[str, str]):
    """Headers by their names in lower case; of several with one name the last."""

    __slots__ = ("_head", "_read")

    def __init__(self, head: bytes) -> None:
        """Take over the head of an answer; what follows it, or stands before it, may be there."""
        self._head = head
        self._read: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        if self._read is None:
            reading = _Reading()
            # What is behind the head is none of ours.
            with contextlib.suppress(httptools.HttpParserError):
                reading.parser.feed_data(self._head)
            self._read = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in reading.lines
            }
            self._head = b""
        return self._read


def only_head(received: bytes) -> bytes:
    """What was received up to the end of the first head."""
    end = received.find(_END)
    return received if end < 0 else received[: end + len(_END)]


class _Reading:
    """The headers of an answer, without those of interim ones before it and without its trailer."""

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpResponseParser(self)
        self._is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_whole:
            self.lines.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.get_status_code() >= 200:
            self._is_whole = True
        elif not self._is_whole:
            self.lines.clear()
