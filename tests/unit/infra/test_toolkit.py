import sys
from pathlib import Path

import pytest

from toolkit import ToolFailed, Toolkit, node_folder, uv


def test_a_checkout_has_node_and_uv() -> None:
    node, uv_here = node_folder(), uv()
    assert node is not None
    assert (node / "node").is_file()
    assert uv_here is not None
    assert uv_here.is_file()


def test_a_program_that_fails_is_named_with_its_exit_code() -> None:
    kit = Toolkit(Path("nowhere"), Path("uv"))
    with pytest.raises(ToolFailed, match="this ended with exit code 3"):
        kit._run("this", [sys.executable, "-c", "raise SystemExit(3)"])


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolFailed, match=r"cdk bootstrap could not be run: .*nowhere"):
        Toolkit(Path("nowhere"), Path("uv")).bootstrap("111111111111", "eu-central-1")
