"""Every page that is written from the code, and the one command that writes them.

`make reference` writes them in the working directory; a test compares each with what it should be.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from headgate import settings_pages
from headgate.bootstrap import metrics_page
from headgate.cli import commands_page
from headgate.cli.main import headgate
from headgate.http import errors_page, routes_page
from headgate.http.table import routes

REFERENCE = "docs/reference"
PAGES: Mapping[str, Callable[[], str]] = {
    ".env.example": settings_pages.env_example,
    f"{REFERENCE}/settings.md": settings_pages.reference,
    f"{REFERENCE}/metrics.md": metrics_page.reference,
    f"{REFERENCE}/cli.md": lambda: commands_page.reference(headgate),
    f"{REFERENCE}/routes.md": lambda: routes_page.reference(routes()),
    f"{REFERENCE}/errors.md": errors_page.reference,
}


def write(root: Path) -> None:
    """Write all of them below `root`."""
    for name, page in PAGES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    write(Path())
