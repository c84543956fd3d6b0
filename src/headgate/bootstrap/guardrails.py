"""The part of `bootstrap` that joins guardrails: the platform's, or a workspace's own."""

from collections.abc import Callable

from headgate.configuration import Configuration
from headgate.core.guardrails import Guardrails


def guards_of(configuration: Configuration) -> Callable[[str], Guardrails | None]:
    """Gives the guardrails of a workspace; they are compiled here, once."""
    platform = configuration.guardrails.rules
    own = {
        name: workspace.guardrails.rules
        for name, workspace in configuration.workspaces.items()
        if workspace.guardrails is not None
    }
    return lambda workspace_id: own.get(workspace_id, platform)
