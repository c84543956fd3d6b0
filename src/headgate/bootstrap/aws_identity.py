"""As whom this process speaks to AWS: the first of the places where AWS's own tools look too."""

import ipaddress
from urllib.parse import urlsplit

from headgate.core.errors import Overloaded
from headgate.settings import Settings
from headgate.transport.aws_credentials import RoleCredentials, from_container, from_instance
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials, CredentialsSource

# What programs that stand in for AWS take, since they check no signature.
LOCAL = Credentials("local", "local")
# Where AWS itself answers; any other address is a stand-in.
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
CONTAINER_AGENT = "http://169.254.170.2"
# The agents of ECS and EKS; to any other host the token goes over TLS only.
AGENTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


def aws_credentials(settings: Settings, http: HttpClient) -> CredentialsSource:
    """The access key of the environment, else the role of the container, else of the instance.

    A stand-in for AWS that the settings name takes any; an EC2 instance is not looked for then.

    Raises:
        Overloaded: there can be none; the message says what to set.
    """
    given = _given(settings, http)
    if given is not None:
        return given
    if settings.dynamodb_endpoint is not None:
        return LOCAL
    if settings.aws_ec2_metadata_disabled:
        raise Overloaded(
            "HEADGATE_STORE is `dynamodb`, so set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "give this process a role and let AWS_EC2_METADATA_DISABLED be false"
        )
    return RoleCredentials(from_instance(http, settings.aws_ec2_metadata_service_endpoint))


def speaks_to_bedrock(settings: Settings) -> bool:
    """Whether the settings say that Bedrock's models shall be served.

    A region alone may be meant for something else: an access key, or the role of a container, must
    be given with it, or else Bedrock's address.
    """
    has_key = settings.aws_access_key_id is not None and settings.aws_secret_access_key is not None
    has_role = bool(
        settings.aws_container_credentials_relative_uri
        or settings.aws_container_credentials_full_uri
    )
    return settings.bedrock_endpoint is not None or (
        settings.aws_region is not None and (has_key or has_role)
    )


def bedrock_credentials(settings: Settings, http: HttpClient) -> CredentialsSource:
    """The same for Bedrock, where `speaks_to_bedrock` says that it is called.

    Raises:
        Overloaded: there can be none; the message says what to set.
    """
    given = _given(settings, http)
    if given is not None:
        return given
    host = urlsplit(settings.bedrock_endpoint or "").hostname or ""
    if not host.endswith(AWS_HOSTS):
        return LOCAL
    return RoleCredentials(from_instance(http, settings.aws_ec2_metadata_service_endpoint))


def _given(settings: Settings, http: HttpClient) -> CredentialsSource | None:
    """The access key of the environment, else the role of the container."""
    if settings.aws_access_key_id is not None and settings.aws_secret_access_key is not None:
        token = settings.aws_session_token
        return Credentials(
            settings.aws_access_key_id,
            settings.aws_secret_access_key.reveal(),
            None if token is None else token.reveal(),
        )
    url = _container_url(settings)
    if url is None:
        return None
    return RoleCredentials(from_container(http, url, lambda: _token(settings)))


def _container_url(settings: Settings) -> str | None:
    if settings.aws_container_credentials_relative_uri is not None:
        return CONTAINER_AGENT + settings.aws_container_credentials_relative_uri
    url = settings.aws_container_credentials_full_uri
    if url is not None and not _is_safe(url):
        raise Overloaded(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https://, or name this machine or "
            "the agent of ECS or EKS"
        )
    return url


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host in AGENTS or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(settings: Settings) -> str | None:
    file = settings.aws_container_authorization_token_file
    if file is not None:
        return file.read_text().strip()
    token = settings.aws_container_authorization_token
    return None if token is None else token.reveal()
