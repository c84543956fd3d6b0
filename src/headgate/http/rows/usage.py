"""Routes to the ledger and its budgets."""

from headgate.http import acts, events, usage
from headgate.http.lists import PageQuery
from headgate.http.routes import Route


def usage_routes() -> list[Route]:
    """What was used, and what may be."""
    return [
        Route(
            method="GET",
            path="/v1/usage",
            access="usage:read",
            handler=usage.usage,
            summary="What was used, in total and by a dimension",
            description=(
                "Each of `rows` has the dimension under its own name, such as `model`, beside"
                " the same sums as `totals`. By `tag`, a call counts once for each of its "
                "tags. `userId` and `keyId` narrow what the key may see."
            ),
            query=usage.UsageQuery,
            answer=usage.UsageAnswer,
        ),
        Route(
            method="GET",
            path="/v1/usage/events",
            access="usage:read",
            handler=events.usage_events,
            summary="The ledger's rows, newest first",
            description=(
                "`requestId` is the `x-request-id` of the answer. Where few calls are of the "
                "`model`, `provider`, `status` or `cache` that was asked for, a page may hold "
                "fewer than `limit`, even none, and go on behind `nextCursor`."
            ),
            query=events.EventsQuery,
            answer=events.EventPage,
        ),
        Route(
            method="GET",
            path="/v1/usage/budget",
            access="any",
            handler=usage.get_budget,
            summary="What is left of the caller's budgets",
            description=(
                "Without parameters: the tightest budget of the caller's key, user and "
                "workspace, and all of them in `budgets`. With `scope` and `id`: that one; "
                "another's needs the scope `admin`. It can be read when it is exhausted."
            ),
            query=usage.BudgetQuery,
            answer=usage.OwnBudgets | usage.BudgetItem,
        ),
        Route(
            method="PUT",
            path="/v1/usage/budget",
            access="workspace:admin",
            handler=usage.set_budget,
            audit=acts.BUDGET_SET,
            summary="Set, change or remove a budget",
            description=(
                "It holds for calls that begin from now on, and counts what was spent this "
                "month. A `monthlyBudget` of null removes the limit."
            ),
            body=usage.SetBudget,
            answer=usage.BudgetItem,
        ),
        Route(
            method="GET",
            path="/v1/usage/unconfirmed",
            access="admin",
            handler=usage.unconfirmed,
            summary="What processes that died may have spent",
            description=(
                "Each entry is charged to one budget, in whose `unconfirmed` and `spent` it "
                "counts. It goes by itself where the process was only paused and tells what it "
                "did spend."
            ),
            query=PageQuery,
            answer=usage.UnconfirmedPage,
        ),
        Route(
            method="POST",
            path="/v1/usage/unconfirmed/{id}/release",
            access="admin",
            handler=usage.release_unconfirmed,
            audit=acts.UNCONFIRMED_RELEASED,
            summary="Take an unconfirmed entry off its budget",
            description=(
                "For an entry of which the vendor's bill says that it was not spent. It takes "
                "no body; a second time changes nothing."
            ),
            answer=usage.UnconfirmedItem,
        ),
    ]
