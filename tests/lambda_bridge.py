"""Hands the events of an emulated function to whoever answers them in its place.

MiniStack runs a function's code in its own way, without our wrapper. So the function gets a few
lines that send each event here and give back the answer: API Gateway's part stays what it is.
"""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

FORWARD = """
import json, os, urllib.request

def handler(event, context):
    request = urllib.request.Request(os.environ["BRIDGE"], json.dumps(event).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
"""


ALIAS = "bridge"


def forward(functions: Any, function: str, url: str) -> None:
    """Have `function` send its events to `url`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bridge.py", FORWARD)
    functions.update_function_code(FunctionName=function, ZipFile=packed.getvalue())
    functions.update_function_configuration(
        FunctionName=function,
        Handler="bridge.handler",
        Environment={"Variables": {"BRIDGE": url}},
    )


def forward_sockets(functions: Any, apis: Any, function: str, api: str, url: str) -> None:
    """Have `function` send the events of a WebSocket API to `url`.

    Under an alias of its own: MiniStack keeps a process for each name, whatever its code becomes.
    """
    forward(functions, function, url)
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)
    for integration in apis.get_integrations(ApiId=api)["Items"]:
        apis.update_integration(
            ApiId=api,
            IntegrationId=integration["IntegrationId"],
            IntegrationUri=integration["IntegrationUri"].replace(":live/", f":{ALIAS}/"),
        )


@dataclass(frozen=True)
class Bridge:
    """The other end: an ASGI application that answers events by `answer`."""

    answer: Callable[[Any], Awaitable[bytes]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answer = await self.answer(json.loads(body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer})
