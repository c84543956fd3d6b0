"""Secrets in texts that are to be logged, found and taken out.

What is known to be a secret goes wherever it stands; of others, what looks like one: the keys of
this platform and of vendors, credentials of clouds, tokens, private keys, and whatever stands
behind a word such as `password`. Better a word too much is masked than a secret too little.
"""

import json
import re
from collections.abc import Iterable

MASK = "[secret]"
SHORTEST = 8
"""A shorter text would be found in innocent words."""

# Where a word begins, behind an escaped sign of JSON's too.
_START = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbf])|(?<=\\u00[0-9a-f]{2}))"
_LOOKS = re.compile(
    r"\A(?:(?!-----BEGIN ).)*-----END [A-Z ]{0,40}PRIVATE KEY-----"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    rf"|{_START}(?:"
    r"(?:sk|rk|gsk|xai|r8|hf|nvapi|whsec)[-_][A-Za-z0-9_-]{8,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|ya29\.[A-Za-z0-9_.-]{8,}"
    r"|(?:gh[a-z]|github_pat|glpat|xox[a-z])[-_][A-Za-z0-9_-]{10,}"
    r"|hooks\.slack\.com/services/[A-Za-z0-9/]+"
    r"|eyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
    r")",
    re.DOTALL,
)
_QUOTE = r"(?:\\{0,3}[\"'])?"
_IS = rf"{_QUOTE}\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}"
_BEARER = re.compile(
    rf"((?:{_START}bearer|authorization{_IS}basic)\s{{1,4}})[A-Za-z0-9._~+/=-]{{8,}}", re.IGNORECASE
)
_NAMED = re.compile(
    r"((?:api[-_ ]?key|access[-_ ]?key|password|passwd|passphrase|secret|token|credential)"
    rf"{_IS})(?!\[secret)[^\s\"'\\,;}}\]]{{6,}}",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(://[^\s/:@\"]{0,100}:)[^\s/@\"]{1,200}(?=@)")
_MEDIA = re.compile(r"(data:[\w.+/-]{1,100};base64,)[A-Za-z0-9+/=_-]{64,}")


def without_media(text: str) -> str:
    """The text without what its files and images consist of."""
    return _MEDIA.sub(r"\1…", text)


class Masker:
    """Takes secrets out of texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """`secrets` are those of this process; they are found in JSON's spelling too."""
        known = {each for each in secrets if len(each) >= SHORTEST}
        known |= {json.dumps(each, ensure_ascii=False)[1:-1] for each in known}
        spelled = sorted(known, key=len, reverse=True)  # a secret may begin as another one does
        self._known = re.compile("|".join(map(re.escape, spelled))) if spelled else None

    def masked(self, text: str) -> str:
        """The text without its secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _LOOKS.sub(MASK, text)
        text = _BEARER.sub(rf"\1{MASK}", text)
        text = _IN_URL.sub(rf"\1{MASK}", text)
        return _NAMED.sub(rf"\1{MASK}", text)
