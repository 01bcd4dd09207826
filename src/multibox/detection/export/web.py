"""A detector as a web page that detects in the browser: a folder for any static host, without a server of its own."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.detection.export.beside import write_summary
from multibox.detection.export.onnx import export_onnx
from multibox.errors import UsageError
from multibox.models.ssd import SSD
from multibox.system.atomic import atomic_folder

PAGE = Path(__file__).with_name("web_page")


def export_web(
    model: SSD,
    path: Path | str,
    *,
    info: dict[str, Any] | None = None,
    precision: str = "fp32",
    batch: int = 1,
    end: str = "boxes",
    images: Sequence[UInt8[np.ndarray, "h w 3"]] = (),
) -> None:
    """Write index.html, detect.js, model.onnx and model.json, and an empty folder ort/ for the runtime.

    `path` must be absent or an empty folder; raises UsageError otherwise.
    """
    if Path(path).exists() and any(Path(path).iterdir()):
        raise UsageError(f"{path} is not empty: choose another --out for the page, or remove its files")
    with atomic_folder(Path(path)) as folder:
        for page in sorted(PAGE.iterdir()):
            shutil.copyfile(page, folder / page.name)
        export_onnx(model, folder / "model.onnx", info=info, precision=precision, batch=batch, end="boxes")
        write_summary(folder / "model.json", model, precision=precision, end=end)
        (folder / "ort").mkdir()
