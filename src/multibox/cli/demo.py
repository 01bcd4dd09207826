"""`multibox demo`: the whole system on generated images."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for everything it makes.")] = Path(
        "demo"
    ),
) -> None:
    """Draw images, train a detector on them, evaluate it, and write one HTML report. Takes a few minutes."""
    from multibox.experiments.demo import run_demo

    run_demo(out)
