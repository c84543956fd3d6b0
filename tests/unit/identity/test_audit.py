import msgspec
import pytest

from headgate.core.audit import START, Actor, AuditFilter, SealedRecord, chained
from headgate.identity import audit as module
from headgate.identity.audit import Audit, without_secrets
from headgate.stores.memory_audit import MemoryAudit

ADA = Actor(key_id="sk-proj-ada", name="Ada's", user_id="ada", means="key")


async def written(acts: int) -> Audit:
    """A log with so many acts, each of which was done."""
    audit = Audit(MemoryAudit(), clock=lambda: 1000.5)
    for number in range(acts):
        intent = await audit.begin(
            ADA, "key.change", f"k{number}", request_id=f"req_{number}", address="192.0.2.1"
        )
        await audit.end(intent, after={"name": "née", "monthlyBudget": msgspec.Raw(b"25.5")})
    return audit


def records(audit: Audit) -> list[SealedRecord]:
    assert isinstance(audit.store, MemoryAudit)
    return audit.store._records


async def test_a_log_that_nobody_touched_is_intact() -> None:
    audit = await written(3)
    verified = await audit.verify()
    assert (verified.records, verified.intact, verified.first_wrong) == (6, True, None)
    assert verified.head == records(audit)[-1].hash
    assert (await Audit(MemoryAudit()).verify()).intact


async def test_a_record_that_was_changed_is_found() -> None:
    audit = await written(3)
    third = records(audit)[2]
    records(audit)[2] = msgspec.structs.replace(third, text=third.text.replace("k1", "k2"))
    assert (await audit.verify()).first_wrong == 3


async def test_a_record_that_was_removed_is_found() -> None:
    audit = await written(3)
    del records(audit)[2]
    assert (await audit.verify()).first_wrong == 3


async def test_a_log_that_was_chained_anew_or_cut_off_differs_from_what_was_kept_of_it() -> None:
    """Whoever can write to the store can do both; only who kept the head can tell."""
    audit = await written(3)
    kept = await audit.verify()
    again = await audit.verify(records=kept.records, head=kept.head)
    assert again == kept
    cut = records(audit).pop()
    assert (await audit.verify()).intact
    assert (await audit.verify(records=kept.records, head=kept.head)).first_wrong == 6
    text = cut.text.replace("née", "Eve")
    forged = SealedRecord(6, text, chained(records(audit)[-1].hash, text))
    records(audit).append(forged)
    assert (await audit.verify()).intact
    assert (await audit.verify(records=kept.records, head=kept.head)).first_wrong == 6


async def test_a_head_without_its_place_is_no_proof() -> None:
    audit = await written(1)
    assert not (await audit.verify(head="a" * 64)).intact
    assert (await audit.verify(head=START)).intact


async def test_all_acts_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_AT_ONCE", 2)
    audit = await written(5)
    found = [act.target async for act in audit.every_act(AuditFilter())]
    assert found == ["k4", "k3", "k2", "k1", "k0"]
    assert (await audit.verify()).intact


def test_secrets_are_left_out_however_deep_they_lie() -> None:
    shown = {"apiKey": "sk-proj-a-b", "name": "ci", "keys": [{"token": "t", "id": 1}]}
    assert without_secrets(shown) == {"name": "ci", "keys": [{"id": 1}]}
