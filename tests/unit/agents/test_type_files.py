"""Types of runs that are declared in files."""

from pathlib import Path

import pytest

from agent_desk import agent_desk
from headgate.agents.type_files import read_types
from headgate.core.errors import InvalidRequest

ALONE = """
name = "poet"
summary = "Writes verse."
instructions = "Everything rhymes."
"""
TEAM = """
name = "desk"
pattern = "pipeline"
[[agents]]
name = "first"
instructions = "Begin."
[[agents]]
name = "second"
"""


def declare(directory: Path, text: str) -> Path:
    (directory / "type.toml").write_text(text)
    return directory


async def test_an_agent_keeps_to_its_instructions(tmp_path: Path) -> None:
    (kind,) = read_types(declare(tmp_path, ALONE))
    assert (kind.name, kind.summary) == ("poet", "Writes verse.")
    async with agent_desk(lambda _: "O rose", types=[kind]) as desk:
        run = await desk.finish("Roses", type="poet")
    assert run.output == {"text": "O rose "}
    assert "Everything rhymes." in desk.models.requests[0].messages[0].text


async def test_a_team_works_as_its_pattern_says(tmp_path: Path) -> None:
    (kind,) = read_types(declare(tmp_path, TEAM))
    async with agent_desk(lambda _: "made", types=[kind]) as desk:
        run = await desk.finish({"task": "Go"}, type="desk")
        with pytest.raises(InvalidRequest):
            await desk.start("", type="desk")
    assert [part["agent"] for part in run.output["parts"]] == ["first", "second"]


def test_without_files_there_are_none(tmp_path: Path) -> None:
    assert read_types(tmp_path / "agents") == []


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "summary = 'x'",
        "name = 'Big Name'",
        "name = 'x'\ncolour = 'red'",
        "name = 'x'\npattern = 'route'",
        "name = 'x'\npattern = 'swarm'",
        "name = 'x'\n[[agents]]\nname = 'a'",
        "name = 'x'\npattern = 'route'\n[[agents]]\nname = 'a'\n[[agents]]\nname = 'a'",
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"type\.toml|agents"):
        read_types(declare(tmp_path, text))
