"""What the bodies of errors look like, for the document."""

from typing import Literal

import msgspec

from headgate.core.money import Dollars
from headgate.http.errors import ErrorStyle


class BudgetState(msgspec.Struct, frozen=True, rename="camel"):
    """The budget that could not cover a call."""

    scope: str
    id: str
    limit: Dollars | None
    spent: Dollars
    reserved: Dollars
    resets_at: str


class ErrorItem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: `message` for a person, `code` for a program, `param` for the place."""

    message: str
    type: str
    code: str
    param: str | None
    budget: BudgetState | msgspec.UnsetType = msgspec.UNSET


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every error."""

    error: ErrorItem


class AnthropicErrorItem(msgspec.Struct, frozen=True):
    """What went wrong: `message` for a person, `type` for a program."""

    type: str
    message: str
    budget: BudgetState | msgspec.UnsetType = msgspec.UNSET


class AnthropicErrorBody(msgspec.Struct, frozen=True):
    """The body of every error on the routes for Anthropic's clients."""

    type: Literal["error"]
    error: AnthropicErrorItem
    request_id: str


ERROR_BODIES: dict[ErrorStyle, type[msgspec.Struct]] = {
    "platform": ErrorBody,
    "anthropic": AnthropicErrorBody,
}
