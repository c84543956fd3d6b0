"""What must be true after the deaths, held against the vendor's own list of calls.

The vendor's list is the simulator's: it has every call that arrived, and how much it has answered.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from headgate_server import total
from torture.accounts import INPUT_PRICE, MARKUP, OUTPUT_PRICE, Payer
from torture.load import Sent

NANO = Decimal("0.000000001")
FIELD = {"key": "keyId", "user": "userId", "workspace": "workspaceId", "model": "model"}


@dataclass
class Findings:
    """What a round has shown.

    Attributes:
        statuses: answers by their status; None where none came.
        broken: calls that reached the vendor, whose callers stayed and saw no end.
        unseen: calls that reached the vendor and have no event, since their process died.
        unreceived: what the vendor had sent of abandoned answers when it heard of it, and nobody
            has received: no gateway can know of it.
        faults: promises that were broken, in words; there must be none.
    """

    calls: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    finished: int = 0
    slowest_seconds: float = 0
    vendor_calls: int = 0
    events: int = 0
    broken: int = 0
    unseen: int = 0
    vendor_cost: Decimal = Decimal(0)
    billed: Decimal = Decimal(0)
    unconfirmed: Decimal = Decimal(0)
    unreceived: Decimal = Decimal(0)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """All that is known of a round once everything in it has ended."""

    sent: Sequence[Sent]
    vendor_calls: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    budgets: Mapping[Payer, Mapping[str, Any]]
    unconfirmed: Sequence[Mapping[str, Any]]


def judge(evidence: Evidence) -> Findings:
    """Hold the ledger against what the callers and the vendor have seen."""
    findings = Findings(
        calls=len(evidence.sent),
        statuses=Counter(sent.status for sent in evidence.sent),
        finished=sum(sent.finished for sent in evidence.sent),
        slowest_seconds=max(sent.seconds for sent in evidence.sent),
        vendor_calls=len(evidence.vendor_calls),
        events=len(evidence.events),
        billed=total(evidence.events),
    )
    events = _events_by_call(evidence, findings)
    vendor = _vendor_by_call(evidence, findings)
    _seen_calls_are_recorded(evidence, events, findings)
    _recorded_calls_were_made(evidence.sent, events, vendor, findings)
    _budgets_add_up(evidence, findings)
    _nobody_rides_free(evidence, events, vendor, findings)
    return findings


def _events_by_call(evidence: Evidence, findings: Findings) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for event in evidence.events:
        number = int(event["tags"][0].removeprefix("call-"))
        if number in found:
            findings.faults.append(f"call {number} has two events")
        found[number] = event
    return found


def _vendor_by_call(evidence: Evidence, findings: Findings) -> dict[int, Mapping[str, Any]]:
    numbers = {(sent.model.id, sent.words): sent.number for sent in evidence.sent}
    found: dict[int, Mapping[str, Any]] = {}
    for call in evidence.vendor_calls:
        if call["model"] is None:
            continue  # its caller died before the request was whole
        number = numbers[call["model"], call["inputTokens"]]
        if number in found:
            findings.faults.append(f"call {number} reached the vendor twice")
        found[number] = call
    return found


def _seen_calls_are_recorded(
    evidence: Evidence, events: Mapping[int, Mapping[str, Any]], findings: Findings
) -> None:
    for sent in evidence.sent:
        if not sent.finished:
            continue
        event = events.get(sent.number)
        if event is None:
            findings.faults.append(f"call {sent.number} was seen to end and has no event")
        elif (event["requestId"], event["status"]) != (sent.request_id, "ok"):
            findings.faults.append(f"call {sent.number} was seen to end; its event says {event}")


def _recorded_calls_were_made(
    sent: Sequence[Sent],
    events: Mapping[int, Mapping[str, Any]],
    vendor: Mapping[int, Mapping[str, Any]],
    findings: Findings,
) -> None:
    for number, event in events.items():
        call = vendor.get(number)
        if call is None:
            # A caller who leaves before the vendor is reached is billed the input: the safe side.
            if event["status"] != "cancelled" or event["outputTokens"]:
                findings.faults.append(f"call {number} has an event and never reached the vendor")
            continue
        says = (event["inputTokens"], event["outputTokens"])
        did = (call["inputTokens"], call["outputTokens"])
        if event["status"] == "ok" and says != did:
            findings.faults.append(f"call {number} was billed {says} tokens of {did}")
        if event["outputTokens"] > sent[number].tokens:
            findings.faults.append(f"call {number} was billed more than was asked for")


def _budgets_add_up(evidence: Evidence, findings: Findings) -> None:
    for payer, budget in evidence.budgets.items():
        name = f"{payer.scope} {payer.id}"
        billed = total([e for e in evidence.events if e[FIELD[payer.scope]] == payer.id])
        open_ = _open(evidence.unconfirmed, payer)
        if budget["unconfirmed"] != open_:
            findings.faults.append(f"{name} shows {budget['unconfirmed']} unconfirmed, not {open_}")
        if budget["spent"] != billed + open_:
            findings.faults.append(f"{name} has spent {budget['spent']}, not {billed} + {open_}")
        if budget["reserved"]:
            findings.faults.append(f"{name} still holds {budget['reserved']}")
        if budget["spent"] > payer.limit:
            findings.faults.append(f"{name} has spent {budget['spent']} of {payer.limit}")
        if payer.scope == "model":
            findings.unconfirmed += open_


def _nobody_rides_free(
    evidence: Evidence,
    events: Mapping[int, Mapping[str, Any]],
    vendor: Mapping[int, Mapping[str, Any]],
    findings: Findings,
) -> None:
    """What the vendor did for a call without an event is covered by what is unconfirmed."""
    uncovered: dict[Payer, Decimal] = {}
    for number, call in vendor.items():
        did = _price(call)
        findings.vendor_cost += did
        sent = evidence.sent[number]
        findings.broken += not (sent.finished or sent.left)
        event = events.get(number)
        if event is not None:
            findings.unreceived += max(Decimal(0), did - Decimal(event["billed"]))
            continue
        findings.unseen += 1
        for payer in sent.payers:
            uncovered[payer] = uncovered.get(payer, Decimal(0)) + did
    for payer, did in uncovered.items():
        open_ = _open(evidence.unconfirmed, payer)
        if did > open_:
            findings.faults.append(
                f"the vendor did {did} for {payer.scope} {payer.id} that no event has, and only "
                f"{open_} of it is unconfirmed"
            )


def _open(entries: Iterable[Mapping[str, Any]], payer: Payer) -> Decimal:
    wanted = {"scope": payer.scope, "id": payer.id}
    return total([entry for entry in entries if entry["budget"] == wanted], "amount")


def _price(call: Mapping[str, Any]) -> Decimal:
    """What a call of the vendor's list is billed: its price, the markup, rounded up."""
    tokens_in, tokens_out = Decimal(call["inputTokens"]), Decimal(call["outputTokens"])
    cost = tokens_in * INPUT_PRICE + tokens_out * OUTPUT_PRICE
    return (cost * (1 + MARKUP)).quantize(NANO, ROUND_CEILING)
