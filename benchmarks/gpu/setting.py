"""The settings that all steps share: arguments, device, and sizes that are tiny in a smoke run."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.rows import Rows


@dataclass(frozen=True)
class Setting:
    """`data` is the unpacked data set; `seconds` is the time for one measurement or, in training, for one run."""

    rows: Rows
    data: Path
    scratch: Path
    device: torch.device
    seconds: float
    workers: int
    smoke: bool


def read_setting(step: str) -> Setting:
    """The setting from the command line of a step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--scratch", required=True, type=Path)
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", required=True, type=float)
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    if given.smoke:
        torch.set_num_threads(1)
    return Setting(
        Rows(given.rows, step=step),
        given.data,
        given.scratch,
        torch.device(given.device),
        given.seconds,
        given.workers,
        given.smoke,
    )
