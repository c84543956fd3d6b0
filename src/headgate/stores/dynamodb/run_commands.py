"""What runs are told, in `ai-platform-runs`: under numbers that leave none out.

A command is written in one transaction with the counter that its number comes from. Even so a
reader may see a later one a moment before an earlier one, so it reads up to the first that is
missing, and the rest the next time.
"""

import asyncio
import itertools
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.runs import Command
from headgate.stores.dynamodb.attributes import integer_of, number, text
from headgate.stores.dynamodb.client import DynamoClient, TransactionRefused
from headgate.stores.dynamodb.run_items import (
    COMMANDS,
    COUNTER,
    NEW,
    command_in,
    command_place,
    key,
    own,
    part_of,
    put,
)
from headgate.stores.dynamodb.schema import RUNS, TTL

KEPT_SECONDS = 7 * 86_400.0
"""How long who works on runs may be away from the list of all; a run's own stay as long as it."""
TRIES = 50
PAUSE_SECONDS = 0.02

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class RunCommands:
    """The commands to all runs."""

    client: DynamoClient
    clock: Callable[[], float] = time.time

    async def add(self, command: Command) -> bool:
        """See `RunStore.command`."""
        for tried in range(TRIES):
            try:
                await self._add(command, await self.last() + 1)
            except TransactionRefused as refused:
                if command.kind == "decide" and 0 in refused.failed:
                    return False
                # Another command has this number; who met once should not meet again.
                longest = PAUSE_SECONDS * (tried + 1)
                await asyncio.sleep(longest * random.random())  # noqa: S311 - no secret
            else:
                return True
        raise Overloaded("Too many commands come at once; try again.", retry_after_seconds=1)

    async def after(self, last: int) -> list[Command]:
        """See `RunStore.commands`."""
        request = {
            "KeyConditionExpression": "part = :part AND place > :last",
            "ExpressionAttributeValues": {
                ":part": text(COMMANDS),
                ":last": text(command_place(last)),
            },
            "ConsistentRead": True,
        }
        found = map(command_in, await self.client.query(RUNS, request))
        in_order = zip(found, itertools.count(last + 1), strict=False)
        return [
            each for each, _ in itertools.takewhile(lambda one: one[0].number == one[1], in_order)
        ]

    async def last(self) -> int:
        """See `RunStore.last_command`."""
        return integer_of(await self.client.get(RUNS, COUNTER), "lastNumber")

    async def of(self, run_id: str) -> list[Command]:
        """See `RunStore.commands_of`."""
        request = {
            "KeyConditionExpression": "part = :part AND begins_with(place, :command)",
            "ExpressionAttributeValues": {
                ":part": text(part_of(run_id)),
                ":command": text("command#"),
            },
            "ConsistentRead": True,
        }
        return [command_in(item) for item in await self.client.query(RUNS, request)]

    async def _add(self, command: Command, number_: int) -> None:
        """Write it under a number.

        Raises:
            TransactionRefused: the number is another's; first, that the step was decided on.
        """
        body = text(_encode(msgspec.structs.replace(command, number=number_)).decode())
        place = command_place(number_)
        ends_at = number(math.ceil(self.clock() + KEPT_SECONDS))
        counter = {**COUNTER, "lastNumber": number(number_)}
        counted = (
            put(counter, NEW)
            if number_ == 1
            else put(counter, "lastNumber = :seen", seen=number(number_ - 1))
        )
        actions = [
            counted,
            put({**key(COMMANDS, place), "body": body, TTL: ends_at}),
            put({**own(command.run_id, f"command#{place}"), "body": body}),
        ]
        if command.kind == "decide":
            actions.insert(0, put(own(command.run_id, f"decision#{command.step_id}"), NEW))
        await self.client.transact(actions)
