from pathlib import Path

import pytest

from headgate import dotenv
from headgate.settings import VARIABLES, Settings
from headgate.settings_pages import env_example, reference


def test_both_pages_name_every_variable() -> None:
    names = [variable.name for variable, _ in VARIABLES.values()]
    assert all(f"# {name}=" in env_example() for name in names)
    assert all(f"| `{name}` |" in reference() for name in names)


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
