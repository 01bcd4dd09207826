"""SSD as a module: images in, offsets and class scores of all priors out."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multibox.coder import Coder
from multibox.errors import InputError, UsageError
from multibox.models.config import ModelConfig, ssd300_config, ssd512_config, ssdlite320_config
from multibox.models.mixed import use_mixed_convolutions
from multibox.models.undrawn import Undrawn
from multibox.nms import Selection
from multibox.postprocess import postprocess

Three = tuple[float, float, float]


class SSD(nn.Module):
    """Base network, extra layers and heads (paper Figure 2), built from a ModelConfig.

    `class_names` are the C classes without background. The state dict holds learned values only; priors, mean and
    standard deviation come from the config.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, class_names: Sequence[str]) -> None:
        super().__init__()
        self.config = config
        self.class_names = tuple(class_names)
        self.base = config.base.build()
        channels = list(self.base.channels)
        self.norm = config.base.norm(channels[0])
        self.extras = nn.ModuleList()
        for extra in config.extras:
            self.extras.append(config.base.extra_layer(channels[-1], extra))
            channels.append(extra.out)
        self.sources = tuple(range(len(channels))) if config.sources is None else config.sources
        self.heads = config.base.make_heads(
            tuple(channels[i] for i in self.sources),
            boxes_per_cell=tuple(m.boxes_per_cell for m in config.priors.maps),
            outputs=len(self.class_names) + 1,
        )
        use_mixed_convolutions(self)
        self._make_constants()
        initialize(self)

    @classmethod
    def without_values(cls, config: ModelConfig, class_names: Sequence[str]) -> "SSD":
        """A model whose learned values are on the meta device: `load_state_dict(..., assign=True)` gives it some.

        Its structure takes no memory, and nothing is drawn from torch's random generator.
        """
        with torch.device("meta"), Undrawn():
            model = cls(config, class_names)
        model._make_constants()
        return model

    def _make_constants(self) -> None:
        """Make what the config gives: coder, mean and standard deviation."""
        config = self.config
        self.coder = Coder(config.priors, variances=config.variances, code=config.box_code)
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(3, 1, 1), persistent=False)

    def forward(
        self, images: UInt8[Tensor, "b 3 h w"] | Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits (background first) of RGB images with values 0 … 255 at the network's input size.

        Raises InputError if the images have another size and so give another number of predictions than priors.
        """
        maps = self.base((images - self.mean) / self.std)
        first = self.norm(maps[0])
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        maps[0] = first
        offsets, logits = self.heads([maps[i] for i in self.sources])
        if offsets.shape[1] != self.config.priors.count:
            raise InputError(_misfit(images, offsets, self.config))
        return offsets, logits

    def normalize_with(self, *, mean: Three, std: Three) -> None:
        """Set the input normalization that the current weights were trained with."""
        self.config = replace(self.config, mean=mean, std=std)
        self.mean.copy_(torch.tensor(mean).view(3, 1, 1))
        self.std.copy_(torch.tensor(std).view(3, 1, 1))

    @torch.inference_mode()
    def detect(self, images: UInt8[Tensor, "b 3 h w"] | Float[Tensor, "b 3 h w"]) -> list[Selection]:
        """Boxes relative to the input (clipped to it), scores and labels 0 … C-1 of each image, best first."""
        return self.postprocess(*self(images))

    def postprocess(self, offsets: Float[Tensor, "b p 4"], logits: Float[Tensor, "b p k"]) -> list[Selection]:
        """Detections from the network's outputs, by the function of the same name."""
        config = self.config
        return postprocess(
            offsets,
            logits,
            coder=self.coder,
            settings=config.detection,
            clip=config.clip,
            score_function=config.score_function,
        )


def _misfit(images: Tensor, offsets: Tensor, config: ModelConfig) -> str:
    height, width = config.input_size
    return (
        f"images of {images.shape[2]} x {images.shape[3]} give {offsets.shape[1]} predictions, but {config.name} has "
        f"{config.priors.count} priors for {height} x {width}: resize the images, or give priors for that size"
    )


def initialize(model: SSD) -> None:
    """Draw new values for all convolutions, as the config of the base network says.

    Uses torch's global generator: seed it to get the same values again.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            model.config.base.initialize(module)


def ssd300(
    class_names: Sequence[str], *, backbone: str = "vgg16", dataset: str = "voc", batch_norm: bool = False
) -> SSD:
    """SSD300. `backbone` is "vgg16" or Table 2's "vgg16_full"; `dataset` "voc" or "coco" chooses the prior sizes."""
    atrous = {"vgg16": True, "vgg16_full": False}
    _check_backbone(backbone, model="ssd300", known=tuple(atrous))
    return SSD(ssd300_config(dataset=dataset, atrous=atrous[backbone], batch_norm=batch_norm), class_names)


def ssd512(
    class_names: Sequence[str], *, backbone: str = "vgg16", dataset: str = "voc", batch_norm: bool = False
) -> SSD:
    """SSD512. `dataset` "voc" or "coco" chooses the prior sizes."""
    _check_backbone(backbone, model="ssd512", known=("vgg16",))
    return SSD(ssd512_config(dataset=dataset, batch_norm=batch_norm), class_names)


def ssdlite320(class_names: Sequence[str]) -> SSD:
    """MobileNetV3-Large SSDLite at 320 x 320, for CPUs and small devices."""
    return SSD(ssdlite320_config(), class_names)


def _check_backbone(backbone: str, *, model: str, known: tuple[str, ...]) -> None:
    if backbone not in known:
        raise UsageError(f"{model} has no backbone {backbone!r}: choose {' or '.join(known)}")
