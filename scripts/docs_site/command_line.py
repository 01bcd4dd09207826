"""The reference pages of the command line, made from the program's own help."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from multibox.cli import app
from scripts.docs_site.markdown import escaped, first_sentence, paragraphs, table

_INDEX = """# Command line

Every command takes `--help`. Results go to standard output and messages to standard error. Commands with `--json` print
JSON for machines instead. The exit code is 0 on success, 1 on failure, 2 for wrong use, and 130
after an interruption.

"""


def command_pages() -> dict[str, str]:
    """The Markdown of each page by its file name: an index, and one page for each command or group of commands."""
    program = typer.main.get_command(app)
    context = typer.Context(program, info_name="multibox")
    commands: dict[str, Any] = program.commands  # type: ignore[attr-defined]
    rows = [(f"[`multibox {name}`]({name}.md)", escaped(_summary(command))) for name, command in commands.items()]
    pages = {"command-line/index.md": _INDEX + table(("command", "purpose"), rows) + "\n"}
    for name, command in commands.items():
        sections = _sections(command, typer.Context(command, info_name=name, parent=context), level=1)
        pages[f"command-line/{name}.md"] = "\n\n".join(sections) + "\n"
    return pages


def _sections(command: Any, context: typer.Context, *, level: int) -> Iterator[str]:
    """The parts of one command's page, then those of its subcommands."""
    yield f"{'#' * level} multibox {context.command_path.removeprefix('multibox ')}"
    yield paragraphs(inspect.cleandoc(command.help or ""))
    below: dict[str, Any] = getattr(command, "commands", {})
    if not below:
        yield f"```\n{_usage(command, context)}\n```"
        yield _parameters(command, context)
    for name, subcommand in below.items():
        yield from _sections(subcommand, typer.Context(subcommand, info_name=name, parent=context), level=level + 1)


def _usage(command: Any, context: typer.Context) -> str:
    words = [_argument_name(p) for p in command.get_params(context) if p.param_type_name == "argument"]
    return " ".join([context.command_path, *words, "[OPTIONS]"])


def _argument_name(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _parameters(command: Any, context: typer.Context) -> str:
    """A table of arguments and options, with the wording of `--help`."""
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        argument = parameter.param_type_name == "argument"
        name = _argument_name(parameter) if argument else record[0]
        rows.append((f"`{name}`", escaped(record[1])))
    return table(("argument or option", "meaning"), rows)


def _summary(command: Any) -> str:
    return command.short_help or first_sentence(command.help or "")
