from pathlib import Path

import pytest

from headgate.bootstrap.kept_streams import DIRECTORY, open_kept_streams
from headgate.settings import Settings


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_process_with_neighbours_listens_to_them(tmp_path: Path, is_alone: bool) -> None:
    settings = Settings.load({"HEADGATE_DATA": str(tmp_path)}, tmp_path)
    async with open_kept_streams(settings, is_alone=is_alone):
        assert len(list((tmp_path / DIRECTORY).glob("*.sock"))) == (0 if is_alone else 1)
    assert not list((tmp_path / DIRECTORY).glob("*.sock"))
