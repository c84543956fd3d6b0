"""What all simulated vendors have in common: their latency, their pace and their faults."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from headgate.core.sandbox import EmbeddingPlan, Piece, Plan
from headgate.simulate.options import SimulatorOptions

SLOW_SECONDS = 5.0
_PIECES_PER_TURN = 64


@dataclass(frozen=True, slots=True)
class Mishap:
    """What chance has in store for one call."""

    status: int | None = None
    is_slow: bool = False
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Changes the plan of a call by the simulator's options; a directive goes before an option."""

    options: SimulatorOptions
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        chance = random.Random(self.options.seed)  # noqa: S311 - faults are no secret
        object.__setattr__(self, "_random", chance)

    def draw(self) -> Mishap:
        """The next call's mishap; each fault takes one number, so that a sequence repeats."""
        kinds = [
            fault.kind for fault in self.options.faults if self._random.random() < fault.probability
        ]
        status = next((kind for kind in kinds if isinstance(kind, int)), None)
        return Mishap(status, is_slow="slow" in kinds, is_cut="cut" in kinds)

    def shape(self, plan: Plan) -> Plan:
        """What becomes of an answer here; chance does not cut one that it lets fail."""
        mishap = self.draw()
        is_cut = mishap.is_cut and mishap.status is None and plan.cut_after is None
        return msgspec.structs.replace(
            plan,
            delay_seconds=plan.delay_seconds + self._latency(mishap),
            tokens_per_second=plan.tokens_per_second or self.options.tokens_per_second,
            fail_status=plan.fail_status or mishap.status,
            cut_after=plan.words // 2 if is_cut else plan.cut_after,
        )

    def shape_embedding(self, plan: EmbeddingPlan) -> tuple[EmbeddingPlan, bool]:
        """What becomes of vectors here, and whether they are cut."""
        mishap = self.draw()
        shaped = msgspec.structs.replace(
            plan,
            delay_seconds=plan.delay_seconds + self._latency(mishap),
            fail_status=plan.fail_status or mishap.status,
        )
        return shaped, mishap.is_cut

    def _latency(self, mishap: Mishap) -> float:
        return self.options.latency_ms / 1000 + (SLOW_SECONDS if mishap.is_slow else 0.0)


async def paced(plan: Plan) -> AsyncIterator[Piece]:
    """An answer's pieces, each when it is due; one that is late catches up with the pace."""
    started = time.monotonic()
    for number, piece in enumerate(plan.pieces()):
        left = started + piece.due - time.monotonic() if piece.due else 0.0
        if left > 0 or number % _PIECES_PER_TURN == 0:
            # Even at full speed others get their turn, and a client's leaving is noticed.
            await asyncio.sleep(max(0.0, left))
        yield piece
