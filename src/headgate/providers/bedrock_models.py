"""The names of Bedrock's models: bare, with the region of an inference profile, and as ARNs."""

import re

_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d*:(?:foundation-model|inference-profile)/([\w.:-]+)"
)
_ID = re.compile(r"[A-Za-z0-9][\w.:-]*")
_REGION = re.compile(r"(?:global|apac|us-gov|[a-z]{2})\.(?=[a-z0-9]+\.)")
_MAKER = re.compile(r"[a-z][a-z0-9]{2,}\.[a-z]")
_EDITION = re.compile(r"-v\d+(?::\d+)?$")


def packaged_name(model: str) -> str | None:
    """The id by which prices are known: an ARN's own; None where nobody can tell what it names.

    An ARN of a provisioned, custom or imported model, or of an application's profile, says nothing
    about its price: such a model needs one in `headgate.toml`.
    """
    if (found := _ARN.fullmatch(model)) is not None:
        return found[1]
    return model if _ID.fullmatch(model) else None


def base_name(model: str) -> str:
    """The id without a region: `amazon.nova-lite-v1:0`."""
    return _REGION.sub("", packaged_name(model) or model, count=1)


def is_bedrocks(model: str) -> bool:
    """Whether an id has the form of Bedrock's, whoever else may have such a model."""
    name = packaged_name(model)
    return name is not None and _MAKER.match(base_name(model)) is not None


def claude_name(model: str) -> str | None:
    """What Anthropic calls the model, where it is one of theirs."""
    maker, _, name = base_name(model).partition(".")
    return _EDITION.sub("", name) if maker == "anthropic" else None
