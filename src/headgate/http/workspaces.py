"""The settings of workspaces that an administrator changes while the platform runs."""

import re
from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headgate.core.errors import InsufficientScope, InvalidRequest
from headgate.core.prices import MAX_MARKUP, PPM, Markup, exact_markup
from headgate.core.times import iso
from headgate.core.workspaces import Workspace, WorkspaceSettings
from headgate.http.calls import Call, Reply
from headgate.http.lists import PageQuery, page

MAX_ID_LENGTH = 128

Share: TypeAlias = Annotated[float, Meta(ge=0, le=MAX_MARKUP)]
Host: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
Hosts: TypeAlias = Annotated[list[Host], Meta(max_length=1000)]

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")


class SetWorkspace(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of `PUT /v1/workspaces/{workspaceId}`; what is left out follows `headgate.toml`.

    `markup` is a share: 0.02 is 2 % of the vendor's price. `allowedHosts` null lets it reach all.
    """

    markup: Share | UnsetType = UNSET
    allowed_hosts: Hosts | UnsetType | None = UNSET


class WorkspaceItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What holds for a workspace. `setHere` names what of it was set through this interface."""

    workspace_id: str
    markup: float
    allowed_hosts: tuple[str, ...] | None
    set_here: list[str]
    changed_at: str | None


class WorkspacePage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of workspaces, by their ids."""

    data: list[WorkspaceItem]
    next_cursor: str | None


async def list_workspaces(call: Call[None]) -> Reply:
    """`GET /v1/workspaces`."""
    query: PageQuery = call.query
    own = call.key.looks_within
    if own is not None:
        return Reply(WorkspacePage([_item(await call.services.workspaces.get(own))], None))
    found = await call.services.workspaces.list(limit=query.limit + 1, after=query.cursor)
    items = [_item(workspace) for workspace in found]
    return Reply(page(items, query.limit, [workspace.workspace_id for workspace in found]))


async def get_workspace(call: Call[None]) -> Reply:
    """`GET /v1/workspaces/{workspaceId}`."""
    workspace_id = _id(call.params["workspaceId"])
    if call.key.looks_within not in {None, workspace_id}:
        raise InsufficientScope(
            f"this key administers the workspace {call.key.workspace_id!r} alone"
        )
    return Reply(_item(await call.services.workspaces.get(workspace_id)))


async def set_workspace(call: Call[SetWorkspace]) -> Reply:
    """`PUT /v1/workspaces/{workspaceId}`."""
    workspace_id, body = _id(call.params["workspaceId"]), call.body
    settings = WorkspaceSettings(
        markup=UNSET if body.markup is UNSET else _markup(body.markup),
        allowed_hosts=_hosts(body.allowed_hosts),
    )
    return Reply(_item(await call.services.workspaces.put(workspace_id, settings)))


async def reset_workspace(call: Call[None]) -> Reply:
    """`DELETE /v1/workspaces/{workspaceId}`."""
    return Reply(_item(await call.services.workspaces.drop(_id(call.params["workspaceId"]))))


def _id(workspace_id: str) -> str:
    if len(workspace_id) > MAX_ID_LENGTH:
        raise InvalidRequest(
            f"a workspace's id has at most {MAX_ID_LENGTH} characters", param="workspaceId"
        )
    return workspace_id


def _markup(share: float) -> Markup:
    try:
        # By its digits: what is no binary fraction stays what was written.
        return exact_markup(Decimal(repr(share)))
    except ValueError as error:
        raise InvalidRequest(f"markup: {error}", param="markup") from None


def _hosts(hosts: list[str] | UnsetType | None) -> tuple[str, ...] | UnsetType | None:
    if hosts is None or hosts is UNSET:
        return hosts
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise InvalidRequest(
                f"allowedHosts: {host!r} is no host's name: write `api.example.com`, or"
                " `*.example.com` for all below that one",
                param="allowedHosts",
            )
    return tuple(hosts)


def _item(workspace: Workspace) -> WorkspaceItem:
    own = workspace.own
    at = workspace.changed_at
    return WorkspaceItem(
        workspace_id=workspace.workspace_id,
        markup=workspace.markup.ppm / PPM,
        allowed_hosts=workspace.allowed_hosts,
        set_here=[
            *(() if own.markup is UNSET else ("markup",)),
            *(() if own.allowed_hosts is UNSET else ("allowedHosts",)),
        ],
        changed_at=None if at is None else iso(at),
    )
