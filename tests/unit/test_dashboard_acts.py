"""The dashboard has a word for every act that the audit log tells of."""

import re
from pathlib import Path

from headgate.http.table import routes

WORDS = Path(__file__).parents[2] / "dashboard" / "src" / "acts.ts"


def test_every_act_of_a_route_has_its_word() -> None:
    """Without one it would be shown by its name, and could not be chosen in the filter."""
    words = set(re.findall(r'^  "(\w+\.\w+)": ', WORDS.read_text(), re.MULTILINE))
    acts = {row.audit.action for row in routes() if row.audit is not None}
    assert acts
    assert not acts - words, "add them to dashboard/src/acts.ts"
    assert {"session.open", "session.end", "sample.seed", "sample.remove"} <= words
