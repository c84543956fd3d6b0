"""The simulator as an ASGI application: every vendor under its own prefix, and what was called."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from headgate.simulate.anthropic import Anthropic
from headgate.simulate.azure import Azure
from headgate.simulate.bedrock import Bedrock
from headgate.simulate.behaviour import Behaviour
from headgate.simulate.calls import Call, CallLog
from headgate.simulate.cohere import Cohere
from headgate.simulate.exchange import BodyTooLarge, ClientLeft, Exchange, Receive, Scope, Send
from headgate.simulate.gemini import Gemini
from headgate.simulate.openai import OpenAI
from headgate.simulate.options import SimulatorOptions

CALLS_PATH = "/_simulate/calls"


class Vendor(Protocol):
    """One vendor's API; it notes in `call` what becomes of it."""

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer a request in the vendor's own words."""
        ...


_VENDORS: dict[str, Callable[[Behaviour], Vendor]] = {
    "openai": OpenAI,
    "anthropic": Anthropic,
    "azure": Azure,
    "bedrock": Bedrock,
    "gemini": Gemini,
    "cohere": Cohere,
}


def create_app(options: SimulatorOptions) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The application to serve."""
    behaviour = Behaviour(options)
    return Simulator({name: _VENDORS[name](behaviour) for name in options.vendors}, CallLog())


@dataclass(frozen=True, slots=True)
class Simulator:
    """Finds the vendor for a request and writes down what became of it."""

    vendors: dict[str, Vendor]
    calls: CallLog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send))
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, exchange: Exchange) -> None:
        name = exchange.path.split("/")[1]
        vendor = self.vendors.get(name)
        if vendor is not None:
            await self._call(name, vendor, exchange)
        elif exchange.path != CALLS_PATH:
            served = ", ".join(f"/{name}" for name in self.vendors)
            await exchange.json(404, _message(f"nothing is here; vendors are served at {served}"))
        elif exchange.method == "GET":
            await exchange.json(200, self.calls.to_json())
        elif exchange.method == "DELETE":
            self.calls.clear()
            await exchange.start(204, {})
            await exchange.finish()
        else:
            allow = {"allow": "GET, DELETE"}
            await exchange.json(405, _message("use GET or DELETE"), allow)

    async def _call(self, name: str, vendor: Vendor, exchange: Exchange) -> None:
        call = self.calls.begin(
            vendor=name, path=exchange.path, idempotency_key=exchange.header("idempotency-key")
        )
        try:
            body = await exchange.body()
            if not await exchange.unless_left(vendor.answer(exchange, call, body)):
                call.cancel()
        except ClientLeft:
            call.cancel()
        except BodyTooLarge:
            call.status = 413
            call.finish()
            await exchange.json(413, _message("the body is larger than the simulator reads"))


def _message(text: str) -> bytes:
    return msgspec.json.encode({"error": {"message": text}})


async def _live(receive: Receive, send: Send) -> None:
    """There is nothing to open or to close."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
