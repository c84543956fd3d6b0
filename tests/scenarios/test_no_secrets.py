"""Secrets stay where they belong: with whoever was given them, once."""

import stat
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx2
import pytest

from headgate_server import Caller, Headgate, Simulator, chat

VENDOR_KEY = "sk-vendor-4f9c1e7a2b"
ANTHROPIC_KEY = "sk-ant-5a0d2f8b3c"
WRONG_KEY = "sk-proj-someone-elsessecret1234567890"


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment | {
        "OPENAI_API_KEY": VENDOR_KEY,
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "JWT_SECRET_KEY": "a-signing-secret-of-the-test-0123456789",
        "LOG_LEVEL": "debug",
    }


@pytest.fixture
async def heard() -> list[bytes]:
    """Every answer's head and body."""
    return []


@pytest.fixture
async def watched(
    headgate: Headgate, heard: list[bytes]
) -> AsyncIterator[Callable[[Caller], Caller]]:
    """Makes callers whose answers are all heard."""
    made: list[Caller] = []

    def watch(caller: Caller) -> Caller:
        async def note(response: httpx2.Response) -> None:
            heard.append(repr(response.headers.raw).encode() + await response.aread())

        caller.http.event_hooks["response"].append(note)
        made.append(caller)
        return caller

    yield watch
    for caller in made:
        await caller.http.aclose()


async def test_no_secret_is_kept_printed_or_told_again(
    headgate: Headgate, watched: Callable[[Caller], Caller], heard: list[bytes]
) -> None:
    secrets = {"the vendor's": VENDOR_KEY, "a wrong one": WRONG_KEY}
    secrets["another vendor's"] = ANTHROPIC_KEY
    secrets["the signing key"] = "a-signing-secret-of-the-test-0123456789"
    secrets["the admin's"] = headgate.admin_key
    async with headgate.caller() as giver:
        # These three answers are the only ones that may hold a key's secret.
        created = await giver.new_key(userId="anna", monthlyBudget=1)
        rotated = await giver.post(f"/v1/auth/keys/{created['keyId']}/rotate", {"graceSeconds": 60})
        other = await giver.new_key(monthlyBudget=0)
    secrets["a created one"] = created["apiKey"]
    secrets["a rotated one"] = rotated.json["apiKey"]
    secrets["another"] = other["apiKey"]

    admin = watched(headgate.caller())
    for key in (created["apiKey"], rotated.json["apiKey"], other["apiKey"], WRONG_KEY):
        await use_everything(watched(headgate.caller(key)))
    for path in ("/v1/auth/keys", f"/v1/auth/keys/{created['keyId']}", "/v1/usage/events"):
        await admin.send("GET", path)
    await use_everything(admin)
    await admin.send("PATCH", f"/v1/auth/keys/{created['keyId']}", {"name": "renamed"})
    await admin.send("DELETE", f"/v1/auth/keys/{created['keyId']}")
    assert len(heard) > 60

    told = b"".join(heard)
    printed = headgate.command.output
    assert printed.count(headgate.admin_key) == 2, "once by itself, once in the curl to paste"
    assert headgate.stop() == 0
    printed += headgate.outputs[-1].removeprefix(printed)
    kept = files_of(headgate.data)
    assert kept
    for name, secret in secrets.items():
        assert secret.encode() not in told, f"{name} was told"
        if name != "the admin's":
            assert secret not in printed, f"{name} was printed"
        for file, content in kept.items():
            assert secret.encode() not in content, f"{name} is in {file}"
            # Nor the part of it that nobody could guess.
            assert secret.rpartition("-")[2].encode() not in content, f"{name} is in {file}"

    headgate.start()
    assert headgate.admin_key not in headgate.command.output, "the second start prints no key"
    async with headgate.caller() as again:
        assert (await again.ask("hello")).status == 200


async def use_everything(caller: Caller) -> None:
    """Calls that succeed, fail at the vendor, and are refused, with a key in odd places."""
    for model in ("sandbox", "gpt-4o-mini", "claude-haiku-4-5"):
        for text in ("hello", "[[fail 401]]", "[[fail 500]]", "[[cut 1]] [[tokens 5]]", "[[rate]]"):
            for path in ("/v1/complete", "/v1/stream", "/v1/chat/completions", "/v1/messages"):
                await caller.post(path, chat(text, model=model, max_tokens=9))
    await caller.send("GET", "/v1/usage/budget")
    await caller.send("GET", "/v1/models")
    await caller.send("GET", f"/v1/models/{caller.key[:8]}")
    await caller.post("/v1/embed", {"input": ["a", "b"], "model": "text-embedding-3-small"})
    await caller.post("/v1/auth/keys", {"name": 7})
    await caller.send("GET", "/nowhere")


def files_of(directory: Path) -> dict[str, bytes]:
    """All files below a directory but the one that may hold a secret."""
    return {
        path.name: path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "secret.key"
    }


async def test_nobody_else_on_the_machine_may_look_into_the_data(headgate: Headgate) -> None:
    assert stat.S_IMODE(headgate.data.stat().st_mode) == 0o700
    secret = headgate.data / "secret.key"
    assert not secret.exists() or stat.S_IMODE(secret.stat().st_mode) == 0o600


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-haiku-4-5"])
async def test_a_vendors_own_words_reach_the_caller_without_addresses_or_keys(
    headgate: Headgate, model: str
) -> None:
    """The simulator repeats the directive it could not read, and nothing else of the call."""
    async with headgate.caller() as caller:
        answer = await caller.ask("[[fail 400]]", model=model)
        assert answer.status == 400
        assert "told to fail" in answer.error["message"]
        gone = await caller.ask("[[fail 401]]", model=model)
        assert (gone.status, gone.error["code"]) == (502, "upstream_error")
        for text in (answer.error["message"], gone.error["message"]):
            assert "127.0.0.1" not in text
            assert "sk-" not in text
