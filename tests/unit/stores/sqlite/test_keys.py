"""Keys as other processes see them."""

from pathlib import Path

import msgspec

from headgate.core.keys import KeySecret, VirtualKey
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.keys import SqliteKeys

KEY = VirtualKey(key_id="a", name="A", scopes=frozenset({"admin"}), created_at=1000.0)


async def test_a_revocation_is_seen_by_another_process_at_once(tmp_path: Path) -> None:
    here, there = Database(tmp_path / "headgate.db"), Database(tmp_path / "headgate.db")
    await SqliteKeys(here).add(KEY, KeySecret("hash", "a"))
    assert await SqliteKeys(there).find("hash") == (KEY, KeySecret("hash", "a"))
    revoked = msgspec.structs.replace(KEY, revoked_at=1500.0)
    await SqliteKeys(here).put(revoked, expected=KEY)
    assert await SqliteKeys(there).find("hash") == (revoked, KeySecret("hash", "a"))
    await here.close()
    await there.close()
