"""What SSD needs from a base network, and what a base network's config provides."""

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.heads import Extra, Heads, extra_layer, predictor
from multibox.models.layers import initialize_xavier
from multibox.size import Size


class BaseNetwork(nn.Module):
    """A network that returns feature maps; `channels` holds the number of channels of each map."""

    channels: tuple[int, ...]

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The source maps, from fine to coarse."""
        raise NotImplementedError

    def image_convolution(self) -> nn.Conv2d | None:
        """The convolution that sees the image, None if there is none: by default the first in order of `modules()`."""
        return next(m for m in self.modules() if isinstance(m, nn.Conv2d))


class BaseConfig(ABC):
    """The numbers that define one base network, and how a detector on that base is built and initialized.

    A subclass is a frozen dataclass. Its field `kind` names the base network in weight files and recipes.
    `imagenet_weights` are the names of the published weights that `load_base` accepts for it. `imagenet_layers` is a
    regular expression for the names of the detector's parameters that they fill, `first_layers` for those of them up to
    stride 4, which a short training keeps as they are.

    The methods that are not abstract have SSD's own layers as their default: extra layers of plain convolutions,
    3 x 3 predictors and Caffe's "xavier" initialization.
    """

    kind: str
    imagenet_weights: ClassVar[tuple[str, ...]] = ()
    imagenet_layers: ClassVar[str] = r"^base\."
    first_layers: ClassVar[str] = r"(?!)"

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        """The configs that users choose by name, for example with `--set model.base=NAME`."""
        usual = cls()
        return {usual.kind: usual}

    @property
    def usual_weights(self) -> str | None:
        """The published weights that a training on this base starts from, None if there are none."""
        return next(iter(self.imagenet_weights), None)

    @property
    @abstractmethod
    def strides(self) -> tuple[int, ...]:
        """The distance in input pixels between neighboring cells, for each source map of the base."""

    def cells(self, input_size: Size) -> tuple[Size, ...]:
        """Rows and columns of each source map of the base."""
        return tuple(Size(*(-(-side // stride) for side in input_size)) for stride in self.strides)

    @property
    @abstractmethod
    def has_batch_norm(self) -> bool:
        """Whether a detector on this base contains batch normalization."""

    @abstractmethod
    def build(self) -> BaseNetwork:
        """The base network, with PyTorch's default initialization."""

    def fault(self) -> str | None:
        """The first invalid field and its rule, as text for a message; None if all fields are valid."""
        return None

    def size_fault(self, _input_size: Size) -> str | None:
        """The same for what is wrong at this input size."""
        return None

    @property
    def owns_heads(self) -> bool:
        """Whether the base has predictors of its own, and therefore no extra layers and no choice of sources."""
        return False

    def norm(self, _channels: int) -> nn.Module:
        """The layer between the first source map and its predictors."""
        return nn.Identity()

    def extra(self, number: int) -> Extra:
        """The channels of extra layer `number`, counted from 0, for inputs of any size."""
        return Extra(256, 512) if number == 0 else Extra(128, 256)

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        """One extra layer on a map of `channels` channels."""
        return extra_layer(channels, extra, batch_norm=self.has_batch_norm)

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        """The layer that predicts `outputs` values for each cell of a source map."""
        return predictor(channels, outputs)

    def last_predictor(self, channels: int, outputs: int) -> nn.Module:
        """The same for the last source map."""
        return self.predictor(channels, outputs)

    def make_heads(self, channels: tuple[int, ...], *, boxes_per_cell: tuple[int, ...], outputs: int) -> Heads:
        """The predictors of all source maps, which have these channels; `outputs` is the number of scores of a box."""
        return Heads(channels, boxes_per_cell, outputs=outputs, build=self.predictor, build_last=self.last_predictor)

    def initialize(self, layer: nn.Conv2d) -> None:
        """Draw the start values of one convolution of the detector from torch's global generator."""
        initialize_xavier(layer)


def width_fault(width: float, *, narrowest: int) -> str | None:
    """The fault of a factor that scales all channels, if it leaves `narrowest` channels without any, or makes many."""
    return None if 1 / narrowest <= width <= 4 else f"width is {width}, it must be {1 / narrowest} to 4"


def laterals_fault(laterals: tuple[int, ...], *, sources: int) -> str | None:
    """The fault of the channels of lateral layers, unless there are none or one for each source."""
    if len(laterals) in (0, sources) and all(1 <= channels <= 4096 for channels in laterals):
        return None
    return f"laterals is {list(laterals)}, it must be empty or {sources} numbers from 1 to 4096"


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8 that is at least 8 and at least nine tenths of `channels`."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
