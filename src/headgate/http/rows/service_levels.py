"""The route that tells how well the platform serves."""

from headgate.http import service_levels
from headgate.http.routes import Route


def service_level_routes() -> list[Route]:
    """Figures against targets."""
    return [
        Route(
            method="GET",
            path="/v1/slo",
            access="admin",
            handler=service_levels.slo,
            summary="How well the platform serves, against its targets",
            description=(
                "Latency is that of calls to vendors that were answered, rounded up to the bound"
                " of a class, of which each is 20 % above the one before. `errorRate` is the share"
                " of calls to vendors, tries included, that failed; `availability` the share of"
                " requests for models that did not end in a 5xx; `budgetAccuracy` the share of"
                " calls that took no more than was held for them. Answers from the cache and"
                " callers who left count in none. A window begins with a whole slot: of 5 minutes"
                " up to `6h`, of an hour up to `7d`, else of a day. Figures are up to ten seconds"
                " old. Targets stand under `[slo]` in `headgate.toml`."
            ),
            query=service_levels.SloQuery,
            answer=service_levels.SloAnswer,
        )
    ]
