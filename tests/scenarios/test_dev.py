"""`headgate dev`: the platform in processes of its own, from the first key to Ctrl-C."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent_runs import ended
from free_ports import held_port
from headgate_server import NOWHERE, Caller, Command, eventually

PARTS = ("gateway", "agents", "tools", "dynamodb", "redis")
PART = re.compile(r"(agents|tools) (http://\S+?),")
READY = re.compile(r"^Headgate \S+ is ready on (http://\S+), with", re.MULTILINE)
KEY = re.compile(r"^  (sk-proj-\S+)$", re.MULTILINE)


def begun(directory: Path, ports: Sequence[int]) -> Command:
    here = Path(__file__).parents[2]
    return Command(
        "dev",
        *(f"--{part}-port={port}" for part, port in zip(PARTS, ports, strict=True)),
        directory=directory,
        # A folder of tests has a module with the name of the program that stands in for DynamoDB.
        environment={"OLLAMA_BASE_URL": NOWHERE, "PYTHONPATH": str(here / "src")},
    )


async def ready(command: Command) -> None:
    async def printed() -> str:
        return command.output

    await eventually(
        printed, lambda text: bool(READY.search(text)) or not command.is_alive, seconds=90
    )
    assert command.is_alive, command.output


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dev")


@pytest.fixture(scope="module")
def command(directory: Path) -> Iterator[Command]:
    with contextlib.ExitStack() as stack:
        command = begun(directory, [stack.enter_context(held_port()) for _ in PARTS])
        yield command
        if command.is_alive:
            command.stop()


async def test_calls_tools_and_runs_go_through_the_parts(command: Command) -> None:
    """A call is metered, a tool answers, and a run that the gateway takes is done by the agents."""
    await ready(command)
    url, key = READY.findall(command.output)[0], KEY.findall(command.output)[0]
    parts = dict(PART.findall(command.output))
    async with Caller(url, key) as caller, Caller(parts["tools"], key) as tools:
        answer = await caller.ask("[[say hello]]")
        assert answer.json["content"] == "hello", answer.body
        (event,) = await caller.events()
        assert event["billed"] > 0
        result = await tools.post("/v1/tools/calculator", {"expression": "6*7"})
        assert result.json == {"result": 42}
        run = await caller.post(
            "/v1/agents/run",
            {"type": "react", "model": "sandbox", "input": "[[say done]]", "tools": []},
        )
        finished = await ended(caller, run.json["runId"])
    assert (finished["status"], finished["output"]) == ("succeeded", {"text": "done"})
    names = {line.split("|")[0].strip() for line in command.output.splitlines() if "|" in line}
    assert {"gateway", "agents", "tools"} <= names


def test_ctrl_c_ends_all_and_the_books_are_kept(command: Command, directory: Path) -> None:
    key = KEY.findall(command.output)[0]
    os.kill(command.pid, signal.SIGINT)
    assert command.ended() == 0, command.output
    kept = (directory / ".headgate" / "dev" / "dynamodb" / "dynamodb.json").read_text()
    assert key.rpartition("-")[0] in kept
    assert key not in kept
