"""The command as a whole: help, version, and errors of every kind."""

import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from multibox import __version__, cli
from multibox.__main__ import _PACKAGES, main
from multibox.errors import DataError, InputError, MultiboxError, UsageError, WeightsError


def test_version(multibox):
    """--version against the package's version."""
    assert multibox("--version").out == f"multibox {__version__}\n"


@pytest.mark.parametrize(
    "words", [[], ["demo"], ["train"], ["evaluate"], ["detect"], ["data"], ["priors"], ["priors", "show"], ["weights"]]
)
def test_help_of_every_command(multibox, words: list[str]):
    """--help against exit code 0, a usage line and nothing on standard error."""
    outcome = multibox(*words, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(" ".join(["Usage: multibox", *words]))


@pytest.mark.parametrize("words", [[], ["data"], ["priors"], ["weights"]])
def test_no_command_shows_the_help_as_wrong_use(multibox, words: list[str]):
    """No arguments, and a group alone, against exit code 2 and the help on standard error."""
    outcome = multibox(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Commands:" in outcome.err


def test_a_wrong_choice_is_named_with_the_choices(multibox):
    """A value that is not one of the choices against the whole line, without words of the parser."""
    outcome = multibox("data", "convert", "data", "--to", "coco", "--out", "out", "--files", "lnk")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "multibox: Invalid value for '--files': 'lnk' is not one of 'copy', 'link', 'none'; "
        "see 'multibox data convert --help'\n"
    )


@pytest.mark.parametrize("group", ["", "bench", "data", "priors", "weights"])
def test_the_list_of_commands_has_whole_sentences(multibox, group: str):
    """The short descriptions in the help against the sign of a shortened one."""
    assert "..." not in multibox(*group.split(), "--help").out.split("Commands:")[1]


@pytest.mark.parametrize("command", ["evaluate", "analyze"])
def test_an_optional_argument_has_one_pair_of_brackets(multibox, command: str):
    """The line of usage against the name of the argument in brackets."""
    assert f"multibox {command} [OPTIONS] [WEIGHTS]\n" in multibox(command, "--help").out


def test_an_unknown_command_is_wrong_use(multibox):
    """A command that does not exist against one line with its name."""
    outcome = multibox("detekt")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("multibox: ")
    assert "'detekt'" in outcome.err
    assert "multibox --help" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("a\nb"), 2, "multibox: a\\u000ab\n"),
        (InputError("x"), 1, "multibox: x\n"),
        (DataError("x"), 1, "multibox: x\n"),
        (WeightsError("x"), 1, "multibox: x\n"),
        (MultiboxError("x"), 1, "multibox: x\n"),
        (KeyboardInterrupt(), 130, "multibox: interrupted\n"),
        (PermissionError(13, "Permission denied", "/root/x"), 1, "multibox: /root/x: Permission denied\n"),
        (OSError(28, "No space left on device"), 1, "multibox: No space left on device\n"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    multibox, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
):
    """Each kind of error raised inside a command against its exit code and its line."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.priors_command, "choose_priors", fail)
    outcome = multibox("priors", "show")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.lstrip("\n") == line


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    """A ValueError inside a command against the same exception from main."""

    def fail(**_: object) -> None:
        raise ValueError("wrong")

    monkeypatch.setattr(cli.priors_command, "choose_priors", fail)
    with pytest.raises(ValueError, match="wrong"):
        cli.main(["priors", "show"])


def test_help_needs_no_heavy_module():
    """The modules that --help imports against the large packages, and its processor time against 1/3 second."""
    heavy = "torch", "cv2", "numpy", "pydantic", "jaxtyping", "rich"
    code = (
        f"import sys; from multibox.cli import main; main(['--help']); sys.exit(len({set(heavy)} & set(sys.modules)))"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1 / 3


def test_the_last_search_for_cycles_leaves_out_what_was_imported():
    """The state of the garbage collector after a command, as its process ends: on, with frozen objects."""
    code = (
        "import gc, sys; from multibox.__main__ import main; sys.argv = ['multibox', '--version']; "
        "sys.exit(main() or not (gc.isenabled() and gc.get_freeze_count() > 10_000))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("module", "package"), [("typer", "typer"), ("yaml", "PyYAML"), ("cv2", "opencv-python-headless")]
)
def test_a_missing_package_is_one_line(tmp_path: Path, module: str, package: str):
    """A command in an interpreter without one of the required packages, against the line that names it."""
    words = ["data", "check", str(tmp_path)]
    code = f"import sys; sys.modules[{module!r}] = None; from multibox.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], check=False, capture_output=True, text=True, timeout=60)
    advice = f"which is not installed: pip install {package}"
    assert done.stderr == f"multibox: this command needs the package {package}, {advice}\n"
    assert done.returncode == 2


def test_every_required_package_has_its_line():
    """The packages that the command can name against those of pyproject.toml; the command of the latter."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert {line.split(">=")[0] for line in project["dependencies"]} == set(_PACKAGES.values())
    assert project["scripts"] == {"multibox": f"{main.__module__}:{main.__name__}"}
