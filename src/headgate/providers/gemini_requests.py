"""A request in Gemini's words.

What the protocol cannot say is refused by name. Left out without a word are hints that change no
meaning: marks for a cache, an image's `detail`, and the names of users. All system texts are one
instruction, wherever they stood, and turns of one kind that follow each other are one turn.
"""

import itertools
import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from headgate.core import chat
from headgate.core.models import refuse_native, unsupported

MARK = "gemini:"
# What stands for the signature of a call that another vendor's model made.
FOREIGN_CALL = "skip_thought_signature_validator"
# The most tokens of thought for each effort, for models that want a number.
_BUDGETS: Mapping[chat.Effort, int] = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
_LEVELS: Mapping[chat.Effort, str] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
# Models that think by a number of tokens, and do not ask for the signatures of calls.
_OLDER = re.compile(r"gemini-(?:1|2|pro(?!-latest)|flash-1)")
_DOCUMENTS = re.compile(r"application/pdf|text/[\w.+-]+")
# There an address names no picture: files of the platform's own account, and films.
_OTHER_FILES = re.compile(r"(?:^|\.)(?:googleapis\.com|google\.com|youtube\.com|youtu\.be)$")


class Signed(NamedTuple):
    """A signature and the part that bears it: the call of this number, or else the text."""

    signature: str
    call: int | None


def marked(signed: Signed) -> str:
    """A signature as callers carry it, so that it finds its vendor and its part again."""
    return f"{MARK}{'' if signed.call is None else signed.call}:{signed.signature}"


def read_mark(signature: str | None) -> Signed | None:
    """What `marked` wrote; None where another vendor signed."""
    place, colon, found = (signature or "").removeprefix(MARK).partition(":")
    if not (signature or "").startswith(MARK) or not colon or not found:
        return None
    if not place:
        return Signed(found, None)
    is_number = place.isascii() and place.isdigit() and len(place) < 4
    return Signed(found, int(place)) if is_number else None


def translated(request: chat.ChatRequest) -> dict[str, Any]:
    """The fields of a request.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    refuse_native(request)
    _refuse_unknown(request)
    system = [
        {"text": message.text}
        for message in request.messages
        if message.role == "system" and message.text
    ]
    return {
        "contents": list(_turns(request)),
        **_present(
            systemInstruction={"parts": system} if system else None,
            tools=[{"functionDeclarations": list(map(_tool, request.tools))}]
            if request.tools
            else None,
            toolConfig=_tool_config(request),
            generationConfig=_options(request) or None,
        ),
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _refuse_unknown(request: chat.ChatRequest) -> None:
    if request.n > 1:
        raise unsupported("n", "Gemini's models give one answer here")
    if request.logprobs:
        raise unsupported("logprobs", "Gemini's models do not have it here")
    if request.tools and request.parallel_tool_calls is False:
        raise unsupported("parallel_tool_calls", "Gemini's models decide by themselves")


def _options(request: chat.ChatRequest) -> dict[str, Any]:
    form = request.response_format
    wants_json = form is not None and form.type != "text"
    return _present(
        maxOutputTokens=request.max_tokens,
        temperature=request.temperature,
        topP=request.top_p,
        topK=request.top_k,
        frequencyPenalty=request.frequency_penalty,
        presencePenalty=request.presence_penalty,
        seed=request.seed,
        stopSequences=list(request.stop) or None,
        responseMimeType="application/json" if wants_json else None,
        responseJsonSchema=form.schema if form is not None and wants_json else None,
        thinkingConfig=_thinking(request),
    )


def _thinking(request: chat.ChatRequest) -> dict[str, Any] | None:
    wanted = request.reasoning
    if wanted is None:
        return None
    is_older = _OLDER.match(request.model)
    if wanted.mode == "off":
        if not is_older:
            reason = "this model always thinks: ask for minimal or low effort"
            raise unsupported("reasoning_effort", reason)
        return {"thinkingBudget": 0}
    how: dict[str, Any] = {"includeThoughts": True}
    if wanted.mode == "budget":
        return how | _present(thinkingBudget=wanted.budget_tokens)
    if is_older:
        return how | {"thinkingBudget": -1 if wanted.effort is None else _BUDGETS[wanted.effort]}
    return how | _present(thinkingLevel=wanted.effort and _LEVELS[wanted.effort])


def _tool(tool: chat.Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        **_present(description=tool.description or None, parametersJsonSchema=tool.parameters),
    }


def _tool_config(request: chat.ChatRequest) -> dict[str, Any] | None:
    choice = request.tool_choice or chat.ToolChoice("auto")
    if not request.tools:
        return None
    is_strict = any(tool.strict for tool in request.tools)
    if choice.mode == "auto" and not is_strict:
        return None
    modes = {"auto": "VALIDATED", "none": "NONE", "required": "ANY", "tool": "ANY"}
    names = [choice.name] if choice.name else None
    return {
        "functionCallingConfig": {
            "mode": modes[choice.mode],
            **_present(allowedFunctionNames=names),
        }
    }


class _Place(NamedTuple):
    """A message and where it stands."""

    where: str
    message: chat.Message


def _turns(request: chat.ChatRequest) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    places = (
        _Place(f"messages[{number}]", message)
        for number, message in enumerate(request.messages)
        if message.role != "system"
    )
    for role, group in itertools.groupby(places, key=lambda place: place.message.role):
        parts: list[dict[str, Any]] = []
        for place in group:
            if role == "tool":
                parts.append(_result(place, names))
            elif role == "assistant":
                names |= {call.id: call.name for call in place.message.tool_calls}
                parts += _said(place, request.model)
            else:
                parts += _parts(place)
        yield {"role": "model" if role == "assistant" else "user", "parts": parts or [{"text": ""}]}


def _result(place: _Place, names: Mapping[str, str]) -> dict[str, Any]:
    where, message = place
    name = names.get(message.tool_call_id or "")
    if name is None:
        reason = "Gemini's models need the call that this is the result of, before it"
        raise unsupported(f"{where}.tool_call_id", reason)
    if not isinstance(message.content, str) and not all(
        isinstance(part, chat.Text) for part in message.content
    ):
        raise unsupported(f"{where}.content", "Gemini's models take texts as results of tools")
    response = {"error" if message.is_error else "output": message.text}
    return {
        "functionResponse": {"id": message.tool_call_id, "name": name, "response": response},
    }


def _said(place: _Place, model: str) -> Iterator[dict[str, Any]]:
    """A turn of the model, each signature on the part that it was given with."""
    where, message = place
    signed = {sign.call: sign.signature for sign in _signatures(message)}
    calls = message.tool_calls
    texts = list(_parts(place))
    if None in signed:
        plain = [part for part in texts if "text" in part and "thought" not in part]
        if not plain:
            plain = [{"text": ""}]
            texts += plain
        plain[-1]["thoughtSignature"] = signed[None]
    yield from texts
    is_foreign = not _OLDER.match(model) and not any(
        number in signed for number in range(len(calls))
    )
    for number, call in enumerate(calls):
        stands_in = FOREIGN_CALL if is_foreign and number == 0 else None
        yield {
            "functionCall": {
                "id": call.id,
                "name": call.name,
                "args": _arguments(call.arguments, f"{where}.tool_calls[{number}]"),
            },
            **_present(thoughtSignature=signed.get(number, stands_in)),
        }


def _signatures(message: chat.Message) -> Iterator[Signed]:
    for part in message.content if not isinstance(message.content, str) else ():
        if isinstance(part, chat.Thinking) and (found := read_mark(part.signature)) is not None:
            yield found


def _arguments(arguments: str, where: str) -> msgspec.Raw:
    """A tool's arguments as they were written."""
    text = arguments.strip().encode() or b"{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "Gemini's models take an object in JSON only"
        raise unsupported(f"{where}.function.arguments", reason) from error
    return msgspec.Raw(text)


def _parts(place: _Place) -> Iterator[dict[str, Any]]:
    where, message = place
    content: Iterable[chat.Part]
    content = (chat.Text(message.content),) if isinstance(message.content, str) else message.content
    for part in content:
        if isinstance(part, chat.Thinking):
            # What another vendor's model thought stays away.
            if part.text and read_mark(part.signature) is not None:
                yield {"text": part.text, "thought": True}
        elif isinstance(part, chat.Image):
            yield _image(part, f"{where}.content")
        elif isinstance(part, chat.Document):
            yield _document(part, f"{where}.content")
        elif part.text:
            yield {"text": part.text}


def _image(image: chat.Image, where: str) -> dict[str, Any]:
    found = chat.read_data_url(image.url)
    if found is None:
        return _remote(image.url, re.compile(r"image/.+"), where)
    if not found.media_type.startswith("image/"):
        raise unsupported(where, "an image has a media type that begins with image/")
    return {"inlineData": {"mimeType": found.media_type, "data": found.data}}


def _document(document: chat.Document, where: str) -> dict[str, Any]:
    if (text := chat.text_of(document)) is not None:
        return {"text": text}
    found = chat.read_data_url(document.url)
    if found is None:
        return _remote(document.url, _DOCUMENTS, where)
    if not _DOCUMENTS.fullmatch(found.media_type):
        raise unsupported(where, "Gemini's models read PDF and text")
    return {"inlineData": {"mimeType": found.media_type, "data": found.data}}


def _remote(url: str, wanted: re.Pattern[str], where: str) -> dict[str, Any]:
    """A file for the vendor to fetch, whose kind its name must tell, since that sets its price."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    kind = mimetypes.guess_type(parts.path)[0] or ""
    if (
        parts.scheme != "https"
        or not host
        or _OTHER_FILES.search(host)
        or not wanted.fullmatch(kind)
    ):
        reason = (
            "send the data as a `data:` URL in base64, or a public https address whose path ends"
            " in the file's kind, such as .png"
        )
        raise unsupported(where, reason)
    return {"fileData": {"mimeType": kind, "fileUri": url}}
