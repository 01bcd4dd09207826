"""The command `multibox`. Commands import large packages only when they run, so that --help is fast."""

import sys
from collections.abc import Sequence
from time import sleep
from typing import Annotated

import typer

from multibox._version import __version__
from multibox.cli import data as data_command
from multibox.cli import weights as weights_command
from multibox.cli.analyze import analyze
from multibox.cli.batch import batch
from multibox.cli.bench.app import app as bench_app
from multibox.cli.console import complain, download_bar, say
from multibox.cli.demo import demo
from multibox.cli.detect.command import detect
from multibox.cli.evaluate import evaluate
from multibox.cli.explain import explain
from multibox.cli.export import export
from multibox.cli.priors import show as priors_command
from multibox.cli.reproduce import reproduce
from multibox.cli.serve import serve
from multibox.cli.streams import discard_unwritable_output, safe_streams
from multibox.cli.train import train
from multibox.errors import MultiboxError, StoppedError
from multibox.system.launcher import place
from multibox.system.process import sleep_when_idle
from multibox.weights.download_report import report_downloads

_PARSE_ERROR = typer.BadParameter.__mro__[2]  # the base class of parser errors, which typer does not export
_INTERRUPTED = 130
_SECONDS_FOR_FIRST = 2.0

app = typer.Typer(name="multibox", no_args_is_help=True, rich_markup_mode=None, add_completion=False)
app.command(short_help="Try everything on generated images.")(demo)
app.command()(train)
app.command(short_help="Measure the average precision of a detector.")(evaluate)
app.command(short_help="Show what a detector gets wrong, and what it costs.")(analyze)
app.command(short_help="Find objects in images and videos.")(detect)
app.command(short_help="Show why a detector finds what it finds in an image.")(explain)
app.command(short_help="Detect objects in millions of images.")(batch)
app.command(short_help="Serve detectors over HTTP, with a page in the browser.")(serve)
app.command(short_help="Write a detector for other engines and devices.")(export)
app.command(short_help="Reproduce a table or figure of the paper.")(reproduce)
app.add_typer(bench_app, name="bench")
app.add_typer(data_command.app, name="data")
app.add_typer(priors_command.app, name="priors", short_help="Show, measure and fit priors.")
app.add_typer(weights_command.app, name="weights")


def _print_version(asked: bool) -> bool:
    if asked:
        print(f"multibox {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def multibox(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """SSD, the Single Shot MultiBox Detector: check data, train, evaluate, detect."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted.

    Errors that users can cause and fix are printed as one line on standard error. Other exceptions are bugs in the
    package and keep their traceback.
    """
    sleep_when_idle()
    given = sys.argv[1:] if arguments is None else list(arguments)
    with safe_streams():
        try:
            code = _run(given)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader of the output has enough, for example `head`
            discard_unwritable_output()
            return 1
        except OSError as error:
            complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
            discard_unwritable_output()
            return 1
        return code


def _run(given: list[str]) -> int:
    """Run a command; return its exit code, also for errors that users can cause."""
    command = typer.main.get_command(app)
    try:
        with report_downloads(download_bar, on_message=say):
            code = command.main(args=given, prog_name="multibox", standalone_mode=False) or 0
    except MultiboxError as error:
        _say_once(error)
        return error.exit_code
    except MemoryError:
        complain("not enough memory; use a smaller --batch, fewer --workers or smaller images")
        return 1
    except (KeyboardInterrupt, typer.Abort):  # newer versions of typer return 130 instead
        code = _INTERRUPTED
    except Exception as error:
        if not isinstance(error, _PARSE_ERROR):
            raise
        if not place().first:
            return 2
        return _wrong_use(error)
    if code == _INTERRUPTED and place().first:
        complain("interrupted")
    return code


def _say_once(error: MultiboxError) -> None:
    """Print an error. Rank 0 reports immediately and its launcher ends the others: a common error is printed once."""
    if place().first:
        complain(error)
        return
    if isinstance(error, StoppedError):
        return
    sleep(_SECONDS_FOR_FIRST)
    complain(f"process {place().rank} of {place().count}: {error}")


def _wrong_use(error: Exception) -> int:
    """Print what the parser did not understand, and the command that shows help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        say(str(error))
        return 2
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".").replace("Value error, ", "")  # type: ignore[attr-defined]
    complain(f"{' '.join(message.split())}; see '{context.command_path if context else 'multibox'} --help'")
    return 2
