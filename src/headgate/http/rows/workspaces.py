"""Routes to what is set for single workspaces."""

from headgate.http import acts, workspaces
from headgate.http.lists import PageQuery
from headgate.http.routes import Route


def workspace_routes() -> list[Route]:
    """Settings of workspaces that change while the platform runs."""
    one = "/v1/workspaces/{workspaceId}"
    return [
        Route(
            method="GET",
            path="/v1/workspaces",
            access="workspace:admin",
            handler=workspaces.list_workspaces,
            summary="List workspaces with settings of their own",
            description=(
                "Those that `headgate.toml` names and those that were set here, by their ids. "
                "Any other workspace is there too, and has the platform's settings."
            ),
            query=PageQuery,
            answer=workspaces.WorkspacePage,
        ),
        Route(
            method="GET",
            path=one,
            access="workspace:admin",
            handler=workspaces.get_workspace,
            summary="What holds for a workspace",
            description="Workspaces need no creation: one without settings has the platform's.",
            answer=workspaces.WorkspaceItem,
        ),
        Route(
            method="PUT",
            path=one,
            access="admin",
            handler=workspaces.set_workspace,
            audit=acts.WORKSPACE_SET,
            summary="Set a workspace's markup and the hosts that it may reach",
            description=(
                "Takes the place of all that was set here before; what is left out follows "
                "`headgate.toml`. It holds on every process within a second, for calls that begin "
                "then. Guardrails, `files` and `database` are set in the file alone."
            ),
            body=workspaces.SetWorkspace,
            answer=workspaces.WorkspaceItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="admin",
            handler=workspaces.reset_workspace,
            audit=acts.WORKSPACE_RESET,
            summary="Go back to what `headgate.toml` says of a workspace",
            description="The answer says what holds from then on. A second time changes nothing.",
            answer=workspaces.WorkspaceItem,
        ),
    ]
