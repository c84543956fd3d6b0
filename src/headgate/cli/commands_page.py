"""The page about the command line, written from the commands themselves."""

from collections.abc import Iterator

import click

_HEAD = """# The command line

<!-- Written from the code by `make reference`. -->

Every command and option of `headgate`. `-h` or `--help` behind any of them shows the same in the
terminal. Exit codes are 0, 1 where something failed, and 2 where the command line itself was
wrong; errors go to standard error.
"""


def reference(program: click.Group) -> str:
    """The page."""
    parts = [_HEAD]
    for context in contexts(click.Context(program, info_name="headgate")):
        parts += _section(context)
    return "\n".join(parts)


def contexts(context: click.Context) -> Iterator[click.Context]:
    """The context of a command and of those below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in sorted(context.command.commands):
            below = context.command.commands[name]
            yield from contexts(click.Context(below, parent=context, info_name=name))


def _section(context: click.Context) -> list[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## `{context.command_path}`\n", f"`{usage}`\n", f"{command.help}\n"]
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        lines.append("| option | meaning |\n|---|---|")
        lines += [_row(context, option) for option in options]
        lines.append("")
    if isinstance(command, click.Group):
        lines.append("| command | does |\n|---|---|")
        for name in sorted(command.commands):
            path = f"{context.command_path} {name}"
            link = path.replace(" ", "-")
            short = command.commands[name].get_short_help_str(limit=200)
            lines.append(f"| [`{path}`](#{link}) | {short} |")
        lines.append("")
    # A help page ends with examples; those of a group are its commands'.
    if command.epilog and not isinstance(command, click.Group):
        examples = command.epilog.partition("Example:\n")[2].splitlines()
        lines.append("```sh\n" + "\n".join(line.strip() for line in examples) + "\n```\n")
    return lines


def _row(context: click.Context, option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    notes = [option.help or ""]
    if option.required:
        notes.append("Required.")
    if option.multiple and "repeat" not in notes[0]:
        notes.append("May be repeated.")
    if option.show_default and option.default is not None and not option.is_flag:
        notes.append(f"Default: {_default(option.default)}.")
    return f"| {names}{_cell(value)} | {_cell(' '.join(notes))} |"


def _default(value: object) -> str:
    shown = value if isinstance(value, (list, tuple)) else [value]
    return ", ".join(f"`{item}`" for item in shown)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
