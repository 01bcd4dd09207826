"""`multibox bench`: how fast things are on this machine."""

import typer

from multibox.cli.bench.augment import augment
from multibox.cli.bench.detect import detect
from multibox.cli.bench.table7 import table7
from multibox.cli.bench.train import train

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command(short_help="Time detection with each installed engine.")(detect)
app.command(short_help="Time the parts of a training step.")(train)
app.command(short_help="Count the training samples that one core makes.")(augment)
app.command(short_help="Measure the paper's table of speeds.")(table7)


@app.callback()
def bench() -> None:
    """Measure how fast things are on this machine."""
