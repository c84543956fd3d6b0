"""The part of `bootstrap` that joins how well the platform serves with what counts it."""

import contextlib
import functools
from collections.abc import AsyncIterator

from headgate.bootstrap.alerts import channels
from headgate.bootstrap.telemetry import Telemetry
from headgate.configuration import Configuration
from headgate.core.episodes import EpisodeStore
from headgate.core.service_levels import ServiceStore
from headgate.http.table import routes
from headgate.settings import Settings
from headgate.transport.http import HttpClient
from headgate.usage.error_alerts import ErrorAlerts, ErrorRule
from headgate.usage.service_levels import ServiceLevels, ServiceTally, Targets


@contextlib.asynccontextmanager
async def open_tally(store: ServiceStore, telemetry: Telemetry) -> AsyncIterator[None]:
    """Add what this process counts of calls and requests to the store."""
    metered = frozenset(row.path for row in routes() if row.metered)
    requests = functools.partial(telemetry.requests.untold, metered)
    tally = ServiceTally(store, (telemetry.calls.untold, requests))
    telemetry.before_rest(tally.add_if_due)
    async with tally.running():
        yield


@contextlib.asynccontextmanager
async def open_error_alerts(
    settings: Settings, client: HttpClient, service: ServiceStore, episodes: EpisodeStore
) -> AsyncIterator[None]:
    """Tell people of errors in the background, where that is wanted and there is a background."""
    wanted = settings.configuration.alerts
    found = channels(settings, client).notifiers if wanted.error_rate else {}
    # A function stands still between two events; its alarms are the cloud's.
    if not found or settings.lambda_part is not None:
        yield
        return
    rule = ErrorRule(wanted.error_rate, wanted.window_minutes * 60, wanted.min_requests)
    async with ErrorAlerts(service, episodes, found, rule).running():
        yield


def service_levels_of(configuration: Configuration, store: ServiceStore) -> ServiceLevels:
    """How well the platform serves, against the configured targets."""
    slo = configuration.slo
    targets = Targets(
        slo.p95_ms,
        slo.p99_ms,
        slo.first_token_p95_ms,
        slo.error_rate,
        slo.availability,
        slo.budget_accuracy,
    )
    return ServiceLevels(store, targets)
