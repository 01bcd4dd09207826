"""The network in PyTorch, on CPU or GPU."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import EngineConfig, Loaded
from multibox.errors import InputError, UsageError
from multibox.models.ssd import SSD
from multibox.nms import Selection
from multibox.postprocess import postprocess_batch
from multibox.system.precision import DTYPES

Outputs = tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]


class TorchEngine:
    """Runs an SSD on the device of its parameters, in evaluation mode and channels-last memory.

    The model is not copied: each detection puts it into evaluation mode, and a training loop calls `model.train()`
    afterwards. With `precision` "bf16" convolutions compute in bfloat16; postprocessing stays in float32. Raises
    UsageError for another precision than "fp32" and "bf16".

    Any number of threads may use it. On the CPU it works in a forked child with one thread; on a GPU it does not.
    """

    def __init__(self, model: SSD, *, precision: str = "fp32") -> None:
        self._dtype = checked_dtype(precision)
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.precision = precision

    @property
    def config(self) -> EngineConfig:
        description = f"PyTorch {torch.__version__} on {self.model.mean.device}, {self.precision}"
        on_cpu = self.model.mean.device.type == "cpu"
        config = self.model.config
        return EngineConfig(description, self.model.class_names, config, survives_fork=on_cpu, network=config.name)

    @torch.inference_mode()
    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Outputs:
        """Offsets and logits. The batch is copied to the device in its own memory order, which is channels-last.

        Raises InputError if the memory of the GPU is too small.
        """
        if self.model.training:
            self.model.eval()
        device = self.model.mean.device
        images = torch.from_numpy(batch).permute(0, 3, 1, 2).to(device)
        try:
            with self._precision(device):
                outputs = self.model(images)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
        except torch.OutOfMemoryError:
            raise InputError(f"{device} has no memory for {len(batch)} images at once: use a smaller batch") from None
        return outputs

    def postprocess(self, outputs: Outputs) -> list[ArraySelection]:
        """Detections of each image, on the CPU."""
        if outputs[0].is_cuda:
            config = self.model.config
            found = postprocess_batch(
                *outputs,
                coder=self.model.coder,
                settings=config.detection,
                clip=config.clip,
                score_function=config.score_function,
            )
        else:
            found = self.model.postprocess(*outputs)
        return [as_arrays(selection) for selection in found]

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        return nullcontext() if self._dtype == torch.float32 else torch.autocast(device.type, dtype=self._dtype)


def as_arrays(selection: Selection) -> ArraySelection:
    """The same detections as NumPy arrays."""
    return ArraySelection(*(part.cpu().numpy() for part in selection))


def checked_dtype(precision: str) -> torch.dtype:
    """The type in which PyTorch computes; raises UsageError for another precision than "fp32" and "bf16"."""
    if precision not in ("fp32", "bf16"):
        raise UsageError(f"precision {precision!r} is not known: choose fp32 or bf16")
    return DTYPES[precision]


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a weight file; without a `device` to a GPU if there is one."""
    from multibox.system.device import choose_device
    from multibox.weights.source import open_weights

    model, info = open_weights(source, device=choose_device(device))
    return Loaded(TorchEngine(model, precision=precision or "fp32"), info)
