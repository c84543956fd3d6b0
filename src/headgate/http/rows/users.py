"""Routes to what is kept of users."""

from headgate.http import acts, erasures
from headgate.http.routes import Route


def user_routes() -> list[Route]:
    """Deleting a user's data."""
    path = "/v1/users/{userId}/data"
    return [
        Route(
            method="DELETE",
            path=path,
            access="admin",
            handler=erasures.delete_user_data,
            audit=acts.USER_DATA_DELETED,
            summary="Delete what is kept of a user",
            description=(
                "For good. The user's keys end at once; agent runs, memories, vendor keys,"
                " budgets and answers under idempotency keys go; calls in the ledger lose their"
                " user to a pseudonym that leads nowhere, so that sums of money stay. For an hour"
                " it goes on by itself with what calls under way still add; a second request is"
                " harmless. Documents belong to workspaces, and stay."
            ),
            answer=erasures.ErasureBegun,
        ),
        Route(
            method="GET",
            path=path,
            access="admin",
            handler=erasures.get_user_data,
            summary="Whether a user's data are being deleted",
            description="`none` before a deletion, and after it.",
            answer=erasures.ErasureStatus,
        ),
    ]
