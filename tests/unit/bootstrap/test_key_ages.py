"""What the doctor says of keys' ages, and where reminders go."""

from pathlib import Path

from headgate.bootstrap.key_ages import check_keys, make_reminders
from headgate.bootstrap.stores import open_stores
from headgate.core.keys import KeySecret, VirtualKey
from headgate.identity.keys import Keys
from headgate.settings import Settings
from headgate.stores.memory import MemoryKeys
from headgate.transport.http import HttpClient


def settings(data: Path, days: int | None) -> Settings:
    if days is not None:
        (data / "headgate.toml").write_text(f"[keys]\nrotate_after_days = {days}\n")
    return Settings.load({"HEADGATE_DATA": str(data)}, data)


async def test_old_keys_are_named_and_are_no_failure(tmp_path: Path) -> None:
    assert (await check_keys(settings(tmp_path, None))).status == "ok"
    configured = settings(tmp_path, 90)
    assert (await check_keys(configured)).message == "no keys yet"
    key = VirtualKey(
        key_id="sk-proj-old", name="old", scopes=frozenset({"ai:embed"}), created_at=1.0
    )
    async with open_stores(configured) as stores:
        assert (await check_keys(configured)).message == "no secret is older than 90 days"
        await stores.keys.add(key, KeySecret("hash", key.key_id))
    found = await check_keys(configured)
    assert (found.status, "sk-proj-old" in found.message) == ("warn", True)
    assert found.remedy is not None
    assert "headgate keys rotate" in found.remedy


async def test_reminders_go_where_alerts_go(tmp_path: Path) -> None:
    client = HttpClient()
    try:
        made = make_reminders(settings(tmp_path, 90), Keys(MemoryKeys()), client)
    finally:
        await client.aclose()
    assert list(made.channels) == ["log"]
