"""The page of commands has every command and every option."""

import click

from headgate.cli.commands_page import contexts, reference
from headgate.cli.main import headgate


def sections(page: str) -> dict[str, str]:
    """By the command that a section is about."""
    found = {}
    for part in page.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        found[title.strip("`")] = text
    return found


def test_every_command_and_option_is_on_the_page() -> None:
    found = sections(reference(headgate))
    there = list(contexts(click.Context(headgate, info_name="headgate")))
    assert found.keys() == {context.command_path for context in there}
    for context in there:
        text = found[context.command_path]
        for parameter in context.command.params:
            shown = parameter.make_metavar(context)
            names = parameter.opts if isinstance(parameter, click.Option) else [shown]
            assert all(name in text for name in names), (context.command_path, names)


@click.group(help="Does things.")
def things() -> None: ...


@things.command(epilog="\b\nExample:\n  things make 1 --colour red")
@click.argument("number")
@click.option("--colour", type=click.Choice(["red", "blue"]), default="red", show_default=True)
@click.option("--name", required=True, multiple=True, help="A name.")
@click.option("--fast/--slow", help="How.")
def make(number: str, colour: str, name: tuple[str, ...], fast: bool) -> None:
    """Make a thing."""


def test_a_section_says_how_a_command_is_used() -> None:
    assert (
        sections(reference(things))["headgate make"]
        == """
`headgate make [OPTIONS] NUMBER`

Make a thing.

| option | meaning |
|---|---|
| `--colour` [red\\|blue] |  Default: `red`. |
| `--name` TEXT | A name. Required. May be repeated. |
| `--fast`, `--slow` | How. |

```sh
things make 1 --colour red
```
"""
    )
