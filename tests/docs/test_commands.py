"""Every command of the documentation against the command line, and most of them against small files of their kind."""

from functools import cache
from pathlib import Path

import pytest

from docs.commands import LOGS, Command, commands, pages, parsed
from docs.world import World, shape_of, why_not_run

COMMANDS = [command for page in pages() for command in commands(page)]
RUN = [*{shape_of(command): command for command in COMMANDS if command.page not in LOGS}.values()]


@cache
def name_of(command: Command) -> str:
    return parsed(command.words)[0]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_commands_have_the_options_that_the_docs_use(command: Command) -> None:
    """Names, options and values against the parser of the program."""
    assert parsed(command.words)


def test_most_commands_run() -> None:
    """The share of commands below that runs, so that a change of the reader or of the exceptions is noticed."""
    run = [command for command in RUN if why_not_run(command, name_of(command)) is None]
    assert len(COMMANDS) > 80
    assert len(run) > 0.4 * len(RUN)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("command", RUN, ids=str)
def test_commands_run(
    command: Command, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 on stand-ins for the files of the page, with recipes that train in seconds."""
    name, given = parsed(command.words)
    if (reason := why_not_run(command, name)) is not None:
        pytest.skip(reason)
    monkeypatch.chdir(world.folder)
    world.prepare(name, given)
    code = world.run(command, name)
    assert code == 0, f"{command.text}\n{capsys.readouterr().err}"


def test_the_reader_finds_commands(tmp_path: Path) -> None:
    """Fences, indentation, prompts, comments and continued lines, against the words beside them."""
    page = tmp_path / "page.md"
    page.write_text(
        "multibox in text\n\n    $ multibox detect a.jpg  # one\n\n```\npython -m multibox data check X\n"
        "multibox export w \\\n    --format onnx\n$ pip install x\n```\n    multibox --version\n"
    )
    found = [(command.line, command.words) for command in commands(page)]
    assert found == [
        (3, ("detect", "a.jpg")),
        (6, ("data", "check", "X")),
        (7, ("export", "w", "--format", "onnx")),
        (11, ("--version",)),
    ]
