"""Every vendor, every client, one price: the questions of `make matrix`, and its page.

One platform and one simulator answer all of them at once, before the first test looks at its own.
"""

from collections import Counter, defaultdict
from http import HTTPStatus

import pytest

from headgate_server import http_client, running
from vendor_matrix.__main__ import PAGE
from vendor_matrix.matrix import Cell, Matrix, asked, cells, faults
from vendor_matrix.page import render
from vendor_matrix.vendors import ROW


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return asked(tmp_path_factory.mktemp("matrix"))


def together() -> list[list[Cell]]:
    """The cells that differ only in how the answer comes."""
    found: defaultdict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells():
        found[cell.vendor.name, cell.client.__name__, cell.task.row].append(cell)
    return list(found.values())


@pytest.mark.parametrize("twins", together(), ids=lambda twins: twins[0].name)
def test_a_question_is_answered_billed_or_refused_as_it_must_be(
    twins: list[Cell], matrix: Matrix
) -> None:
    assert not [
        f"{cell.task.name}: {fault}" for cell in twins for fault in faults(cell, matrix.cells[cell])
    ]


def test_each_question_is_one_call_of_its_vendor_under_a_key_of_its_own(matrix: Matrix) -> None:
    """What a vendor does not have never reaches it, and what it refuses is not asked again."""
    wanted = Counter(
        ("openai" if cell.vendor.name == ROW else cell.vendor.name, _status(cell))
        for cell in cells()
        if cell.vendor.is_remote and cell.task.kind not in cell.vendor.lacks
    )
    assert Counter((call["vendor"], call["status"]) for call in matrix.calls) == wanted
    keys = [call["idempotencyKey"] for call in matrix.calls]
    assert None not in keys
    assert len(set(keys)) == len(keys)


def _status(cell: Cell) -> int | None:
    """With what the vendor answers; one that is silent has not when it is left."""
    row = cell.task.row
    if row == "no answer in time":
        return None
    return int(row) if row.isdigit() else HTTPStatus.OK


def test_the_page_says_what_came(matrix: Matrix) -> None:
    assert PAGE.read_text() == render(matrix), "run: make matrix"


@pytest.mark.parametrize("path", ["/v1/responses/embeddings", "/v1/messages/embeddings"])
async def test_protocols_without_vectors_have_no_route_for_them(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    with running(tmp_path_factory.mktemp("platform")) as platform:
        async with http_client(platform.url) as client:
            answer = await client.post(path, json={"model": "sandbox", "input": "one"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
