"""The part of `bootstrap` that joins keys' ages: who is reminded, and what the doctor says."""

from headgate.bootstrap.alerts import channels
from headgate.bootstrap.store_ports import DATABASE
from headgate.bootstrap.stores import open_stores
from headgate.cli.findings import Finding
from headgate.core.errors import HeadgateError
from headgate.identity.keys import Keys
from headgate.identity.reminders import KeyReminders
from headgate.settings import Settings
from headgate.transport.http import HttpClient

MOST_NAMED = 5


def make_reminders(settings: Settings, keys: Keys, client: HttpClient) -> KeyReminders:
    """Reminders on the channels of alerts."""
    return KeyReminders(keys, channels(settings, client).notifiers)


async def check_keys(settings: Settings) -> Finding:
    """Whether there are keys whose secrets are older than they should be."""
    days = settings.configuration.keys.longest_days
    if days is None:
        return Finding("ok", "may get any age: `[keys] rotate_after_days` is 0")
    if settings.store == "sqlite" and not (settings.data / DATABASE).exists():
        return Finding("ok", "no keys yet")
    try:
        async with open_stores(settings) as stores:
            keys = Keys(stores.keys, rotate_after_days=days)
            due = [key.key_id async for key in keys.every() if keys.is_due(key)]
    except HeadgateError as error:
        return Finding("fail", error.message, "See what is said of the store.")
    if not due:
        return Finding("ok", f"no secret is older than {days} days")
    named = ", ".join(due[:MOST_NAMED]) + (", …" if len(due) > MOST_NAMED else "")
    found = f"{len(due)} older than {days} days: {named}"
    return Finding(
        "warn", found, "Rotate each with `headgate keys rotate KEY --grace-seconds 3600`."
    )
