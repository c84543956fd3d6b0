"""Secrets from AWS's Parameter Store, by one signed request."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from headgate.core.errors import Overloaded
from headgate.transport.http import HttpClient, HttpError
from headgate.transport.sigv4 import CredentialsSource, Target, sign


@dataclass(frozen=True, slots=True)
class ParameterStore:
    """The Parameter Store at `endpoint`."""

    http: HttpClient
    endpoint: str
    region: str
    credentials: CredentialsSource
    clock: Callable[[], float] = time.time

    async def get(self, path: str, names: Sequence[str]) -> Mapping[str, str]:
        """The values of those of at most ten `names` below `path` that there are, deciphered.

        Raises:
            Overloaded: the store does not answer, or refuses; none of its words are repeated.
        """
        wanted = {f"{path.rstrip('/')}/{name}": name for name in names}
        body = msgspec.json.encode({"Names": list(wanted), "WithDecryption": True})
        headers = sign(
            "POST",
            self.endpoint,
            headers={
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": "AmazonSSM.GetParameters",
            },
            body=body,
            credentials=await self.credentials.current(),
            target=Target(self.region, "ssm"),
            now=self.clock(),
        )
        try:
            answer = await self.http.send("POST", self.endpoint, headers=headers, body=body)
        except HttpError as error:
            raise Overloaded(f"the parameters below {path} could not be read: {error}") from None
        if answer.status != 200:
            raise Overloaded(
                f"the parameters below {path} could not be read: AWS answered {answer.status}"
                f" ({_kind(answer.body)}); this process needs ssm:GetParameters and kms:Decrypt"
            )
        found = msgspec.json.decode(answer.body, type=_Answer).parameters
        return {wanted[one.name]: one.value for one in found if one.name in wanted}


class _Parameter(msgspec.Struct, rename="pascal"):
    name: str
    value: str


class _Answer(msgspec.Struct, rename="pascal"):
    parameters: list[_Parameter] = []


class _Refusal(msgspec.Struct):
    kind: str = msgspec.field(default="", name="__type")


def _kind(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).kind.rpartition("#")[2] or "no reason given"
    except msgspec.MsgspecError:
        return "no reason given"
