"""The dashboard in a browser, against one real server with sample data.

The server, the browser and the session of an administrator are the same for all tests, and those of
a module share what a browser keeps. So a test may not change what others count on: it makes keys,
runs and documents of its own.
"""

import inspect
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from chromium import AXE, STATIC, Person, chromium, fresh, person
from headgate_server import COMMAND, Caller, Headgate, running

CONFIGURATION = """
[keys]
rotate_after_days = 20

[workspaces.research]
allowed_hosts = ["api.example.com", "*.example.org"]

[workspaces.support]
markup = 0.05
"""
GREETING = """+++
name = "greeting"
version = {version}
description = "A template of a company's own."
use_case = "greeting"

[inputs.name]
type = "string"
description = "Whom to greet."

[example]
name = "Ada"
+++

# system

## task

{task}

# user

## name

{{{{ name }}}}
"""


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


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the sample data, and a template of its own in two versions."""
    directory = tmp_path_factory.mktemp("samples")
    data = directory / "data"
    command = [str(COMMAND), "seed", "--data", str(data)]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    (data / "prompts").mkdir()
    for file, version, task in (
        ("greeting@1.md", 1, "Greet the person."),
        ("greeting.md", 2, "Greet the person by name."),
    ):
        (data / "prompts" / file).write_text(GREETING.format(version=version, task=task))
    return data


@pytest.fixture(scope="session")
def headgate(tmp_path_factory: pytest.TempPathFactory, sample_data: Path) -> Iterator[Headgate]:
    """The platform with the sample data."""
    directory = tmp_path_factory.mktemp("platform")
    shutil.copytree(sample_data, directory / "data")
    with running(directory, configuration=CONFIGURATION) as platform:
        yield platform


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def admin(headgate: Headgate) -> AsyncIterator[Caller]:
    async with headgate.caller() as caller:
        yield caller


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session(browser: Browser, headgate: Headgate) -> Any:
    """What a browser keeps of an administrator who signed in as people do."""
    async with person(browser, headgate.url) as found:
        await found.sign_in(headgate.admin_key)
        return await found.context.storage_state()


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(browser: Browser, headgate: Headgate) -> AsyncIterator[Person]:
    """Someone with a fresh browser who has not signed in."""
    async with person(browser, headgate.url) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(browser: Browser, session: Any) -> AsyncIterator[BrowserContext]:
    """An administrator's browser."""
    async with fresh(browser, storage_state=session) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def someone(context: BrowserContext, headgate: Headgate) -> AsyncIterator[Person]:
    """An administrator, whose tabs are closed in the end."""
    found = Person(context, headgate.url)
    yield found
    for tab in context.pages:
        await tab.close()
    found.check()


@pytest_asyncio.fixture(loop_scope="session")
async def page(someone: Person) -> Page:
    """An administrator's tab, still empty."""
    return await someone.tab()
