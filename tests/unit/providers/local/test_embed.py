import math
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.embed import DIMENSIONS, vector


def nearness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(vector(one), vector(other), strict=True))


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("The cat sat on the mat", "A cat was sitting on the mats", "Revenue rose by a tenth"),
        ("payment of invoices", "paying the invoice", "painting the house"),
        ("harbour flood barrier", "the barrier in the harbour", "the price of coffee"),
        ("猫が好きです", "猫が嫌いです", "株価が上がった"),
    ],
)
def test_texts_that_share_words_are_nearer(text: str, near: str, far: str) -> None:
    assert nearness(text, near) > nearness(text, far) + 0.15


def test_the_same_text_has_the_same_vector_in_every_process() -> None:
    """Python's own hash differs with each process; this one must not."""
    program = (
        "import msgspec; from headgate.providers.local.embed import vector;"
        "print(msgspec.json.encode(vector('Marrow Bay floods', 16)).decode())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    assert msgspec.json.decode(done.stdout, type=list[float]) == list(
        vector("Marrow Bay floods", 16)
    )


@given(st.text(), st.integers(1, 300))
def test_every_text_has_a_unit_vector_of_the_size_asked_for(text: str, dimensions: int) -> None:
    found = vector(text, dimensions)
    assert len(found) == dimensions
    assert math.isclose(math.hypot(*found), 1, abs_tol=1e-4)


def test_the_usual_size_is_256() -> None:
    assert len(vector("x")) == DIMENSIONS == 256
