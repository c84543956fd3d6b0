"""Templates for tests, as they are written in files."""

from pathlib import Path

GREETING = """+++
name = "greet"
version = {version}
description = "A greeting."

[inputs.who]
type = "string"
description = "Who is greeted."

[inputs.languages]
type = "strings"
required = false
description = "Languages to greet in."

[example]
who = "Ada"
languages = ["English", "Irish"]
+++

# system

## role

You greet people{mood}.

## languages

{{% for language in languages %}}
- {{{{ language }}}}
{{% endfor %}}

# user

## person

{{{{ who }}}}

## task

Greet the person.
"""


def greeting(version: int = 1, mood: str = "") -> str:
    """A template with two blocks in each message."""
    return GREETING.format(version=version, mood=mood)


def directory_of(path: Path, **files: str) -> Path:
    """A directory with these files; in their names `_at_` stands for @."""
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name.replace('_at_', '@')}.md").write_text(text)
    return path
