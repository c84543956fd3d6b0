"""Classification by a chat model: the question it is asked, and how its answer is read."""

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from headgate.core.chat import ChatRequest, ResponseFormat
from headgate.core.models import PromptStyle
from headgate.core.prompts import Prompts

USE_CASE = "classification"
TEMPLATE = "classify"


class Classification(msgspec.Struct, frozen=True):
    """The label that fits best, and how well each fits; `scores` add up to 1."""

    label: str
    confidence: float
    scores: dict[str, float]


class _Reply(msgspec.Struct):
    label: str | None = None
    confidence: float | None = None
    scores: dict[str, float] | None = None


def question(
    prompts: Prompts, text: str, labels: Sequence[str], model: str, style: PromptStyle
) -> ChatRequest:
    """The request that asks a chat model which of `labels` fits `text`."""
    inputs = {"text": text, "labels": list(labels)}
    prompt = prompts.render(TEMPLATE, inputs, style=style)
    schema: dict[str, object] = {
        "type": "object",
        "properties": {
            "label": {"type": "string", "enum": list(labels)},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["label", "confidence"],
        "additionalProperties": False,
    }
    return msgspec.structs.replace(
        prompt.request(model),
        response_format=ResponseFormat("json_schema", schema, "classification", strict=True),
        temperature=0,
        use_case=USE_CASE,
        labels=tuple(labels),
    )


def verdict(answer: str, labels: Sequence[str]) -> Classification:
    """Read a model's answer; whatever it says, the label is one of `labels`.

    An answer that is no JSON is searched for the labels' names; one that names none gives every
    label the same, lowest confidence.
    """
    reply = _reply(answer)
    labels = list(dict.fromkeys(labels))
    # The exact name first: labels may differ in their case alone.
    by_name = {label.casefold(): label for label in labels} | {label: label for label in labels}
    if reply.scores:
        weights = {label: max(0.0, reply.scores.get(label, 0.0)) for label in labels}
        if any(weights.values()):
            return _normalised(weights)
    named = reply.label or ""
    label = by_name.get(named) or by_name.get(named.strip().casefold())
    if label is None:
        return _normalised(_mentions(answer, labels, by_name))
    least = 1 / len(labels)
    confidence = min(1.0, max(least, 1.0 if reply.confidence is None else reply.confidence))
    rest = (1 - confidence) / max(1, len(labels) - 1)
    scores = {name: confidence if name == label else rest for name in labels}
    return Classification(label, confidence, scores)


def _reply(answer: str) -> _Reply:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        return msgspec.json.decode(answer[start : end + 1] if start >= 0 else "", type=_Reply)
    except (msgspec.MsgspecError, RecursionError):
        return _Reply()


def _mentions(answer: str, labels: Sequence[str], by_name: Mapping[str, str]) -> dict[str, float]:
    """How often the text names each label; `spam` inside `not spam` is not named."""
    counts = dict.fromkeys(labels, 0.0)
    longest_first = sorted(labels, key=len, reverse=True)
    pattern = "|".join(re.escape(label) for label in longest_first)
    for found in re.findall(rf"(?<!\w)(?:{pattern})(?!\w)", answer, re.IGNORECASE):
        label = by_name.get(found) or by_name.get(found.casefold())
        if label is not None:
            counts[label] += 1
    return counts


def _normalised(weights: dict[str, float]) -> Classification:
    most = max(weights.values())
    # Made small first: a sum of a model's numbers may be beyond what a float can hold.
    shares = {label: weight / most if most else 1.0 for label, weight in weights.items()}
    total = math.fsum(shares.values())
    scores = {label: share / total for label, share in shares.items()}
    best = max(scores, key=lambda label: scores[label])
    return Classification(best, scores[best], scores)
