"""What `auto` picks: the cheapest model that can do what a request needs.

What a model can do is known from data (`core.models.Profile`). A model of which something is not
known stands behind those of which it is, since it may well be able to.
"""

from collections.abc import Callable, Sequence

from headgate.core.chat import ChatRequest, TokenUsage, image_count
from headgate.core.errors import ContextLengthExceeded, HeadgateError, InvalidRequest
from headgate.core.models import Ability, Profile
from headgate.gateway.catalog import Route

# What an answer is expected to have, where the caller did not limit it to less.
EXPECTED_OUTPUT_TOKENS = 500
# A count of tokens that is only estimated may turn out so much larger.
MARGIN = 1.25


def suited(
    request: ChatRequest, routes: Sequence[Route], profile: Callable[[Route], Profile]
) -> Sequence[Route]:
    """The routes that can answer `request`, the cheapest first.

    Raises:
        ContextLengthExceeded: it is longer than any of them can read.
        InvalidRequest: it needs something that none of them has.
    """
    needs = needed(request)
    able: list[tuple[bool, int, int, Route]] = []
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
            wanted = tokens * MARGIN + (request.max_tokens or 0)
            fits = known.window is None or wanted <= known.window
            is_sure = fits and needs <= known.has
            able.append((not is_sure, _expected_cost(request, route, tokens), place, route))
    if not able and problems:
        raise next((p for p in problems if isinstance(p, ContextLengthExceeded)), problems[0])
    return [route for *_, route in sorted(able, key=lambda row: row[:3])]


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
