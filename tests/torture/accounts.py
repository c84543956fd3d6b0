"""Who pays in a round: keys of users and workspaces, each account with a hard budget of its own.

Every round has accounts that nobody has used before, so that its sums start at zero. Some budgets
are so small that the round exhausts them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from headgate_server import Caller

MODELS_A_ROUND = 4
INPUT_PRICE = Decimal("0.000001")
OUTPUT_PRICE = Decimal("0.001")
MARKUP = Decimal("0.02")
AMPLE = Decimal(1000)


class Payer(NamedTuple):
    """One account and its limit."""

    scope: str
    id: str
    limit: Decimal


class Key(NamedTuple):
    """A key, and everyone besides the model who pays for its calls."""

    api_key: str
    payers: tuple[Payer, ...]


class Cast(NamedTuple):
    """The keys and the models of a round."""

    keys: tuple[Key, ...]
    models: tuple[Payer, ...]

    @property
    def payers(self) -> list[Payer]:
        """Every account of the round, once."""
        return list(dict.fromkeys([*self.models, *(p for key in self.keys for p in key.payers)]))


def models_of(round_number: int) -> list[str]:
    """The models that only this round calls."""
    return [f"torture-{round_number}-{number}" for number in range(MODELS_A_ROUND)]


def configuration(vendor_url: str, models: Sequence[str]) -> str:
    """A `headgate.toml` with a vendor that has `models`, and no rate limit to meet."""
    prices = "\n".join(
        f'[prices."{model}"]\ninput = {INPUT_PRICE * 1_000_000}\n'
        f"output = {OUTPUT_PRICE * 1_000_000}"
        for model in models
    )
    return f"""
[vendors.simulated]
base_url = "{vendor_url}"
api_key_env = "OPENAI_API_KEY"
models = {list(models)}

[billing]
markup = {MARKUP}

[limits]
requests_per_second = 1_000_000
burst = 1_000_000

{prices}
"""


async def cast(admin: Caller, round_number: int) -> Cast:
    """New keys, users, workspaces and models, with their budgets."""

    def payer(scope: str, name: str, limit: Decimal) -> Payer:
        return Payer(scope, f"{name}-{round_number}", limit)

    ada, bert = payer("user", "ada", AMPLE), payer("user", "bert", Decimal(1))
    big, small = payer("workspace", "big", AMPLE), payer("workspace", "small", Decimal("1.5"))
    models = tuple(Payer("model", model, AMPLE) for model in models_of(round_number))
    for each in (ada, bert, big, small, *models):
        await _limit(admin, each)
    keys = [
        await _key(admin, limit, owners)
        for limit, owners in (
            (AMPLE, (ada, big)),
            (Decimal("0.5"), (ada, big)),
            (AMPLE, (bert, big)),
            (AMPLE, (small,)),
        )
    ]
    return Cast(tuple(keys), models)


async def _limit(admin: Caller, payer: Payer) -> None:
    body = {"scope": payer.scope, "id": payer.id, "monthlyBudget": float(payer.limit), "hard": True}
    answer = await admin.send("PUT", "/v1/usage/budget", body)
    assert answer.status == 200, answer.body


async def _key(admin: Caller, limit: Decimal, owners: Sequence[Payer]) -> Key:
    fields: dict[str, Any] = {f"{owner.scope}Id": owner.id for owner in owners}
    created = await admin.new_key("ai:complete", monthlyBudget=float(limit), **fields)
    return Key(created["apiKey"], (Payer("key", created["keyId"], limit), *owners))
