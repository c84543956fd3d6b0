"""The texts that the local model's tests read."""

from pathlib import Path

import pytest

TEXTS = Path(__file__).parents[3] / "texts"


@pytest.fixture
def article() -> str:
    """A newspaper's report of several hundred words, with a headline."""
    return (TEXTS / "harbour.txt").read_text()


@pytest.fixture
def letter() -> str:
    """A business letter, its lines wrapped, with addresses and a signature."""
    return (TEXTS / "letter.txt").read_text()
