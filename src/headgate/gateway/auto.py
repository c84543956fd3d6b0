"""What `auto` picks: the cheapest model that can do what a request needs.

What a model can do is known from data (`core.models.Profile`). A model of which something is not
known stands behind those of which it is, since it may well be able to. What a request needs is read
from it; how good a model it wants is read from the words of its use case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from headgate.core.chat import ChatRequest, TokenUsage, image_count
from headgate.core.errors import ContextLengthExceeded, HeadgateError, InvalidRequest
from headgate.core.models import Ability, Profile, Tier
from headgate.gateway.catalog import Route

# What an answer is expected to have, where the caller did not limit it to less.
EXPECTED_OUTPUT_TOKENS = 500
# A count of tokens that is only estimated may turn out so much larger.
MARGIN = 1.25
TIERS: tuple[Tier, ...] = get_args(Tier)
WANTED: Mapping[str, Tier] = {
    "agent": "large",
    "analysis": "large",
    "chat": "medium",
    "classification": "small",
    "code": "large",
    "coding": "large",
    "extraction": "small",
    "legal": "large",
    "math": "large",
    "moderation": "small",
    "planning": "large",
    "reasoning": "large",
    "research": "large",
    "routing": "small",
    "summarization": "medium",
    "summary": "medium",
    "support": "medium",
    "tagging": "small",
    "translation": "medium",
    "writing": "medium",
}
"""Which models a use case wants that has the word in its name; any other takes the cheapest."""

_WORD = re.compile(r"[a-z]+")


def suited(
    request: ChatRequest, routes: Sequence[Route], profile: Callable[[Route], Profile]
) -> Sequence[Route]:
    """The routes that can answer `request`, the cheapest first.

    Raises:
        ContextLengthExceeded: it is longer than any of them can read.
        InvalidRequest: it needs something that none of them has.
    """
    needs, wanted = needed(request), wanted_tier(request.use_case)
    able: list[tuple[bool, int, int, int, Route]] = []
    dearer: list[tuple[bool, int, int, int, Route]] = []
    problems: list[HeadgateError] = []
    for place, route in enumerate(routes):
        known = profile(route)
        missing = [need for need in needs if need in known.lacks]
        tokens = route.provider.input_estimate(request)
        if missing:
            problems.append(_lacking(missing[0]))
        elif known.window is not None and tokens > known.window:
            problems.append(_too_long())
        else:
            tight = tokens * MARGIN + (request.max_tokens or 0)
            fits = known.window is None or tight <= known.window
            is_sure = fits and needs <= known.has
            cost = _expected_cost(request, route, tokens)
            row = (not is_sure, _shortfall(known.tier, wanted), cost, place, route)
            (dearer if _is_too_good(known.tier, wanted) else able).append(row)
    if not (able or dearer) and problems:
        raise next((p for p in problems if isinstance(p, ContextLengthExceeded)), problems[0])
    return [route for *_, route in sorted(able or dearer, key=lambda row: row[:4])]


def wanted_tier(use_case: str | None) -> Tier:
    """The least good model that a use case is served well by."""
    words = _WORD.findall((use_case or "").lower())
    return max((WANTED.get(word, TIERS[0]) for word in words), key=TIERS.index, default=TIERS[0])


def _shortfall(tier: Tier | None, wanted: Tier) -> int:
    """How far a model stays behind what is wanted; of one that is not known it may be a bit."""
    if tier is None:
        return int(wanted != TIERS[0])
    return max(0, 2 * (TIERS.index(wanted) - TIERS.index(tier)))


def _is_too_good(tier: Tier | None, wanted: Tier) -> bool:
    """Whether a model is taken only where no other can: nobody has asked to pay for it."""
    return tier == TIERS[-1] != wanted


def needed(request: ChatRequest) -> frozenset[Ability]:
    """What a model must be able to do to answer."""
    found: set[Ability] = set()
    if image_count(request.messages):
        found.add("images")
    if request.tools:
        found.add("tools")
    if request.response_format is not None and request.response_format.type != "text":
        found.add("schema" if request.response_format.type == "json_schema" else "json")
    if request.reasoning is not None and request.reasoning.mode != "off":
        found.add("thinking")
    return frozenset(found)


def _expected_cost(request: ChatRequest, route: Route, tokens: int) -> int:
    output = min(request.max_tokens or EXPECTED_OUTPUT_TOKENS, EXPECTED_OUTPUT_TOKENS)
    return route.price.cost(TokenUsage(tokens, output))


def _lacking(ability: Ability) -> HeadgateError:
    words: dict[Ability, str] = {
        "images": "read images",
        "tools": "call tools",
        "schema": "answer by a JSON schema",
        "json": "answer in JSON without a schema",
        "thinking": "think before it answers",
    }
    return InvalidRequest(
        f"none of the models that `auto` may pick can {words[ability]}; name a model that can",
        param="model",
    )


def _too_long() -> HeadgateError:
    return ContextLengthExceeded(
        "the input is longer than any of the models that `auto` may pick can read",
        param="messages",
    )
