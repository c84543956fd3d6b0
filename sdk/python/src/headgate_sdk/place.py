"""Where the platform is and with which key it is called: as given, or as the environment says."""

import os

from headgate_sdk.errors import HeadgateError

DEFAULT_URL = "http://127.0.0.1:3000"
TIMEOUT_SECONDS = 120.0
MAX_RETRIES = 2


def place(base_url: str | None, api_key: str | None) -> tuple[str, str]:
    """The address and the key.

    Raises:
        HeadgateError: there is no key.
    """
    url = base_url or os.environ.get("HEADGATE_URL") or DEFAULT_URL
    key = api_key or os.environ.get("HEADGATE_API_KEY")
    if not key:
        raise HeadgateError("There is no key: give the client an api_key, or set HEADGATE_API_KEY.")
    # OpenAI's clients want the address with `/v1`, so people have it at hand like that.
    return url.rstrip("/").removesuffix("/v1"), key
