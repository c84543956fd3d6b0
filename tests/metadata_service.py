"""What gives AWS credentials to a role, on this machine: a container's agent or EC2's metadata.

It serves both, wants the tokens that the real ones want, and notes what it was asked.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import msgspec

TOKEN = "the-session-of-a-machine"
AUTHORIZATION = "the-token-of-a-task"
ROLE = "headgate"
ROLES = "/latest/meta-data/iam/security-credentials/"
NOW = 1_795_435_200.0


@dataclass
class MetadataService:
    """An ASGI application.

    Attributes:
        lives_seconds: how long the next credentials live, from `now`.
        status: of its answers; another than 200 is a fault of the service.
        given: how many credentials it has given; they are numbered.
    """

    lives_seconds: float = 6 * 3600
    status: int = 200
    now: float = NOW
    given: int = 0
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(f"{scope['method']} {scope['path']}")
        status, body = self._answer(scope["method"], scope["path"], headers)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if self.status != 200:
            return self.status, b"a text that may hold a secret"
        if method == "PUT" and path == "/latest/api/token":
            is_right = 0 < int(headers["x-aws-ec2-metadata-token-ttl-seconds"]) <= 21_600
            return (200, TOKEN.encode()) if is_right else (400, b"")
        wanted = {
            ROLES: ("x-aws-ec2-metadata-token", TOKEN),
            ROLES + ROLE: ("x-aws-ec2-metadata-token", TOKEN),
            "/v2/credentials/task": ("authorization", AUTHORIZATION),
        }
        if path not in wanted:
            return 404, b""
        name, token = wanted[path]
        if headers.get(name) != token:
            return 401, b""
        return 200, ROLE.encode() if path == ROLES else self._credentials()

    def _credentials(self) -> bytes:
        self.given += 1
        ends = dt.datetime.fromtimestamp(self.now + self.lives_seconds, dt.UTC)
        return msgspec.json.encode(
            {
                "Code": "Success",
                "AccessKeyId": f"ASIA{self.given}",
                "SecretAccessKey": "secret",
                "Token": f"token-{self.given}",
                "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
