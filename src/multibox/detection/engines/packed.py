"""The network in PyTorch on the CPU, folded and laid out for oneDNN: a copy made for detection alone."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from multibox.detection.engines.prepacked import is_available, prepack
from multibox.detection.postprocess import Chooser
from multibox.errors import UsageError
from multibox.models.config import ModelConfig
from multibox.models.folded import FoldedSSD
from multibox.models.ssd import SSD
from multibox.nms import Selection
from multibox.size import Size

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

Outputs = tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]


class FoldedBackend:
    """Runs what an SSD was when this was made; later changes of its parameters do not show.

    With `precision` "bfloat16" convolutions compute in that type; decoding and suppression stay in float32. Raises
    UsageError for another precision.
    """

    def __init__(self, model: SSD, *, precision: str = "float32") -> None:
        if precision not in _TYPES:
            raise UsageError(f"precision {precision!r} is not known: choose {' or '.join(_TYPES)}")
        folded = FoldedSSD(model, dtype=_TYPES[precision])
        self.network = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if is_available():
            prepack(self.network)
        self.engine = f"PyTorch {torch.__version__} with packed weights, {precision}"
        self._choose = Chooser(model.config)

    @property
    def config(self) -> ModelConfig:
        return self.network.config

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.network.class_names

    @property
    def input_size(self) -> Size:
        return self.network.config.input_size

    @torch.inference_mode()
    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Outputs:
        """Offsets and logits. The image's own memory order, channels last, is the network's."""
        return self.network(torch.from_numpy(batch).permute(0, 3, 1, 2))

    def select(self, outputs: Outputs) -> list[Selection]:
        return self._choose(*outputs)
