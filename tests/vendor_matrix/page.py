"""From what the matrix has shown to the page about it; nothing here touches a process."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from vendor_matrix.clients import Messages, Platform
from vendor_matrix.matrix import CLIENTS, Cell, Found, Matrix
from vendor_matrix.tasks import TASKS, Failure
from vendor_matrix.vendors import PRICES, VENDORS, Vendor

_INTRODUCTION = """# Vendors

`make matrix` writes this page; do not edit it by hand. It puts the same questions to every vendor
through every client, whole and streamed. A test does the same, and fails where the page says
something else. The vendors are the simulator that `headgate simulate` starts; the clients are
OpenAI's and Anthropic's own libraries, and plain HTTP on the platform's own routes."""


def render(matrix: Matrix) -> str:
    """The page."""
    cells = matrix.cells
    return "\n".join(
        [
            _INTRODUCTION,
            "",
            f"{len(cells)} questions were put to {len(VENDORS)} vendors.",
            "",
            *_answers(cells),
            *_prices(cells),
            *_failures(cells),
        ]
    )


def _answers(cells: Mapping[Cell, Found]) -> list[str]:
    rows = [
        [row, *(_answer(_of(cells, row, vendor)) for vendor in VENDORS)]
        for row in _rows(is_failure=False)
    ]
    notes = [f"- {reason[0].upper()}{reason[1:]}." for v in VENDORS for reason in v.lacks.values()]
    without = " and ".join(client.title for client in CLIENTS if not client.embeds)
    return [
        "## What is answered",
        "",
        "The same through every client, whole and streamed; a number is the status of the refusal.",
        "",
        *_table([" ", *(vendor.title for vendor in VENDORS)], rows),
        "",
        *notes,
        f"- {without} have no vectors: their protocols know none.",
        "",
    ]


def _answer(found: Sequence[Found]) -> str:
    """What all clients got of one row: an answer, or a refusal and its status."""
    return _joined(
        "yes" if one.seen.failure is None else str(one.seen.failure.status) for one in found
    )


def _prices(cells: Mapping[Cell, Found]) -> list[str]:
    question = next(task for task in TASKS if task.kind == "text")
    told = ", ".join(f"{name.replace('_', ' ')} ${amount}" for name, amount in PRICES.items())
    rows = [
        [client.title, *(_cost(_of(cells, question.row, vendor, client)) for vendor in VENDORS)]
        for client in CLIENTS
    ]
    counts = question.counts
    same = " and ".join(vendor.title for vendor in VENDORS if not vendor.tells_reasoning)
    return [
        "## One price",
        "",
        (
            f"What a question costs that has {counts.input} tokens of input, {counts.cached} of"
            f" them cached, and {counts.output} of output, {counts.reasoning} of them hidden, where"
            f" a million tokens cost the same at every vendor: {told}."
        ),
        f"{same} do not count hidden output by itself, so that it costs what other output costs.",
        "",
        *_table([" ", *(vendor.title for vendor in VENDORS)], rows),
        "",
    ]


def _cost(found: Sequence[Found]) -> str:
    return _joined(f"${Decimal(one.event['cost']):f}" for one in found)


def _failures(cells: Mapping[Cell, Found]) -> list[str]:
    rows = []
    for row in _rows(is_failure=True):
        found = _of(cells, row)
        platform = _joined(map(_failure, _seen(_of(cells, row, client=Platform))))
        anthropic = _joined(map(_failure, _seen(_of(cells, row, client=Messages))))
        after = _joined(failure.retry_after or "" for failure in _seen(found))
        status = _joined(str(one.event["status"]) for one in found)
        rows.append([row, platform, anthropic, after, status])
    spared = ", ".join(vendor.title for vendor in VENDORS if not vendor.is_fallible)
    return [
        "## What a caller is told of a vendor's failure",
        "",
        (
            "Where no other model can take over; the same of every vendor, for whole answers,"
            " streams and vectors. Two stand where a stream differs: it had begun, with 200, and"
            f" the failure is its last event. Nobody can fail behind {spared}."
        ),
        "",
        *_table(
            ["the vendor", "the caller", Messages.title, "`retry-after`", "in the ledger"], rows
        ),
        "",
    ]


def _failure(failure: Failure) -> str:
    return f"{failure.status} `{failure.code}`"


def _seen(found: Sequence[Found]) -> list[Failure]:
    return [one.seen.failure for one in found if one.seen.failure is not None]


def _rows(*, is_failure: bool) -> list[str]:
    """The rows of a table, each once."""
    return list(dict.fromkeys(t.row for t in TASKS if (t.failure is not None) == is_failure))


def _of(
    cells: Mapping[Cell, Found],
    row: str,
    vendor: Vendor | None = None,
    client: object = None,
) -> list[Found]:
    """What became of the cells of a row, in their order."""
    return [
        found
        for cell, found in cells.items()
        if cell.task.row == row
        and (cell.task.failure is None or cell.task.kind not in cell.vendor.lacks)
        and (vendor is None or cell.vendor is vendor)
        and (client is None or cell.client is client)
    ]


def _joined(words: Iterable[str]) -> str:
    """What is said, each word once: one word where all say the same."""
    return ", ".join(dict.fromkeys(words)) or "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
