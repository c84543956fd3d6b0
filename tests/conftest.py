"""What tests in several folders share."""

from collections.abc import Iterator

import hypothesis
import pytest

import ministack

# How long an example takes says nothing: the first loads what is loaded when it is needed.
hypothesis.settings.register_profile(
    "headgate", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("headgate")


@pytest.fixture(scope="session", autouse=True)
def _no_ministack_is_left() -> Iterator[None]:
    """End MiniStack after the last test, if one needed it."""
    yield
    ministack.stop()
