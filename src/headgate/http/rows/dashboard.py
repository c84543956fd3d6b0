"""Routes of the dashboard: its files, sessions of the people at it, and what they watch."""

from headgate.http import budgets, dashboard, latency, live, process, providers, sessions
from headgate.http.routes import Route


def dashboard_routes() -> list[Route]:
    """The pages."""
    pages = dashboard.built_pages()
    return [
        Route(
            method="GET",
            path=path,
            access="open",
            handler=handler,
            summary=summary,
            description=(
                "The dashboard's pages ask for an administrator's session; what they show comes "
                "from the routes of this document. 503 where they were not built."
            ),
            answer=str,
            media_type="text/html",
        )
        for path, handler, summary in (
            ("/dashboard", pages.dashboard_page, "The dashboard"),
            ("/dashboard/", pages.dashboard_page, "The dashboard"),
            (
                "/dashboard/{path:path}",
                pages.dashboard_file,
                "A page or a file of the dashboard",
            ),
        )
    ]


def session_routes() -> list[Route]:
    """Who is at the dashboard."""
    path = "/v1/session"
    return [
        Route(
            method="POST",
            path=path,
            access="open",
            handler=sessions.open_session,
            summary="Sign in at the dashboard, or stay signed in",
            description=(
                "Sets a cookie that stands for the administrator's key: `HttpOnly`, "
                "`SameSite=Strict`, good for an hour. Sent without `apiKey` and `ticket` it makes "
                "the session of the request last an hour from now, up to 12 hours in all. The "
                "session ends with the key. Requests with the cookie must come from the "
                "dashboard's own pages: writes name this platform in `Origin`."
            ),
            body=sessions.OpenSession,
            answer=sessions.SessionItem,
            status=201,
        ),
        Route(
            method="GET",
            path=path,
            access="open",
            handler=sessions.get_session,
            summary="Whose key or session this is",
            description=(
                "Its id, name, scopes, user and workspace. `session` is null for a request with "
                "neither, and for a session that has ended; a key that is not good is 401."
            ),
            answer=sessions.Who,
        ),
        Route(
            method="DELETE",
            path=path,
            access="open",
            handler=sessions.end_session,
            summary="Sign out",
            description="Has the browser forget the session.",
            answer=sessions.SessionEnded,
        ),
    ]


def live_routes() -> list[Route]:
    """What happens now."""
    return [
        Route(
            method="GET",
            path="/v1/live",
            access="workspace:admin",
            handler=live.live,
            summary="Hear of changes as they happen",
            description=(
                "With `Accept: text/event-stream` a stream: an event `tick` every second, and "
                '`changed` with `{"kind", "id", "seq"}` when there is something to ask for '
                "again. It ends after 25 seconds; `Last-Event-ID` resumes it without a gap. "
                "Without that header one tick, as JSON."
            ),
            answer=live.Tick,
            streams=True,
        )
    ]


def watch_routes() -> list[Route]:
    """What administrators keep an eye on."""
    return [
        Route(
            method="GET",
            path="/v1/usage/budgets",
            access="workspace:admin",
            handler=budgets.list_budgets,
            summary="All budgets that have a limit",
            description="This month's, the fullest first.",
            answer=budgets.BudgetList,
        ),
        Route(
            method="GET",
            path="/v1/usage/projection",
            access="workspace:admin",
            handler=budgets.usage_projection,
            summary="What this month's spend is heading for",
            description=(
                "Of everybody together, or of the workspace that the key administers. Four times "
                "in five the month ends between `projectedLow` "
                "and `projectedHigh`, as the last 30 days varied."
            ),
            answer=budgets.ProjectionItem,
        ),
        Route(
            method="GET",
            path="/v1/usage/latency",
            access="workspace:admin",
            handler=latency.usage_latency,
            summary="How long answers took",
            description=(
                "Percentiles of the calls that were answered, answers from the cache left out, "
                "for the whole range and for pieces of it. At most the newest 5,000 calls are "
                "looked at."
            ),
            query=latency.LatencyQuery,
            answer=latency.LatencyAnswer,
        ),
        Route(
            method="GET",
            path="/v1/process",
            access="admin",
            handler=process.get_process,
            summary="The answering process in figures",
            description=(
                "Its last quarter of an hour, how long its parts take to answer just now, and what "
                "they tell of themselves."
            ),
            answer=process.ProcessItem,
        ),
        Route(
            method="GET",
            path="/v1/providers",
            access="admin",
            handler=providers.list_providers,
            summary="The vendors and how they do",
            description="With `userId`, which of them that user has keys of their own for.",
            query=providers.ProvidersQuery,
            answer=providers.ProviderList,
        ),
    ]
