"""Where templates are looked for, and how they are checked."""

from pathlib import Path

import pytest

from headgate.bootstrap.prompts import check_prompts, open_prompts, review_prompts
from headgate.prompts.template import BadTemplate
from headgate.settings import Settings
from prompt_templates import directory_of, greeting


def settings(tmp_path: Path, configuration: str = "") -> Settings:
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    (data / "headgate.toml").write_text(configuration)
    return Settings.load({"HEADGATE_DATA": str(data)}, cwd=tmp_path)


def test_a_companys_templates_are_in_the_data_directory(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert "greet" not in open_prompts(found).shelves
    directory_of(found.data / "prompts", greet=greeting())
    assert open_prompts(found).shelf("greet").origin == "own"


def test_they_may_be_elsewhere_as_seen_from_the_configuration(tmp_path: Path) -> None:
    found = settings(tmp_path, '[prompts]\ndirectory = "../ours"\n')
    with pytest.raises(BadTemplate, match="there is no such directory"):
        open_prompts(found)
    directory_of(tmp_path / "ours", greet=greeting())
    assert open_prompts(found).shelf("greet").origin == "own"


async def test_the_doctor_names_a_template_that_cannot_be_used(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (await check_prompts(found)).message == "15 templates, 0 of them your own"
    directory_of(found.data / "prompts", greet=greeting().replace("{{ who }}", "{{ whom }}"))
    finding = await check_prompts(found)
    assert (finding.status, "greet.md:36: block `person`" in finding.message) == ("fail", True)


def test_new_versions_must_be_recorded_where_there_is_a_record(tmp_path: Path) -> None:
    found = settings(tmp_path)
    own = directory_of(found.data / "prompts", greet=greeting())
    (_, first) = review_prompts(found, None, write=False)
    assert (first.directory, first.problems, first.is_recorded) == (str(own), (), False)
    (written,) = review_prompts(found, own, write=True)
    assert (written.problems, written.is_recorded) == ((), True)
    directory_of(own, greet=greeting(2))
    (unrecorded,) = review_prompts(found, own, write=False)
    assert unrecorded.problems == ("greet 2 is not recorded yet: `headgate prompts check --write`",)
    (recorded,) = review_prompts(found, own, write=True)
    assert recorded.problems == ()


def test_a_changed_template_is_not_recorded_anew(tmp_path: Path) -> None:
    found = settings(tmp_path)
    own = directory_of(found.data / "prompts", greet=greeting())
    review_prompts(found, own, write=True)
    directory_of(own, greet=greeting(1, " warmly"))
    for write in (True, False):
        (changed,) = review_prompts(found, own, write=write)
        assert "`block role` changed" in changed.problems[0]


def test_a_template_that_cannot_stand_in_for_the_platforms_is_told(tmp_path: Path) -> None:
    found = settings(tmp_path)
    other = greeting().replace('"greet"', '"translate"')
    directory_of(found.data / "prompts", translate=other)
    with pytest.raises(BadTemplate, match="which takes `text`"):
        review_prompts(found, None, write=False)
