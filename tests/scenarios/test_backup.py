"""A backup that the guide's own commands take under load restores with books that add up."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path

from agent_runs import ended, run_of
from headgate_server import Caller, Headgate, chat, eventually, running
from scenarios.readme import blocks_of, session_in
from scenarios.test_money_adds_up import check_the_books

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "backup.md"
CONFIGURATION = """
    [limits]
    requests_per_second = 1_000_000
    burst = 1_000_000
"""
CALLERS = 8
RUN = {"type": "react", "model": "sandbox", "input": "[[delay 2000]] [[say done]]", "tools": []}


def variables(platform: Headgate) -> Mapping[str, str]:
    """What the commands of the guide find where they are typed."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HEADGATE_DATA": str(platform.data),
    }


async def keep_asking(caller: Caller, stop: asyncio.Event, ended: dict[str, Decimal]) -> None:
    """Call until it is time to `stop`; what each call that has `ended` was billed, by its id."""
    while not stop.is_set():
        answer = await caller.post("/v1/complete", chat("one two three", maxTokens=8))
        assert answer.status == 200, answer.body
        ended[answer.headers["x-request-id"]] = answer.json["usage"]["billed"]


async def begun(caller: Caller) -> str:
    """The id of a run that takes some seconds."""
    run_id: str = (await caller.post("/v1/agents/run", RUN)).json["runId"]
    return run_id


async def nothing_is_reserved(admin: Caller, keys: Sequence[str]) -> None:
    """What was set aside at the moment of the copy is resolved."""
    for key in keys:
        budget = partial(admin.budget, "key", key)
        await eventually(budget, lambda found: found["reserved"] == 0, seconds=60)


async def test_a_backup_under_load_restores_with_books_that_add_up(tmp_path: Path) -> None:
    take, restore, *_ = blocks_of(GUIDE.read_text(), ("sh", "bash"))
    with running(tmp_path, configuration=CONFIGURATION) as platform:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(platform.caller())
            made = [await admin.new_key(monthlyBudget=50) for _ in range(CALLERS)]
            callers = [
                await stack.enter_async_context(platform.caller(key["apiKey"])) for key in made
            ]
            stop = asyncio.Event()
            calls_ended = dict[str, Decimal]()
            asking = [
                asyncio.create_task(keep_asking(caller, stop, calls_ended)) for caller in callers
            ]
            await ended(admin, await begun(admin))
            runs = [await begun(admin) for _ in range(4)]
            await eventually(partial(run_of, admin, runs[-1]), lambda run: bool(run["steps"]))
            session = await stack.enter_async_context(
                session_in(tmp_path, tmp_path, variables(platform))
            )
            before = dict(calls_ended)
            await session.run(take.language, take.code)
            stop.set()
            await asyncio.gather(*asking)
            await session.run(restore.language, restore.code)
        platform.kill()

        restored = Headgate(tmp_path / "again", CONFIGURATION)
        restored.directory.mkdir()
        (tmp_path / "restored").rename(restored.data)
        restored.start()
        async with AsyncExitStack() as stack:
            stack.callback(restored.close)
            admin = await stack.enter_async_context(restored.caller(platform.admin_key))
            for run in runs:
                assert (await ended(admin, run))["status"] == "succeeded"
            await nothing_is_reserved(admin, [key["keyId"] for key in made])
            events = await admin.events()
            calls = [event for event in events if event["runId"] is None]
            billed = {event["requestId"]: event["billed"] for event in calls}
            assert CALLERS < len(before) <= len(billed) <= len(calls_ended)
            assert {name: billed.get(name) for name in before} == before
            assert billed.items() <= calls_ended.items()
            await check_the_books(admin, events)
            async with restored.caller(made[0]["apiKey"]) as caller:
                assert (await caller.ask("still good?")).status == 200
