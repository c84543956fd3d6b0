"""The part of `bootstrap` that joins users' own vendor keys: with which secret they are sealed."""

from headgate.bootstrap.platform_secret import platform_secret
from headgate.core.vendor_keys import Sealer
from headgate.settings import Settings


def make_sealer(settings: Settings) -> Sealer:
    """The sealer of these settings; the first one ever makes the secret where none is set.

    Raises:
        Overloaded: several machines would each make their own, or the file cannot be used.
    """
    # The library is loaded only where somebody has a vendor key of their own.
    from headgate.stores.sealing import AesSealer

    secret = platform_secret(settings, "users' own vendor keys need")
    salt = settings.encryption_salt
    return AesSealer(secret, None if salt is None else salt.reveal().encode())
