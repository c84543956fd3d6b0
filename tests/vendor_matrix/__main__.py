"""Puts every question to every vendor through every client, and writes the page: `make matrix`."""

import sys
import tempfile
from pathlib import Path

from vendor_matrix.matrix import asked, faults
from vendor_matrix.page import render

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "vendors.md"


def main() -> None:
    """Ask, write the page, and fail where something else came than what must."""
    with tempfile.TemporaryDirectory() as directory:
        matrix = asked(Path(directory))
    found = [
        f"{cell.name}: {fault}"
        for cell, became in matrix.cells.items()
        for fault in faults(cell, became)
    ]
    PAGE.write_text(render(matrix))
    sys.stdout.write(f"wrote {PAGE}\n")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
