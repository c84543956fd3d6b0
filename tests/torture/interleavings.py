"""The stateful property tests of the suite, with many more examples, and new ones at every run."""

from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from contract.test_ledger_store import DynamoMachine, MemoryMachine, SqliteMachine
from unit.gateway.test_escrow_interleaved import EscrowMachine

STEPS = 50
# DynamoDB's stand-in answers a hundred times slower than the memory does.
DYNAMODB_SHARE = 10


class Machine(NamedTuple):
    """A property test, and how many of its examples are tried for each asked for."""

    name: str
    kind: type[RuleBasedStateMachine]
    share: int = 1


MACHINES = (
    Machine("two processes' escrows over a store that comes and goes", EscrowMachine),
    Machine("the store in memory", MemoryMachine),
    Machine("the store in SQLite", SqliteMachine),
    Machine("the store in DynamoDB", DynamoMachine, DYNAMODB_SHARE),
)


def examples_of(machine: Machine, examples: int) -> int:
    """How many examples of a machine are tried."""
    return max(1, examples // machine.share)


def try_out(machine: Machine, examples: int) -> None:
    """Try so many new interleavings.

    Raises:
        AssertionError: one of them breaks a promise; hypothesis prints the shortest that does.
    """
    run_state_machine_as_test(
        machine.kind,
        settings=settings(
            max_examples=examples_of(machine, examples),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
