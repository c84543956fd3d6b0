"""Signatures, compared with those of AWS's own library."""

import datetime as dt
import importlib
import string
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.transport.sigv4 import Credentials, Target, sign

NOW = 1_795_435_200.0

# AWS's published example of a request to its identity service.
EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
EXAMPLE_SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"

unreserved = string.ascii_letters + string.digits + "-._~"
segments = st.text(unreserved, min_size=1, max_size=12).filter(lambda text: text.strip("."))
paths = st.lists(segments | st.sampled_from(["", ".", "..", "a%20b", "m:0", "a+b"]), max_size=4)
words = st.text(unreserved + "%+", min_size=1, max_size=8)
queries = st.lists(st.tuples(words, st.text(unreserved + "%+", max_size=8)), max_size=4)
header_names = st.text(string.ascii_lowercase + "-", min_size=1, max_size=12).map("x-{}".format)
header_values = st.text(string.ascii_letters + string.digits + " ;=/.,", max_size=30)
secrets = st.text(string.ascii_letters + string.digits + "+/", min_size=1, max_size=60)


def signature_of(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_documented_example_gets_the_documented_signature() -> None:
    headers = sign(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=b"",
        credentials=EXAMPLE,
        target=Target("us-east-1", "iam"),
        now=dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC).timestamp(),
    )
    assert headers["x-amz-date"] == "20150830T123600Z"
    assert signature_of(headers) == EXAMPLE_SIGNATURE


class Request(NamedTuple):
    """Everything that a signature depends on."""

    method: str
    path: list[str]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    host: str
    secret: str
    token: str | None
    target: Target
    now: int

    @property
    def url(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"https://{self.host}/" + "/".join(self.path) + (f"?{query}" if query else "")


requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, header_values, max_size=4),
    body=st.binary(max_size=200),
    host=st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "127.0.0.1:8000", "localhost:4566"]),
    secret=secrets,
    token=st.none() | secrets,
    target=st.builds(
        Target,
        st.sampled_from(["us-east-1", "eu-central-1"]),
        st.sampled_from(["dynamodb", "bedrock", "ssm"]),
    ),
    now=st.integers(0, 4_000_000_000),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(request=requests)
def test_every_request_is_signed_as_the_vendors_own_library_signs_it(request: Request) -> None:
    auth = importlib.import_module("botocore.auth")
    awsrequest = importlib.import_module("botocore.awsrequest")
    credentials = importlib.import_module("botocore.credentials")

    class AtThatTime(auth.SigV4Auth):  # type: ignore[misc,name-defined]
        """The library's signer, with a clock of its own instead of the machine's."""

        def add_auth(self, request: object) -> None:
            request.context["timestamp"] = moment  # type: ignore[attr-defined]
            self._modify_request_before_signing(request)
            text = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, text), request)
            self._inject_signature_to_request(request, signature)

    moment = dt.datetime.fromtimestamp(request.now, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    theirs = awsrequest.AWSRequest(
        method=request.method, url=request.url, headers=request.headers, data=request.body
    )
    AtThatTime(
        credentials.Credentials("AKID", request.secret, request.token),
        request.target.service,
        request.target.region,
    ).add_auth(theirs)
    ours = sign(
        request.method,
        request.url,
        headers=request.headers,
        body=request.body,
        credentials=Credentials("AKID", request.secret, request.token),
        target=request.target,
        now=request.now,
    )
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}


def test_a_secret_does_not_show_in_a_log() -> None:
    assert "wJalr" not in repr(EXAMPLE)
    assert "token" not in repr(Credentials("AKID", "secret", "token"))


def test_a_signature_covers_every_part_of_a_request() -> None:
    def signature(method: str = "POST", url: str = "https://a.test/", body: bytes = b"{}") -> str:
        return signature_of(
            sign(
                method,
                url,
                headers={"x-amz-target": "DynamoDB_20120810.GetItem"},
                body=body,
                credentials=EXAMPLE,
                target=Target("us-east-1", "dynamodb"),
                now=NOW,
            )
        )

    ones = {signature(), signature("PUT"), signature(url="https://a.test/b"), signature(body=b"[]")}
    assert len(ones) == 4
