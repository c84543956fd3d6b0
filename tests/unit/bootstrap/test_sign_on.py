"""What the settings say of single sign-on, and what the doctor finds."""

from pathlib import Path

import pytest

from headgate.bootstrap.sign_on import check_sign_on, make_sign_on
from headgate.identity.keys import Keys
from headgate.identity.sessions import Sessions
from headgate.settings import Settings, SettingsError
from headgate.stores.memory import MemoryKeys
from headgate.transport.http import HttpClient
from identity_provider import scripted_provider
from platform_in_memory import MemoryTickets

WHOLE = {
    "issuer": '"https://login.example.com"',
    "client_id": '"headgate"',
    "public_url": '"https://ai.example.com/"',
    "admin_groups": '["ops"]',
}


def settings(data: Path, **lines: str) -> Settings:
    text = "\n".join(f"{name} = {value}" for name, value in lines.items())
    (data / "headgate.toml").write_text(f"[sign_on]\n{text}\n")
    return Settings.load({"HEADGATE_DATA": str(data)}, data)


async def test_the_provider_leads_back_to_where_browsers_reach_the_platform(
    tmp_path: Path,
) -> None:
    client = HttpClient()
    sessions = Sessions(Keys(MemoryKeys()), MemoryTickets(), lambda: b"secret")
    made = make_sign_on(settings(tmp_path, **WHOLE), sessions, client)
    assert made is not None
    assert made.redirect == "https://ai.example.com/v1/session/callback"
    assert make_sign_on(settings(tmp_path), sessions, client) is None
    await client.aclose()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"client_id": '""'}, "client_id"),
        ({"public_url": '""'}, "public_url"),
        ({"public_url": '"http://ai.example.com"'}, "https"),
        ({"admin_groups": "[]"}, "admin_groups"),
        ({"scopes": '["email"]'}, "openid"),
    ],
)
def test_what_could_sign_nobody_in_refuses_to_start(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        settings(tmp_path, **WHOLE | changed)


async def test_the_doctor_asks_the_provider(tmp_path: Path) -> None:
    assert (await check_sign_on(settings(tmp_path))).status == "ok"
    async with scripted_provider() as other:
        found = await check_sign_on(settings(tmp_path, **WHOLE | {"issuer": f'"{other.issuer}"'}))
        assert (found.status, found.message) == ("ok", other.issuer)
        wrong = WHOLE | {"issuer": f'"{other.issuer}/"'}
        found = await check_sign_on(settings(tmp_path, **wrong))
    assert (found.status, "set `issuer`" in found.message) == ("fail", True)
