"""Calls of tools by those who pay for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.tools import Toolbox, ToolOutcome
from headgate.gateway.calls import Caller
from headgate.gateway.works import Works, WrittenOutcome


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Calls tools for callers who pay, within their limits."""

    toolbox: Toolbox
    works: Works

    async def run(
        self,
        caller: Caller,
        name: str,
        arguments: Mapping[str, Any],
        write: Callable[[ToolOutcome], bytes],
    ) -> WrittenOutcome:
        """Call a tool, as one work; see `Toolbox.call`.

        Raises:
            NotFound: there is no such tool, or not for this key.
            InvalidRequest: an argument is wrong; that takes no place in the limits.
            RateLimited: the key's limits do not admit it.
            IdempotencyConflict: the caller's answer key stands for other arguments.
            HeadgateError: there is no answer.
        """
        self.toolbox.check(name, arguments, caller.key)
        return await self.works.do(
            msgspec.structs.replace(caller, use_case=name),
            lambda context: self.toolbox.call(name, arguments, context),
            write,
        )
