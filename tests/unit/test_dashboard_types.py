"""The types that the dashboard is compiled with are those of the interface.

What is added to the interface changes nothing for the pages; what they rely on has to stay.
"""

import re
from pathlib import Path

from headgate.http.openapi import document
from headgate.http.table import routes

TYPES = Path(__file__).parents[2] / "dashboard" / "src" / "schema.d.ts"
REMEDY = "run `make types`, and have the dashboard follow"

_SCHEMA = re.compile(r'^ {8}"?([\w.]+)"?: \{$(.*?)^ {8}\};$', re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^ {12}(\w+)\??: ", re.MULTILINE)


def schemas() -> dict[str, set[str]]:
    """The fields of each type, as the dashboard's sources have them."""
    return {
        match[1]: set(_FIELD.findall(match[2])) for match in _SCHEMA.finditer(TYPES.read_text())
    }


def test_every_type_of_the_dashboard_is_the_interfaces() -> None:
    known = document(routes())["components"]["schemas"]
    found = schemas()
    assert len(found) > 40
    assert not [name for name in found if name not in known], REMEDY
    gone = {
        name: fields - known[name].get("properties", {}).keys() for name, fields in found.items()
    }
    assert not {name: fields for name, fields in gone.items() if fields}, REMEDY
