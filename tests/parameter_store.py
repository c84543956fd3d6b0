"""AWS's Parameter Store on this machine: an ASGI application with parameters that change."""

from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass
class ParameterStoreStandIn:
    """Serves `values` by their whole names; notes what was asked, and with which headers.

    Attributes:
        refusal: the kind of error that is answered instead.
    """

    values: dict[str, str] = field(default_factory=dict)
    refusal: str | None = None
    asked: list[list[str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        request = msgspec.json.decode((await receive())["body"])
        assert request["WithDecryption"] is True
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(request["Names"])
        if self.refusal is not None:
            body: dict[str, Any] = {
                "__type": f"com.amazon.coral#{self.refusal}",
                "message": "a secret word",
            }
        else:
            found = [name for name in request["Names"] if name in self.values]
            body = {
                "Parameters": [
                    {"Name": name, "Type": "SecureString", "Value": self.values[name], "Version": 1}
                    for name in found
                ],
                "InvalidParameters": [n for n in request["Names"] if n not in found],
            }
        status = 200 if self.refusal is None else 400
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})
