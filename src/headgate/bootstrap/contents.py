"""The part of `bootstrap` that has what is asked and answered logged, where that is wanted."""

import importlib
import logging
from collections.abc import Iterator

from headgate.core.contents import ContentEnded
from headgate.settings import VARIABLES, Secret, Settings

_LOG = logging.getLogger("headgate")


def content_log(settings: Settings) -> ContentEnded | None:
    """Logs what requests ask and are answered; None unless the settings switch that on."""
    if not settings.log_content:
        return None
    # Few processes ever need it, and its patterns take longer to make than most modules to load.
    masking = importlib.import_module("headgate.telemetry.masking")
    contents = importlib.import_module("headgate.telemetry.contents")
    masker = masking.Masker(secret.reveal() for secret in secrets_of(settings))
    tell: ContentEnded = contents.ContentLog(masker).tell
    return tell


def warn_of_contents(settings: Settings) -> None:
    """Say that people's words are logged, where they are."""
    if settings.log_content:
        _LOG.warning(
            "HEADGATE_LOG_CONTENT is on: what is asked of models and what they answer is written to"
            " this log, with secrets masked. Switch it off when you have found what you look for"
        )


def secrets_of(settings: Settings) -> Iterator[Secret]:
    """All secrets that this process was given."""
    for name in VARIABLES:
        value = getattr(settings, name)
        if isinstance(value, Secret):
            yield value
    for vendor in settings.vendors:
        if vendor.api_key is not None:
            yield vendor.api_key
    for server in settings.mcp_servers:
        if server.token is not None:
            yield server.token
        yield from server.environment.values()
