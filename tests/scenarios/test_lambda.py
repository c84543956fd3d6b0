"""The functions' zip as Lambda runs it: its packages for arm64, and its wrapper as a process."""

import asyncio
import os
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import bundle
from headgate.aws.answering import CLOSE_SECONDS
from lambda_events import rest_event
from runtime_api import RuntimeStandIn, runtime_api

ADMIN = "sk-proj-first-0123456789abcdef0123456789abcdef"


def test_all_packages_of_the_bundle_are_there_for_arm64(tmp_path: Path) -> None:
    out = tmp_path / "headgate.zip"
    try:
        bundle.install(tmp_path / "content", bundle.PLATFORM)
    except bundle.BundleRefused as error:
        if os.environ.get("CI"):
            raise
        # Without a registry at hand, everything else can still be tested.
        pytest.skip(str(error))
    bundle.add_platform(tmp_path / "content")
    bundle.pack(tmp_path / "content", out)
    bundle.check(out)
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        assert sum(name.endswith(".so") for name in names) > 10
        assert "cryptography/__init__.py" in names
    # The console takes 50 MB without a detour.
    assert out.stat().st_size < 50_000_000


@pytest.fixture
async def function(tmp_path: Path) -> AsyncIterator[RuntimeStandIn]:
    """The wrapper, started with an interpreter as the managed runtime starts it."""
    content = tmp_path / "task"
    content.mkdir()
    bundle.add_platform(content)
    async with runtime_api() as lambda_api:
        process = await asyncio.create_subprocess_exec(
            content / "bootstrap",
            sys.executable,
            "/var/runtime/bootstrap.py",
            cwd=content,
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": lambda_api.address,
                "AWS_REGION": "us-east-1",
                "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
                "HEADGATE_ADMIN_KEY": ADMIN,
                "HEADGATE_DATA": str(tmp_path / "data"),
                "HEADGATE_LAMBDA": "gateway",
                "HEADGATE_ROLE": "gateway",
                "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            },
        )
        yield lambda_api
        process.terminate()
        await process.wait()


async def ask(function: RuntimeStandIn, body: dict[str, Any], path: str = "/v1/complete") -> Any:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    return await function.answer_of(rest_event("POST", path, body, headers=headers))


async def test_the_wrapper_serves_the_platform(function: RuntimeStandIn) -> None:
    assert (await function.answer_of({"warmup": True})).body == (
        b'{"statusCode": 200, "body": "warm"}'
    )
    question = {"model": "sandbox", "messages": [{"role": "user", "content": "[[say hello]]"}]}
    answered = await ask(function, question)
    assert answered.head["statusCode"] == 200
    assert msgspec.json.decode(answered.content)["content"] == "hello"


async def test_a_stream_keeps_its_pace(function: RuntimeStandIn) -> None:
    """A piece is there while the next is not made yet: nothing on the way gathers them."""
    question = "[[tokens 4]] [[rate 2]]"
    event = rest_event(
        "POST",
        "/v1/stream",
        {"model": "sandbox", "messages": [{"role": "user", "content": question}]},
        headers={"Authorization": f"Bearer {ADMIN}"},
    )
    answered = function.invoke(event)
    await answered.wait_for(b'"delta"')
    assert not answered.is_whole
    assert b'"done"' not in answered.body
    await answered.ended()
    assert b'"done"' in answered.content
    assert sum(b'"delta"' in piece for piece in answered.pieces) >= 3


async def test_a_caller_who_leaves_stops_the_model_and_pays_for_what_there_was(
    function: RuntimeStandIn,
) -> None:
    question = "[[tokens 500]] [[rate 5]]"
    event = rest_event(
        "POST",
        "/v1/stream",
        {"model": "sandbox", "messages": [{"role": "user", "content": question}]},
        headers={"Authorization": f"Bearer {ADMIN}"},
    )
    answered = function.invoke(event)
    await answered.wait_for(b'"delta"')
    function.break_off()
    await function.idle()
    headers = {"Authorization": f"Bearer {ADMIN}"}
    told = await function.answer_of(rest_event("GET", "/v1/usage/events", headers=headers))
    (row,) = msgspec.json.decode(told.content)["data"]
    assert row["status"] == "cancelled"
    assert row["outputTokens"] < 500


async def test_a_stream_that_lambda_would_cut_off_ends_in_an_error_and_is_paid_for(
    function: RuntimeStandIn,
) -> None:
    event = rest_event(
        "POST",
        "/v1/stream",
        {
            "model": "sandbox",
            "messages": [{"role": "user", "content": "[[tokens 500]] [[rate 5]]"}],
        },
        headers={"Authorization": f"Bearer {ADMIN}"},
    )
    # The process has to start, and has some seconds for its answer then.
    await ask(function, {"model": "sandbox", "messages": [{"role": "user", "content": "hi"}]})
    answered = function.invoke(event, ends_at=time.time() + CLOSE_SECONDS + 3)
    await answered.ended()
    assert b'"delta"' in answered.content
    last = answered.content.strip().rpartition(b"\n\n")[2]
    assert msgspec.json.decode(last.removeprefix(b"data: "))["error"]["code"] == "upstream_timeout"
    assert answered.trailers == {}
    headers = {"Authorization": f"Bearer {ADMIN}"}
    told = await function.answer_of(rest_event("GET", "/v1/usage/events", headers=headers))
    row, _ = msgspec.json.decode(told.content)["data"]
    assert row["status"] == "incomplete"
    assert 0 < row["outputTokens"] < 500
    budget = await function.answer_of(rest_event("GET", "/v1/usage/budget", headers=headers))
    assert msgspec.json.decode(budget.content)["reserved"] == 0
