"""An identity provider that others have written, as a process, and the people whom it knows."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator

import httpx2

from free_ports import held_port
from headgate_server import eventually, http_client

PEOPLE = [
    {"sub": "ada", "email": "ada@example.com", "name": "Ada", "groups": ["ops"]},
    {"sub": "bob", "email": "bob@example.com", "name": "Bob", "groups": ["staff"]},
    {"sub": "lea", "email": "lea@example.com", "name": "Lea", "groups": ["leads"]},
    {"sub": "eve", "email": "eve@example.com", "name": "Eve", "groups": ["guests"]},
]


@contextlib.asynccontextmanager
async def oidc_server() -> AsyncIterator[str]:
    """The provider, once it answers; gives its address."""
    people = [text for person in PEOPLE for text in ("--user-claims", json.dumps(person))]
    with held_port() as port:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "oidc_provider_mock", "--port", str(port)),
            *("--require-nonce", "true", *people),
            env={**os.environ, "NO_COLOR": "1"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            await eventually(lambda: _is_up(address), bool)
            yield address
        finally:
            process.kill()
            await process.wait()


async def _is_up(address: str) -> bool:
    async with http_client() as client:
        try:
            answer = await client.get(f"{address}/.well-known/openid-configuration")
        except httpx2.HTTPError:
            return False
    return answer.status_code == 200
