"""What simulated models think: as many words as `[[usage reasoning=N]]` asks for, and signed.

The signature vouches for them: a thought that comes back changed is refused, as vendors do.
"""

import hashlib

from headgate.core.chat import ChatRequest, Thinking
from headgate.core.sandbox import Plan


def thought_of(request: ChatRequest, plan: Plan) -> Thinking | None:
    """What the model thinks where it is asked to."""
    if request.reasoning is None or request.reasoning.mode == "off":
        return None
    text = " ".join(["thought"] * plan.usage.reasoning_tokens)
    return Thinking(text, _signature(text))


def are_unchanged(request: ChatRequest) -> bool:
    """Whether all signed thoughts that came back are as they were given."""
    return all(
        part.signature == _signature(part.text)
        for message in request.messages
        if not isinstance(message.content, str)
        for part in message.content
        if isinstance(part, Thinking) and part.signature is not None
    )


def _signature(thought: str) -> str:
    return hashlib.blake2b(thought.encode(errors="surrogatepass"), digest_size=24).hexdigest()
