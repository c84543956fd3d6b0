"""The part of `bootstrap` that says as whom AWS is called."""

from headgate.settings import Settings
from headgate.transport.sigv4 import Credentials


def access_key(settings: Settings) -> Credentials | None:
    """The access key of the settings; None where they have none."""
    if settings.aws_access_key_id is None or settings.aws_secret_access_key is None:
        return None
    token = settings.aws_session_token
    return Credentials(
        settings.aws_access_key_id,
        settings.aws_secret_access_key.reveal(),
        None if token is None else token.reveal(),
    )
