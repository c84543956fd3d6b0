"""From what a run has shown to the page about it; nothing here touches a process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from torture.floods import BUDGET, CALLS, PRICE, Flood
from torture.interleavings import STEPS
from torture.rounds import DEATHS_A_ROUND, Round


@dataclass
class Report:
    """All that a run has shown.

    Attributes:
        rounds: of each site by its name, in the order in which they were played.
        interleavings: how many examples of each property test were tried.
    """

    made_by: str
    environment: str
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    floods: list[Flood] = field(default_factory=list)
    interleavings: dict[str, int] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """Every promise that was broken, in words."""
        found = [
            f"{name}: {fault}"
            for name, rounds in self.rounds.items()
            for played in rounds
            for fault in played.findings.faults
        ]
        return found + [
            f"a flood ended with {flood}" for flood in self.floods if not flood.is_exact
        ]


def render(report: Report, method: str) -> str:
    """The page: the figures, and `method` as it stands."""
    faults = [f"- {fault}" for fault in report.faults]
    verdict = ["**Promises were broken:**", "", *faults] if faults else ["No promise was broken."]
    return "\n".join(
        [
            "# Money under torture",
            "",
            f"{report.made_by} {report.environment} writes this page; do not edit it by hand.",
            "",
            *verdict,
            "",
            *_deaths(report),
            *_floods(report),
            *_interleavings(report),
            method.strip(),
            "",
        ]
    )


def _deaths(report: Report) -> list[str]:
    if not report.rounds:
        return []
    names = list(report.rounds)
    columns = [_column(rounds) for rounds in report.rounds.values()]
    rows = [
        f"| {label} | " + " | ".join(column[label] for column in columns) + " |"
        for label in columns[0]
    ]
    return [
        "## Deaths under load",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
        *rows,
        "",
    ]


def _column(rounds: Sequence[Round]) -> dict[str, str]:
    found = [played.findings for played in rounds]

    def dollars(amounts: Sequence[Decimal]) -> str:
        return f"${sum(amounts, Decimal(0)):,.2f}"

    refused = sum(findings.statuses[402] for findings in found)
    broken = sum(findings.statuses[None] for findings in found)
    return {
        "`kill -9`": f"{len(rounds) * DEATHS_A_ROUND}",
        "calls begun": f"{sum(findings.calls for findings in found):,}",
        "seen to end, each with exactly one event": f"{sum(f.finished for f in found):,}",
        "refused for a budget": f"{refused:,}",
        "without any answer": f"{broken:,}",
        "calls at the vendor": f"{sum(f.vendor_calls for f in found):,}",
        "events": f"{sum(f.events for f in found):,}",
        "calls at the vendor that died with their process": f"{sum(f.unseen for f in found):,}",
        "what the vendor did": dollars([f.vendor_cost for f in found]),
        "billed": dollars([f.billed for f in found]),
        "unconfirmed": dollars([f.unconfirmed for f in found]),
        "readings of budgets under load": f"{sum(played.samples for played in rounds):,}",
        "largest share of a limit spent or reserved": (
            f"{max(played.highest for played in rounds):.2%}"
        ),
        "longest time from the last restart until nothing was held": (
            f"{max(played.resolved_seconds for played in rounds):.1f} s"
        ),
        "promises broken": f"{sum(len(f.faults) for f in found)}",
    }


def _floods(report: Report) -> list[str]:
    if not report.floods:
        return []
    exact = sum(flood.is_exact for flood in report.floods)
    return [
        f"## {CALLS:,} calls at once against ${BUDGET}",
        "",
        _sentence(exact, len(report.floods)),
        "",
    ]


def _sentence(exact: int, times: int) -> str:
    return (
        f"Three processes, calls of exactly ${PRICE:.2f}, {times} times on a new key: {exact} "
        f"times exactly {int(BUDGET / PRICE)} were answered, reached the vendor and have an event "
        "each, all others were refused with 402, and the budget was spent to the cent."
    )


def _interleavings(report: Report) -> list[str]:
    if not report.interleavings:
        return []
    return [
        "## Random interleavings",
        "",
        "| property test | examples |",
        "|---|---:|",
        *(f"| {name} | {count:,} |" for name, count in report.interleavings.items()),
        "",
        f"Every run tries new ones, of at most {STEPS} steps.",
        "",
    ]
