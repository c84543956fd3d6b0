import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headgate.stores.sqlite.schema import migrate


@pytest.mark.parametrize("statement", ["UPDATE audit SET target = 'b'", "DELETE FROM audit"])
def test_a_record_is_neither_changed_nor_deleted(tmp_path: Path, statement: str) -> None:
    """Not by a mistake of ours; the chain shows where somebody took the rule away first."""
    path = tmp_path / "headgate.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO audit VALUES (1, 'act_1', 1, 1.5, 'k', '', 'key.change', 'a', '{}', 'h')"
        )
        connection.commit()
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(statement)
