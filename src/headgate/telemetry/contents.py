"""What was asked and answered, as lines of the log: cut to a bearable length, secrets masked.

They are lines of a logger of their own, so that a collector can keep them apart from the others,
for a shorter time and for fewer eyes.
"""

import logging
from dataclasses import dataclass

from headgate.core.contents import Content, Said
from headgate.telemetry.logs import FIELDS
from headgate.telemetry.masking import Masker, without_media

CONTENTS = "headgate.contents"
MOST_CHARACTERS = 4_000
"""Of a longer text its beginning and its end are logged."""

_LOG = logging.getLogger(CONTENTS)
# No secret has any of these inside.
_BETWEEN = " \t\n\"'"


@dataclass(frozen=True, slots=True)
class ContentLog:
    """Logs what requests asked and were answered."""

    masker: Masker

    def tell(self, content: Content) -> None:
        """Log one request's, as `ContentEnded`."""
        if not _LOG.isEnabledFor(logging.INFO):
            return
        fields = {
            "requestId": content.request_id,
            "keyId": content.key_id,
            "method": content.method,
            "route": content.route,
            "asked": self.shown(content.asked),
            "answered": self.shown(content.answered),
        }
        told = {name: value for name, value in fields.items() if value is not None}
        _LOG.info("request content", extra={FIELDS: told})

    def shown(self, said: Said) -> str:
        """What is logged of a text."""
        text = without_media(said.text if said.is_whole else f"{_without_last_word(said.text)}…")
        if len(text) <= MOST_CHARACTERS:
            return self.masker.masked(text)
        # Cut first: to look through all of a long text would keep others waiting.
        half = MOST_CHARACTERS // 2
        head, tail = _without_last_word(text[:half]), _without_first_word(text[-half:])
        left = len(text) - len(head) - len(tail)
        return f"{self.masker.masked(head)}[… {left} characters …]{self.masker.masked(tail)}"


def _without_last_word(text: str) -> str:
    """A text that was cut off, without what may be a part of a secret that nobody can tell."""
    return text[: max(map(text.rfind, _BETWEEN)) + 1]


def _without_first_word(text: str) -> str:
    """A text whose beginning was cut off, likewise."""
    places = [place for sign in _BETWEEN if (place := text.find(sign)) >= 0]
    return text[min(places) :] if places else ""
