# Written by write_sync.py from _async/workspaces.py: change that, and write this anew.
"""What is set for single workspaces."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from headgate_sdk._sync.connection import Connection
from headgate_sdk._sync.pages import Page
from headgate_sdk.requests import UNSET, Request, Unset, read
from headgate_sdk.types import Workspace

_WORKSPACES = "/v1/workspaces"


class Workspaces:
    """Settings of workspaces, which need no creation; needs the scope `admin`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, workspace_id: str) -> Workspace:
        """What holds for a workspace."""
        return self._connection.ask(Workspace, read(_path(workspace_id)))

    def set(
        self,
        workspace_id: str,
        *,
        markup: float | Unset = UNSET,
        allowed_hosts: Sequence[str] | Unset | None = UNSET,
    ) -> Workspace:
        """Set this, instead of all that was set before; the rest follows the platform's file.

        Args:
            markup: a share of the vendor's price: 0.02 is 2 %.
            allowed_hosts: the only hosts that `http_request` may reach; None lets it reach all.
        """
        body: dict[str, Any] = {"markup": markup, "allowedHosts": allowed_hosts}
        chosen = {field: value for field, value in body.items() if value is not UNSET}
        request = Request(method="PUT", path=_path(workspace_id), body=chosen, repeatable=True)
        return self._connection.ask(Workspace, request)

    def reset(self, workspace_id: str) -> Workspace:
        """Go back to what the platform's file says of a workspace."""
        request = Request(method="DELETE", path=_path(workspace_id), repeatable=True)
        return self._connection.ask(Workspace, request)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Workspace]:
        """The workspaces with settings of their own, by their ids."""
        query = {"limit": limit, "cursor": cursor}
        return self._connection.ask_page(Workspace, read(_WORKSPACES, query))


def _path(workspace_id: str) -> str:
    return f"{_WORKSPACES}/{quote(workspace_id, safe='')}"
