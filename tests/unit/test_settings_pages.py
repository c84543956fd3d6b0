from pathlib import Path

import pytest

from headgate import dotenv
from headgate.settings import VARIABLES, Settings
from headgate.settings_pages import env_example, reference

ROOT = Path(__file__).parents[2]
REMEDY = "run: python -m headgate.settings_pages"


def test_the_example_file_lists_every_setting_as_it_is() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), REMEDY


def test_the_reference_page_describes_every_setting_as_it_is() -> None:
    assert (ROOT / "docs" / "reference" / "settings.md").read_text() == reference(), REMEDY


def test_the_example_file_with_all_lines_in_force_means_the_defaults(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in env_example().splitlines()]
    names = tuple(f"{variable.name}=" for variable, _ in VARIABLES.values())
    text = "\n".join(line for line in lines if line.startswith(names))
    (tmp_path / ".env").write_text(text)
    assert len(dotenv.parse(text, source="")) == len(VARIABLES)
    from_file = Settings.load({}, tmp_path)
    (tmp_path / ".env").unlink()
    assert from_file == Settings.load({}, tmp_path)


@pytest.mark.parametrize("word", ["`[prices.NAME]`", "`min_output_tokens`", "`HEADGATE_DATA`"])
def test_the_reference_page_has_variables_sections_and_keys(word: str) -> None:
    assert word in reference()
