"""The network in PyTorch, on CPU or GPU."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from multibox.errors import InputError, UsageError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.nms import Selection
from multibox.size import Size

PRECISIONS = ("float32", "bfloat16")

Outputs = tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]


class TorchBackend:
    """Runs an SSD where its parameters lie, in evaluation mode and channels-last memory.

    The model is not copied: it is put into evaluation mode whenever it detects, and a training loop calls
    `model.train()` afterwards. With `precision` "bfloat16" convolutions compute in that type; decoding and suppression
    stay in float32.
    """

    def __init__(self, model: SSD, *, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise UsageError(f"precision {precision!r} is not known: choose {' or '.join(PRECISIONS)}")
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.precision = precision

    @property
    def engine(self) -> str:
        return f"PyTorch {torch.__version__} on {self.model.mean.device}, {self.precision}"

    @property
    def config(self) -> ModelConfig:
        return self.model.config

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.model.class_names

    @property
    def input_size(self) -> Size:
        return self.model.config.input_size

    @torch.inference_mode()
    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Outputs:
        """Offsets and logits. The image's own memory order, channels last, goes to the device as it is.

        Raises InputError where the GPU's memory does not suffice.
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

    @torch.inference_mode()
    def select(self, outputs: Outputs) -> list[Selection]:
        return [Selection(*(part.cpu() for part in found)) for found in self.model.postprocess(*outputs)]

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)
