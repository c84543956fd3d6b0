"""The part of `bootstrap` that joins the dashboard: who may sign in, and with which secret."""

from headgate import data_directory
from headgate.bootstrap.platform_secret import platform_secret
from headgate.bootstrap.stores import open_stores
from headgate.core.errors import Overloaded
from headgate.identity.keys import Keys
from headgate.identity.sessions import Sessions
from headgate.settings import Settings
from headgate.stores.file_tickets import FileTickets

TICKETS = "tickets"


def make_sessions(settings: Settings, keys: Keys) -> Sessions:
    """Sessions on these settings; the secret is read when somebody first signs in."""
    return Sessions(
        keys,
        FileTickets(settings.data / TICKETS),
        lambda: platform_secret(settings, "sessions at the dashboard need"),
    )


async def sign_in_ticket(settings: Settings) -> str | None:
    """A ticket for whoever starts the platform, on behalf of its oldest admin key.

    None in production, where what a start prints is read by many, and where none can be made.
    """
    if settings.environment == "production":
        return None
    async with open_stores(settings) as stores:
        admin = await Keys(stores.keys).first_admin()
    if admin is None:
        return None
    try:
        data_directory.make(settings.data)
        return FileTickets(settings.data / TICKETS).issue(admin.key_id)
    except Overloaded:
        return None  # a directory that cannot be written to; an admin key opens the dashboard too
