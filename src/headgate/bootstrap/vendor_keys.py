"""The part of `bootstrap` that joins users' own vendor keys: with which secret they are sealed."""

from headgate import data_directory
from headgate.core.errors import Overloaded
from headgate.core.vendor_keys import Sealer
from headgate.settings import Settings

SECRET = "secret.key"  # noqa: S105 - the name of a file


def make_sealer(settings: Settings) -> Sealer:
    """The sealer of these settings; the first one ever makes the secret where none is set.

    Raises:
        Overloaded: several machines would each make their own, or the file cannot be used.
    """
    # The library is loaded only where somebody has a vendor key of their own.
    from headgate.stores.sealing import AesSealer

    given, salt = settings.jwt_secret_key, settings.encryption_salt
    if settings.store == "dynamodb" and (given is None or salt is None):
        raise Overloaded(
            "users' own vendor keys need a secret that all machines share: set JWT_SECRET_KEY and"
            " ENCRYPTION_SALT, to the same texts on each"
        )
    if given is None:
        data_directory.make(settings.data)
        secret = data_directory.secret(settings.data / SECRET)
    else:
        secret = given.reveal().encode()
    return AesSealer(secret, None if salt is None else salt.reveal().encode())
