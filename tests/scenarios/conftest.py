"""The platform and the simulator, one of each per module; a module overrides how they start."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from headgate_server import Caller, Headgate, Simulator, running, simulating


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulating(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def configuration() -> str:
    """The text of `headgate.toml`."""
    return ""


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """The platform's environment, besides what any process has."""
    return {}


@pytest.fixture(scope="module")
def workers() -> int:
    return 1


@pytest.fixture(scope="module")
def headgate(
    tmp_path_factory: pytest.TempPathFactory,
    configuration: str,
    environment: Mapping[str, str],
    workers: int,
) -> Iterator[Headgate]:
    directory = tmp_path_factory.mktemp("platform")
    with running(
        directory, configuration=configuration, environment=environment, workers=workers
    ) as platform:
        yield platform


@pytest.fixture
async def admin(headgate: Headgate) -> AsyncIterator[Caller]:
    async with headgate.caller() as caller:
        yield caller
