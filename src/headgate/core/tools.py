"""What a tool is, and the port through which runs and routes call tools."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from headgate.core.keys import VirtualKey
from headgate.core.metered import Models
from headgate.core.usage import UsageEvent


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What models and callers are told of a tool.

    Attributes:
        parameters: the JSON Schema of the arguments, an object.
        timeout_seconds: a call that takes longer is stopped.
        is_idempotent: whether a second call with the same arguments changes nothing more, so that
            a call whose result was lost may simply be made again.
        needs_approval: whether somebody must say yes before an agent's call is made.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    timeout_seconds: float = 60.0
    is_idempotent: bool = True
    needs_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """On whose behalf a tool works, and what it may use.

    Attributes:
        models: the models, as this key may use them.
        call_key: names this call for good; a call that is made again after a crash has the same
            one. None where nobody will make it again.
    """

    key: VirtualKey
    models: Models
    call_key: str | None = None

    def part(self, name: str) -> str | None:
        """The `call_key` of a call that the tool makes itself, as one of its parts."""
        return None if self.call_key is None else f"{self.call_key}/{name}"


class ToolOutcome(msgspec.Struct, frozen=True):
    """What came of a call.

    Attributes:
        result: anything that JSON can hold.
        events: the ledger's rows of the model calls that it took, in their order.
    """

    result: Any
    events: tuple[UsageEvent, ...] = ()


def anything(_arguments: Mapping[str, Any]) -> None:
    """Whatever is wrong with the arguments shows when the tool is called."""


def for_everybody(_key: VirtualKey) -> bool:
    """Every key that may call tools has this one."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that can be called.

    Attributes:
        run: does the work; what it returns can be turned into JSON.
        check: raises `InvalidRequest` where arguments are of no use whatever the tool would do.
        most_at_once: how many calls of a process run at the same time; others wait.
        is_for: whether a key has this tool at all.
    """

    spec: ToolSpec
    run: Callable[[ToolContext, Mapping[str, Any]], Awaitable[Any]]
    check: Callable[[Mapping[str, Any]], None] = anything
    most_at_once: int = 100
    is_for: Callable[[VirtualKey], bool] = for_everybody


class Toolbox(Protocol):
    """The tools that there are, each of them by its name."""

    def specs(self, key: VirtualKey) -> Sequence[ToolSpec]:
        """The tools that `key` may call."""
        ...

    def spec(self, name: str, key: VirtualKey) -> ToolSpec:
        """One of them.

        Raises:
            NotFound: there is no such tool, or not for this key.
        """
        ...

    def check(self, name: str, arguments: Mapping[str, Any], key: VirtualKey) -> None:
        """See that there is something to call, before it takes anything.

        Raises:
            NotFound: there is no such tool, or not for this key.
            InvalidRequest: an argument is wrong; says which.
        """
        ...

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutcome:
        """Call one.

        Raises:
            NotFound: there is no such tool, or not for this key.
            InvalidRequest: an argument is wrong, or the tool refuses; says what to change.
            Overloaded: too many calls of this tool are waiting.
            UpstreamTimedOut: it took longer than it may.
            HeadgateError: the tool could not do it.
        """
        ...
