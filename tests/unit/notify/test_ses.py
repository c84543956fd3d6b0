"""Amazon SES's interface, at a real web server that knows AWS's own signatures."""

import datetime as dt
import importlib
from collections.abc import AsyncIterator

import pytest

from fakes import NOON
from headgate.core.alerts import Notice, Undelivered
from headgate.core.errors import Overloaded
from headgate.notify.ses import PATH, SesNotifier
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from receivers import Answer, Request, web_server

NOTICE = Notice("Über <budget> has reached 80 %", (("Spent", "$8 of $10"),))
KEY = Credentials("AKID", "a-secret", "a-token")
RECIPIENTS = ("ada@example.com", "ops@example.com")


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(connect_seconds=5)
    yield client
    await client.aclose()


def ses(client: HttpClient, url: str) -> SesNotifier:
    sender = "alerts@example.com"
    return SesNotifier(client, url, "eu-west-1", KEY, sender, RECIPIENTS, clock=lambda: NOON)


def signature_by_aws(url: str, request: Request) -> str:
    """What AWS's own library signs this request with."""
    auth = importlib.import_module("botocore.auth")
    awsrequest = importlib.import_module("botocore.awsrequest")
    credentials = importlib.import_module("botocore.credentials")
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    headers = {name: request.headers[name] for name in signed.split(";")}
    theirs = awsrequest.AWSRequest("POST", url + request.path, headers=headers, data=request.body)
    theirs.context["timestamp"] = dt.datetime.fromtimestamp(NOON, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    signer = auth.SigV4Auth(
        credentials.Credentials(KEY.access_key_id, KEY.secret_access_key, KEY.session_token),
        "ses",
        "eu-west-1",
    )
    text = signer.canonical_request(theirs)
    signature: str = signer.signature(signer.string_to_sign(theirs, text), theirs)
    return signature


async def test_a_mail_is_what_ses_reads_and_signed_as_aws_signs(client: HttpClient) -> None:
    async with web_server() as server:
        await ses(client, server.url).send(NOTICE)
    (request,) = server.accepted
    assert (request.method, request.path) == ("POST", PATH)
    assert request.json == {
        "FromEmailAddress": "alerts@example.com",
        "Destination": {"ToAddresses": list(RECIPIENTS)},
        "Content": {
            "Simple": {
                "Subject": {"Data": NOTICE.title, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": f"{NOTICE.title}\n\nSpent: $8 of $10\n", "Charset": "UTF-8"}
                },
            }
        },
    }
    authorization = request.headers["authorization"]
    assert "Credential=AKID/20261123/eu-west-1/ses/aws4_request" in authorization
    assert request.headers["x-amz-security-token"] == "a-token"
    assert authorization.rpartition("Signature=")[2] == signature_by_aws(server.url, request)


async def test_a_refusal_is_told_by_its_name(client: HttpClient) -> None:
    named = Answer(400, {"x-amzn-errortype": "MessageRejected:http://internal"})
    async with web_server(named, Answer(503)) as server:
        with pytest.raises(Undelivered, match=r"^SES answered 400 MessageRejected$"):
            await ses(client, server.url).send(NOTICE)
        with pytest.raises(Undelivered, match=r"^SES answered 503$"):
            await ses(client, server.url).send(NOTICE)


async def test_a_role_without_credentials_is_told(client: HttpClient) -> None:
    class NoRole:
        async def current(self) -> Credentials:
            raise Overloaded("no role")

    notifier = SesNotifier(client, "http://127.0.0.1:9", "eu-west-1", NoRole(), "a@b.c", RECIPIENTS)
    with pytest.raises(Undelivered, match="no AWS credentials for SES: no role"):
        await notifier.send(NOTICE)


async def test_an_address_where_nobody_is_is_told_without_secrets(client: HttpClient) -> None:
    notifier = ses(client, "http://127.0.0.1:9")
    with pytest.raises(Undelivered, match="could not be reached") as failure:
        await notifier.send(NOTICE)
    assert "a-secret" not in f"{failure.value!r} {notifier!r}"
