"""A detector as a LiteRT model, a .tflite file; needs litert-torch, and for int8 and fp16 ai-edge-quantizer."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multibox.detection.export.network import Boxes, Network
from multibox.detection.export.tflite_metadata import with_metadata
from multibox.errors import UsageError
from multibox.models.ssd import SSD
from multibox.system.atomic import write_atomically
from multibox.weights.exported import INPUT, KEY, OUTPUTS_OF_END, End, Exported
from multibox.words import pip_install

Images = Sequence[UInt8[np.ndarray, "h w 3"]]


def export_litert(
    model: SSD,
    path: Path | str,
    *,
    info: dict[str, Any] | None = None,
    precision: str = "fp32",
    batch: int = 1,
    end: End = "boxes",
    images: Images = (),
) -> None:
    """Write a detector that takes uint8 RGB images (B, H, W, 3) at the input size and ends with boxes or raw outputs.

    "fp16" stores the weights in 16 bits. "int8" quantizes the convolutions with scales from `images`; boxes are decoded
    in float32, because 8 bits are too coarse for coordinates. Raises UsageError if a package is missing.
    """
    if precision == "int8" and batch != 1:
        raise UsageError(f"int8 for LiteRT is calibrated image by image: give --batch 1 instead of {batch}")
    content = _converted(_Whole(model, end=end), batch=batch, size=model.config.input_size)
    if precision != "fp32":
        from multibox.detection.export.litert_quantize import cast_weights, quantize_litert

        with quiet():
            content = quantize_litert(content, images) if precision == "int8" else cast_weights(content)
    exported = Exported.of(model, info=info or {}, precision=precision, end=end, batch=batch)
    write_atomically(Path(path), with_metadata(content, KEY, exported.to_text()))


class _Whole(nn.Module):
    """The network and what follows it; its outputs have the names of OUTPUTS_OF_END."""

    def __init__(self, model: SSD, *, end: End) -> None:
        super().__init__()
        self.end = end
        self.network = Network(model)
        self.rest = Boxes(model).cpu() if end == "boxes" else None

    def forward(self, images: UInt8[Tensor, "b h w 3"]) -> dict[str, Float[Tensor, "b p _"]]:
        outputs = self.network(images)
        if self.rest is not None:
            outputs = self.rest(*outputs)
        return dict(zip(OUTPUTS_OF_END[self.end], outputs, strict=True))


def _converted(module: nn.Module, *, batch: int, size: tuple[int, int]) -> bytes:
    with quiet(), TemporaryDirectory() as folder:
        converter = _import_converter()
        images = torch.zeros(batch, *size, 3, dtype=torch.uint8)
        file = Path(folder) / "model.tflite"
        converter.convert(module.eval(), sample_kwargs={INPUT: images}).export(str(file))
        return file.read_bytes()


def _import_converter() -> Any:
    try:
        import litert_torch
    except ImportError:
        raise UsageError(
            "export to LiteRT needs the package litert-torch, about 1 GB with what it requires: "
            + pip_install("litert-torch", "ai-edge-quantizer", "ai-edge-litert")
        ) from None
    return litert_torch


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what the converter and the quantizer log and print about their progress."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
