"""Azure OpenAI as `openai.AzureOpenAI` knows it: OpenAI's protocol at addresses of its own.

Each deployment has its address with an `api-version`; the current edition, `/openai/v1`, has none.
Answers bring the results of Azure's content filters along.
"""

import re
from typing import Any

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.core.protocols import openai as protocol
from headgate.simulate import openai
from headgate.simulate.behaviour import Behaviour
from headgate.simulate.calls import Call
from headgate.simulate.exchange import Exchange

PREFIX = "/azure/openai"

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)(/chat/completions|/embeddings)")
_SAFE = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}
_PROMPT = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}]}
_FIRST = {"choices": [], "created": 0, "id": "", "model": "", "object": ""} | _PROMPT
_CODES = {404: "DeploymentNotFound"}


class Filtered(openai.Dress):
    """Answers whose texts went through content filters, which found nothing."""

    first_frame = b"data: " + msgspec.json.encode(_FIRST) + b"\n\n"

    def whole(self, answer: protocol.ChatCompletion) -> dict[str, Any]:
        """A whole answer with the filters' results for the question and for the answer."""
        fields: dict[str, Any] = msgspec.to_builtins(answer)
        fields["choices"] = [item | {"content_filter_results": _SAFE} for item in fields["choices"]]
        return fields | _PROMPT


class Azure:
    """Answers any deployment and any key."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._openai = openai.OpenAI(behaviour, dress=Filtered())

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; failures of the service have Azure's shape, others OpenAI's."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await openai.refuse(
                exchange, call, openai.Refused(400, wrong.message, param=wrong.param)
            )
        except openai.Refused as refusal:
            await _refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        path = exchange.path.removeprefix(PREFIX)
        if found := _DEPLOYMENT.fullmatch(path):
            path, body = "/v1" + found[2], _with_model(body, found[1])
        match exchange.method, path:
            case "POST", "/v1/chat/completions":
                await self._openai.chat(exchange, call, body)
            case "POST", "/v1/embeddings":
                await self._openai.embeddings(exchange, call, body)
            case "GET", "/v1/models" | "/models":
                await openai.send(exchange, call, openai.model_list())
            case _, "/v1/chat/completions" | "/v1/embeddings" | "/v1/models" | "/models":
                raise openai.Refused(405, "Method not allowed")
            case _:
                raise openai.Refused(404, "Resource not found")


def _with_model(body: bytes, deployment: str) -> bytes:
    """A body that names its model; the address has the last word."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    fields["model"] = msgspec.Raw(msgspec.json.encode(deployment))
    return msgspec.json.encode(fields)


async def _refuse(exchange: Exchange, call: Call, refusal: openai.Refused) -> None:
    if refusal.status == 400:
        await openai.refuse(exchange, call, refusal)
        return
    code = _CODES.get(refusal.status, str(refusal.status))
    error = {"error": {"code": code, "message": refusal.message}}
    headers = {"retry-after": "1"} if refusal.status in {429, 529} else {}
    await openai.send(exchange, call, error, status=refusal.status, headers=headers)
