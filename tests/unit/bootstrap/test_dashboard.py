"""Who is let into the dashboard by the platform's start."""

from pathlib import Path

from headgate.bootstrap import platform as bootstrap
from headgate.bootstrap.dashboard import TICKETS, make_sessions, sign_in_ticket
from headgate.bootstrap.stores import open_stores
from headgate.identity.keys import Keys
from headgate.settings import Settings


def settings(data: Path, **env: str) -> Settings:
    return Settings.load({"HEADGATE_DATA": str(data), **env}, data)


async def test_a_start_gives_a_ticket_for_the_oldest_admin_key(tmp_path: Path) -> None:
    here = settings(tmp_path)
    async with open_stores(here) as stores:
        keys = Keys(stores.keys)
        assert await keys.ensure_admin(None)
        ticket = await sign_in_ticket(here)
        assert ticket is not None
        sessions = make_sessions(here, keys)
        session = await sessions.authenticate(await sessions.open_with_ticket(ticket))
        assert session.key.name == "first admin key"


async def test_without_an_admin_key_there_is_no_ticket(tmp_path: Path) -> None:
    assert await sign_in_ticket(settings(tmp_path)) is None


def test_production_prints_no_ticket(tmp_path: Path) -> None:
    """What a server prints there is read by many."""
    production = settings(
        tmp_path,
        PLATFORM_ENVIRONMENT="production",
        HEADGATE_ADMIN_KEY="sk-proj-own-0123456789abcdef",
        JWT_SECRET_KEY="w" * 40,
        ENCRYPTION_SALT="z" * 40,
    )
    bootstrap.prepare(production)
    assert bootstrap.sign_in(production) is None


def test_a_place_that_cannot_be_written_is_no_reason_not_to_start(tmp_path: Path) -> None:
    here = settings(tmp_path)
    bootstrap.prepare(here)
    (tmp_path / TICKETS).touch()
    assert bootstrap.sign_in(here) is None
