"""The part of `bootstrap` that joins users' own vendor keys: by what they are sealed."""

from headgate.aws.kms import KmsSealer
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.bootstrap.platform_secret import platform_secret
from headgate.core.errors import Overloaded
from headgate.core.vendor_keys import Sealer
from headgate.settings import Settings
from headgate.transport.http import HttpClient

_ARN = "arn:"


def make_sealer(settings: Settings, http: HttpClient) -> Sealer:
    """The sealer of these settings: KMS where it has a key for this, else the platform's secret.

    The first one ever makes that secret where none is set.

    Raises:
        Overloaded: several machines would each make their own, or the file cannot be used; or it
            is not said which KMS has the key.
    """
    if settings.kms_key is not None:
        return _kms(settings, settings.kms_key, http)
    # The library is loaded only where somebody has a vendor key of their own.
    from headgate.stores.sealing import AesSealer

    secret = platform_secret(settings, "users' own vendor keys need")
    salt = settings.encryption_salt
    return AesSealer(secret, None if salt is None else salt.reveal().encode())


def _kms(settings: Settings, key: str, http: HttpClient) -> KmsSealer:
    # arn:aws:kms:REGION:ACCOUNT:key/ID
    region = key.split(":")[3] if key.startswith(_ARN) and key.count(":") > 4 else ""
    region = region or settings.aws_region or ""
    if not region:
        raise Overloaded("HEADGATE_KMS_KEY_ID names a key of AWS, so set AWS_REGION")
    endpoint = settings.kms_endpoint or f"https://kms.{region}.amazonaws.com"
    return KmsSealer(http, f"{endpoint}/", region, aws_credentials(settings, http), key)
