"""The files of the npm package onnxruntime-web that a web page loads from its folder ort/."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from multibox.errors import InputError, UsageError

RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def runtime_files(source: Path | str, *, format: str = "web") -> list[Path]:
    """The files of RUNTIME in the npm package or its folder dist.

    Raises InputError for the first that is missing, UsageError for a format that needs none.
    """
    if format != "web":
        raise UsageError(f"--runtime with --format {format}: only --format web needs it")
    package = Path(source)
    dist = package / "dist" if (package / "dist").is_dir() else package
    for name in RUNTIME:
        if not (dist / name).is_file():
            raise InputError(
                f"--runtime {package} has no {name}: run `npm install onnxruntime-web`, and give "
                "node_modules/onnxruntime-web"
            )
    return [dist / name for name in RUNTIME]


def copy_runtime(files: Sequence[Path], site: Path) -> None:
    """Copy these files to the folder ort/ of the page."""
    for file in files:
        shutil.copyfile(file, site / "ort" / file.name)
