"""The part of `bootstrap` that joins workspaces: the file's settings, and those of the store."""

from headgate.configuration import Configuration
from headgate.core.workspaces import WorkspaceStore
from headgate.identity.workspaces import Workspaces


def make_workspaces(configuration: Configuration, store: WorkspaceStore) -> Workspaces:
    """What holds for workspaces, by what the file says and what the store has."""
    return Workspaces(
        store,
        configuration.billing.share,
        {name: each.settings for name, each in configuration.workspaces.items()},
    )
