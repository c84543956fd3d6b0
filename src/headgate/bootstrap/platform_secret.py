"""The platform's own secret, from which the keys of its various uses are derived."""

from headgate import data_directory
from headgate.core.errors import Overloaded
from headgate.settings import Settings

SECRET = "secret.key"  # noqa: S105 - the name of a file


def platform_secret(settings: Settings, use: str) -> bytes:
    """The secret of these settings; the first use ever makes it where none is set.

    Args:
        settings: what is set.
        use: what needs it, as the beginning of a sentence.

    Raises:
        Overloaded: several machines would each make their own, or the file cannot be used.
    """
    given, salt = settings.jwt_secret_key, settings.encryption_salt
    if settings.store == "dynamodb" and (given is None or salt is None):
        raise Overloaded(
            f"{use} a secret that all machines share: set JWT_SECRET_KEY and ENCRYPTION_SALT, to"
            " the same texts on each"
        )
    if given is not None:
        return given.reveal().encode()
    data_directory.make(settings.data)
    return data_directory.secret(settings.data / SECRET)
