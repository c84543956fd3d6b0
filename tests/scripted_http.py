"""An HTTP client that answers from a script, in exactly the pieces a test gives it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

from headgate.transport.http import HttpClient, HttpError, HttpResponse, HttpStream

Piece: TypeAlias = bytes | HttpError | asyncio.Event
"""Bytes that arrive, a failure, or silence until the test ends it."""


class ScriptedStream(HttpStream):
    """An answer on its way; `is_closed` says that it was left, `is_read` that it is read whole."""

    def __init__(
        self,
        pieces: Iterable[Piece],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        refusal: HttpError | None = None,
    ) -> None:
        self._script = iter(pieces)
        self._refusal = refusal
        self.status = status
        self.headers = headers or {}
        self.is_entered = False
        self.is_closed = False
        self.is_read = False

    async def __aenter__(self) -> Self:
        self.is_entered = True
        if self._refusal is not None:
            raise self._refusal
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_closed = True

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for piece in self._script:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            elif isinstance(piece, HttpError):
                raise piece
            else:
                yield piece
        self.is_read = True

    def drain(self) -> None:
        self.is_read = True

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.chunks()])


class Sent(NamedTuple):
    """A request as the vendor would see it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedClient(HttpClient):
    """Answers every request with the next answer of its script."""

    def __init__(self, *answers: HttpResponse | HttpError | ScriptedStream) -> None:
        self._answers = iter(answers)
        self.sent: list[Sent] = []

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        self.sent.append(Sent(method, url, headers, body))
        answer = next(self._answers)
        if isinstance(answer, HttpError):
            raise answer
        assert isinstance(answer, HttpResponse)
        return answer

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> HttpStream:
        self.sent.append(Sent(method, url, headers, body))
        answer = next(self._answers)
        assert isinstance(answer, ScriptedStream)
        return answer
