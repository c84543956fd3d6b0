"""The platform as a Lambda function, which `python -m headgate.bootstrap` runs.

A function answers one event at a time and stands still between two. So after each it records what
was spent and gives back what it leased, and before each it looks, every few minutes, whether a
secret has changed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from headgate.aws.alarms import texts
from headgate.aws.answering import WARM, Answering, App
from headgate.aws.runtime import Invocation, RuntimeApi, RuntimeBroke
from headgate.aws.socket_events import is_socket
from headgate.bootstrap.function_sockets import FunctionSockets, open_sockets
from headgate.bootstrap.lifespan import running
from headgate.bootstrap.parameters import parameters
from headgate.bootstrap.services import open_services
from headgate.bootstrap.stores import open_stores
from headgate.bootstrap.telemetry import Telemetry, start_logging, telemetry_of
from headgate.core.alerts import Undelivered
from headgate.core.errors import HeadgateError
from headgate.http.app import CLOSING, ENDS_AT, Application
from headgate.http.cors import with_cors
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.table import routes
from headgate.identity.keys import Keys
from headgate.notify.slack import SlackNotifier, text_to_wire
from headgate.settings import Settings, SettingsError
from headgate.transport.http import HttpClient

NOTIFIER = "notifier"
TOOL = "tool-"
RENEW_SECONDS = 300.0
SLACK = "slack-webhook-url"

_LOG = logging.getLogger("headgate")


@dataclass(slots=True)
class _Opened:
    """The platform with the secrets that hold now."""

    app: App
    services: Services
    sockets: FunctionSockets
    secrets: Mapping[str, str]
    telemetry: Telemetry


@dataclass(slots=True)
class PlatformFunction:
    """Answers events by the platform, which is opened anew where a secret has changed.

    Attributes:
        settings: as they are without the secrets.
        load: the settings with these secrets.
    """

    settings: Settings
    runtime: RuntimeApi
    load: Callable[[Mapping[str, str]], Settings]
    clock: Callable[[], float] = time.monotonic
    _opened: _Opened | None = None
    _looked_at: float = 0.0
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> None:
        """Open the platform.

        Raises:
            HeadgateError, SettingsError: it cannot be opened.
        """
        await self._open(await parameters(self.settings))

    async def answer(self, invocation: Invocation) -> None:
        """Answer one event, and leave nothing behind that could expire."""
        if self.clock() - self._looked_at > RENEW_SECONDS:
            await self._renew()
        if self._opened is None:
            raise RuntimeError("the function was not started")
        part = self.settings.lambda_part or ""
        tool = part.removeprefix(TOOL).replace("-", "_") if part.startswith(TOOL) else None
        opened = self._opened
        if tool is None and isinstance(invocation.event, dict) and is_socket(invocation.event):
            await opened.sockets.answer(invocation)
        else:
            answering = Answering(self.runtime, opened.app, CLOSING, ENDS_AT, tool)
            await answering.answer(invocation)
        # Nobody can come back to an answer while the process stands still.
        await opened.services.kept_streams.aclose()
        try:
            await opened.services.gateway.ledger.rest()
        except HeadgateError as error:
            _LOG.warning("what was leased could not be given back: %s", error)
        await self._opened.telemetry.rest()

    async def aclose(self) -> None:
        """Close the platform."""
        await self._stack.aclose()

    async def _renew(self) -> None:
        self._looked_at = self.clock()
        try:
            secrets = await parameters(self.settings)
            if self._opened is None or secrets != self._opened.secrets:
                await self._open(secrets)
        except (HeadgateError, SettingsError) as error:
            _LOG.warning("the secrets are used as they were: %s", error)

    async def _open(self, secrets: Mapping[str, str]) -> None:
        """Open the platform with these secrets, and only then close the one that was open."""
        settings = self.load(secrets)
        async with contextlib.AsyncExitStack() as stack:
            telemetry = telemetry_of(settings)
            services = await stack.enter_async_context(_services(settings, telemetry))
            table = RouteTable(routes())
            application = Application(table, lambda: contextlib.nullcontext(services))
            watched = telemetry.around(application, table)
            app = with_cors(watched, settings.configuration.http.cors_origins)
            await stack.enter_async_context(running(app))
            sockets = await stack.enter_async_context(
                open_sockets(settings, self.runtime, table, services)
            )
            old, self._stack = self._stack, stack.pop_all()
        self._opened = _Opened(app, services, sockets, secrets, telemetry)
        self._looked_at = self.clock()
        await old.aclose()


@contextlib.asynccontextmanager
async def _services(settings: Settings, telemetry: Telemetry) -> AsyncIterator[Services]:
    if settings.admin_key is not None:
        async with open_stores(settings) as stores:
            await Keys(stores.keys).ensure_admin(settings.admin_key.reveal())
    async with open_services(settings, {}, telemetry) as services:
        yield services


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells Slack of alarms, where a webhook is set."""

    settings: Settings
    runtime: RuntimeApi

    async def answer(self, invocation: Invocation) -> None:
        """Tell of what one event says; what Slack does not take, Lambda tries again."""
        event = invocation.event
        if event.get("warmup") is True:
            await self.runtime.answer(invocation, WARM)
            return
        url = (await parameters(self.settings, [SLACK])).get("SLACK_WEBHOOK_URL")
        http = HttpClient(idle_seconds=10)
        try:
            if url is not None:
                for text in texts(event):
                    await SlackNotifier(http, url).post(text_to_wire(text))
        except Undelivered as error:
            await self.runtime.fail(invocation, "Undelivered", str(error))
            return
        finally:
            await http.aclose()
        await self.runtime.answer(invocation, {"told": url is not None})


async def serve(runtime: RuntimeApi, answer: Callable[[Invocation], Awaitable[None]]) -> None:
    """Answer events until the Runtime API goes away."""
    while True:
        try:
            invocation = await runtime.next()
        except RuntimeBroke as error:
            _LOG.info("no more events: %s", error)
            return
        await answer(invocation)


async def run(settings: Settings) -> int:
    """Be the function that these settings say, to the end of the process.

    Raises:
        SettingsError: this is no function.
    """
    if settings.lambda_runtime_api is None:
        raise SettingsError("AWS_LAMBDA_RUNTIME_API is not set: this is no Lambda function")
    runtime = RuntimeApi(settings.lambda_runtime_api)
    if settings.lambda_part == NOTIFIER:
        await serve(runtime, Notifier(settings, runtime).answer)
        return 0
    function = PlatformFunction(
        settings, runtime, lambda secrets: Settings.load(parameters=lambda _: secrets)
    )
    try:
        await function.start()
    except (HeadgateError, SettingsError) as error:
        await runtime.fail_start(type(error).__name__, str(error))
        return 1
    try:
        await serve(runtime, function.answer)
    finally:
        await function.aclose()
    return 0


def main() -> int:
    """Run until Lambda ends the process."""
    # Before the secrets are there, production's demands cannot be met; they are made then.
    settings = Settings.load(overrides={"PLATFORM_ENVIRONMENT": "development"})
    start_logging(settings)
    return asyncio.run(run(settings))
