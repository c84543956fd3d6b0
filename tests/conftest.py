"""What tests in several folders share."""

from collections.abc import Iterator

import pytest

import ministack


@pytest.fixture(scope="session", autouse=True)
def _no_ministack_is_left() -> Iterator[None]:
    """End MiniStack after the last test, if one needed it."""
    yield
    ministack.stop()
