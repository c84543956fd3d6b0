"""Callers of every kind, who go on while servers die, and what each of them has seen.

Each call is known again at the vendor by its model and its number of words, and in the ledger by
its tag: so every event can be held against the vendor's own list.
"""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from headgate_server import chat, http_client
from torture.accounts import Cast, Key, Payer

# Four bytes of text count as a token where a vendor does not say; a word has twice as many.
WORD = "caravan"
MOST_TOKENS = 16
AT_ONCE = 24
EXPECTED_ERRORS = {(402, "budget_exceeded"), (503, "overloaded")}
REFUSED_PAUSE_SECONDS = 0.05
AWAY_PAUSE_SECONDS = 0.05


@dataclass
class Sent:
    """One call as its caller has seen it.

    Attributes:
        words: of the input; no other call to this model has as many.
        request_id: known once the answer's head has come.
        code: what an error's envelope says.
        seconds: how long the caller waited altogether.
        finished: the answer was seen to its end.
        left: the caller did not want to see that.
    """

    number: int
    key: Key
    model: Payer
    words: int
    tokens: int
    is_stream: bool
    request_id: str | None = None
    status: int | None = None
    code: str | None = None
    seconds: float = 0
    finished: bool = False
    left: bool = False

    @property
    def tag(self) -> str:
        """What its event is labelled with."""
        return f"call-{self.number}"

    @property
    def payers(self) -> tuple[Payer, ...]:
        """All accounts that pay for it."""
        return (*self.key.payers, self.model)


@dataclass
class Load:
    """Calls of a round until it is told to stop; `urls` are the servers that can be asked now."""

    cast: Cast
    urls: Callable[[], list[str]]
    chance: random.Random
    sent: list[Sent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _stopping: bool = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Call from beginning to end of the block; calls under way at its end are finished."""
        async with http_client() as client:
            callers = [asyncio.create_task(self._call_on(client)) for _ in range(AT_ONCE)]
            try:
                yield
            finally:
                self._stopping = True
                await asyncio.gather(*callers)

    async def so_far(self) -> list[Sent]:
        """The calls that were made until now."""
        return self.sent

    async def _call_on(self, client: httpx2.AsyncClient) -> None:
        while not self._stopping:
            urls = self.urls()
            if not urls:
                await asyncio.sleep(AWAY_PAUSE_SECONDS)
                continue
            sent = self._next()
            began = time.monotonic()
            with contextlib.suppress(httpx2.TransportError):
                await self._call(client, self.chance.choice(urls), sent)
            sent.seconds = time.monotonic() - began
            if sent.status != 200:
                await asyncio.sleep(REFUSED_PAUSE_SECONDS)

    def _next(self) -> Sent:
        number = len(self.sent)
        models = self.cast.models
        sent = Sent(
            number,
            key=self.chance.choice(self.cast.keys),
            model=models[number % len(models)],
            words=number // len(models) + 1,
            tokens=self.chance.randint(1, MOST_TOKENS),
            is_stream=self.chance.random() < 0.5,
        )
        self.sent.append(sent)
        return sent

    async def _call(self, client: httpx2.AsyncClient, url: str, sent: Sent) -> None:
        body = self._body(sent)
        headers = {"authorization": f"Bearer {sent.key.api_key}"}
        sent.left = leaves = self.chance.random() < 0.2
        if not sent.is_stream:
            asking = client.post(f"{url}/v1/complete", json=body, headers=headers)
            if leaves:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.chance.uniform(0.02, 0.5)):
                        self._note(sent, answer := await asking)
                        self._is_clear(sent, answer.content)
                return
            answer = await asking
            self._note(sent, answer)
            self._is_clear(sent, answer.content)
            sent.finished = answer.status_code == 200
            return
        async with client.stream("POST", f"{url}/v1/stream", json=body, headers=headers) as answer:
            self._note(sent, answer)
            received = b""
            leave_after = self.chance.randint(1, sent.tokens)
            async for piece in answer.aiter_raw():
                received += piece
                if leaves and received.count(b"data:") >= leave_after:
                    return
            sent.finished = b'"type":"done"' in received
            self._is_clear(sent, received)

    def _body(self, sent: Sent) -> dict[str, Any]:
        words = " ".join([WORD] * sent.words)
        rate, delay = self.chance.choice([30, 60, 1000]), self.chance.choice([0, 20, 200])
        return chat(
            f"[[tokens {sent.tokens}]] [[rate {rate}]] [[delay {delay}]] {words}",
            model=sent.model.id,
            maxTokens=MOST_TOKENS,
            tags=[sent.tag],
        )

    def _note(self, sent: Sent, answer: httpx2.Response) -> None:
        sent.status = answer.status_code
        sent.request_id = answer.headers["x-request-id"]

    def _is_clear(self, sent: Sent, body: bytes) -> None:
        """An answer, or an error in the envelope by which a program knows what to do."""
        if sent.status == 200:
            return
        sent.code = json.loads(body).get("error", {}).get("code")
        if (sent.status, sent.code) not in EXPECTED_ERRORS:
            self.faults.append(f"call {sent.number} got {sent.status}: {body.decode()}")
