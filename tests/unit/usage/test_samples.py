"""Sample data for a first look."""

from headgate.core.prices import Markup, Price
from headgate.stores.memory import MemoryLedger
from headgate.usage import samples

NOW = 1_795_421_012.0


class FlatPrices:
    def price(self, provider: str, model: str) -> Price | None:
        return Price(input=1_000_000_000, output=2_000_000_000, version="flat")


def calls(now: float) -> list[str]:
    return [call.event.id for call in samples.settlements(now, FlatPrices(), Markup(20_000))]


def test_the_same_hour_gives_the_same_calls() -> None:
    assert calls(NOW) == calls(NOW + 60)


def test_a_later_load_adds_the_hours_since() -> None:
    earlier, later = set(calls(NOW)), set(calls(NOW + samples.HOUR_SECONDS * 24 * 3))
    assert later - earlier
    assert earlier & later


def test_no_call_lies_outside_the_last_thirty_days() -> None:
    first = (NOW - samples.DAYS * 24 * 3600 - 3600) * 1000
    for call in samples.settlements(NOW, FlatPrices(), Markup(20_000)):
        assert first <= call.event.timestamp <= NOW * 1000


def test_every_account_of_a_call_is_charged_what_was_billed() -> None:
    for call in samples.settlements(NOW, FlatPrices(), Markup(20_000)):
        event = call.event
        assert {charge.billed for charge in call.charges} == {event.billed}
        assert {charge.account.scope for charge in call.charges} == {
            "key",
            "user",
            "workspace",
            "model",
        }


def test_models_without_a_price_are_left_out() -> None:
    class NoPrices:
        def price(self, provider: str, model: str) -> Price | None:
            return None

    assert not list(samples.settlements(NOW, NoPrices(), Markup(0)))


async def test_loading_twice_changes_nothing() -> None:
    ledger = MemoryLedger()
    for _ in range(2):
        for call in samples.settlements(NOW, FlatPrices(), Markup(20_000)):
            await ledger.settle(call)
    assert len(ledger._events) == len(calls(NOW))


def test_sample_keys_belong_to_the_sample_calls() -> None:
    named = {key.key_id for key in samples.keys(NOW)}
    used = {c.event.key_id for c in samples.settlements(NOW, FlatPrices(), Markup(0))}
    assert used == named
    assert {account.id for account, _ in samples.limits()} & named
