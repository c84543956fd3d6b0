"""The dashboard in a browser, against the real server with sample data."""

import inspect
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from chromium import AXE, STATIC, Person, chromium, person
from headgate_server import COMMAND, Caller, Headgate, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all: the browser outlives a test, and belongs to the loop it began in."""
    for item in items:
        is_async = isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function)
        if is_async and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session", autouse=True)
def _dashboard_is_built() -> None:
    if not STATIC.exists() or not AXE.exists():
        pytest.fail("the dashboard is not built here: run `make setup`, which says why")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """The platform's environment, besides what any process has."""
    return {}


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the sample data, to be copied."""
    directory = tmp_path_factory.mktemp("samples")
    command = [str(COMMAND), "seed", "--data", str(directory / "data")]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory / "data"


@pytest.fixture(scope="module")
def headgate(
    tmp_path_factory: pytest.TempPathFactory, environment: Mapping[str, str], sample_data: Path
) -> Iterator[Headgate]:
    """The platform with the sample data."""
    directory = tmp_path_factory.mktemp("platform")
    shutil.copytree(sample_data, directory / "data")
    with running(directory, environment=environment) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="session")
async def admin(headgate: Headgate) -> AsyncIterator[Caller]:
    async with headgate.caller() as caller:
        yield caller


@pytest_asyncio.fixture(loop_scope="session")
async def someone(browser: Browser, headgate: Headgate) -> AsyncIterator[Person]:
    """Someone with a fresh browser."""
    async with person(browser, headgate.url) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def page(someone: Person, headgate: Headgate) -> Page:
    """A tab that is signed in, at the overview."""
    return await someone.sign_in(headgate.admin_key)
