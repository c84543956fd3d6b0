"""The part of `bootstrap` that reads secrets from AWS's Parameter Store."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from headgate.aws.parameters import ParameterStore
from headgate.aws.secret_names import VARIABLES
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.core.errors import Overloaded
from headgate.settings import Settings
from headgate.transport.http import HttpClient

NAMES = tuple(VARIABLES)


def read_parameters(settings: Settings) -> Mapping[str, str]:
    """The variables that the Parameter Store has; may be called where an event loop runs.

    Raises:
        Overloaded: the store does not answer, or refuses.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(parameters(settings))).result()


async def parameters(settings: Settings, names: Sequence[str] = NAMES) -> Mapping[str, str]:
    """The variables that the parameters of these names set.

    Raises:
        Overloaded: the store does not answer, or refuses; or no region is set.
    """
    path, region = settings.parameters, settings.aws_region
    if path is None:
        return {}
    if region is None:
        raise Overloaded("HEADGATE_PARAMETERS names a path of AWS, so set AWS_REGION")
    http = HttpClient(connect_seconds=5, idle_seconds=10)
    try:
        store = ParameterStore(
            http,
            settings.ssm_endpoint or f"https://ssm.{region}.amazonaws.com",
            region,
            aws_credentials(settings, http),
        )
        found = await store.get(path, names)
    finally:
        await http.aclose()
    return {VARIABLES[name]: value for name, value in found.items()}
