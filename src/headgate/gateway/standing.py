"""How a caller stands with limits and budgets: what is told besides an answer or a failure."""

import contextlib

from headgate.core.budgets import Budget
from headgate.core.errors import HeadgateError, Standing
from headgate.core.usage import CacheResult
from headgate.gateway.calls import Caller, Place
from headgate.gateway.escrow import Escrow


async def standing(
    ledger: Escrow,
    caller: Caller,
    place: Place,
    *,
    model: str | None = None,
    cache: CacheResult = "bypass",
) -> Standing:
    """How the caller of a call at `place` stands now that it has failed."""
    ticket, budget = place.ticket, await tightest(ledger, caller, model)
    return Standing(ticket.requests, ticket.tokens, budget, place.billed, cache)


async def tightest(ledger: Escrow, caller: Caller, model: str | None) -> Budget | None:
    """The tightest budget that pays for calls to `model`, where that can be known now."""
    with contextlib.suppress(HeadgateError):
        return ledger.tightest(await ledger.books(caller.accounts(model)))
    return None
