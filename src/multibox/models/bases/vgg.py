"""VGG16 as SSD uses it (paper section 3; VGGNetBody in the official model_libs.py). Layers carry their Caffe names."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """The base network up to fc7, which gives the first source maps: conv4_3 and fc7 (stride 8 and 16).

    `atrous`: pool5 is 3 x 3 with stride 1, fc6 a dilated 3 x 3 with 1024 channels. Without it (Table 2), pool5 halves,
    fc6 is the original 7 x 7 with 4096 channels, and conv5_3 is a source between the two, so that the strides are
    8, 16 and 32. `width` scales all channels; `batch_norm` follows each convolution with a normalization.
    """

    def __init__(self, *, atrous: bool = True, width: float = 1.0, batch_norm: bool = False) -> None:
        super().__init__()
        self.taps = ("relu4_3", "relu7") if atrous else ("relu4_3", "relu5_3", "relu7")
        self._batch_norm = batch_norm
        channels = 3
        for i, stage in enumerate(STAGES, start=1):
            for j, out in enumerate(stage, start=1):
                channels = self._add_convolution(f"{i}_{j}", channels, round(out * width), kernel=3)
            pool = nn.MaxPool2d(3, stride=1, padding=1) if atrous and i == 5 else nn.MaxPool2d(2, ceil_mode=True)
            self.add_module(f"pool{i}", pool)
        wide = round((1024 if atrous else 4096) * width)
        kernel, dilation = (3, 6) if atrous else (7, 1)
        self._add_convolution("6", channels, wide, kernel=kernel, dilation=dilation, prefix="fc")
        self._add_convolution("7", wide, wide, kernel=1, prefix="fc")
        self.channels = tuple(self._width_of(tap) for tap in self.taps)

    def _add_convolution(
        self, name: str, channels: int, out: int, *, kernel: int, dilation: int = 1, prefix: str = "conv"
    ) -> int:
        padding = dilation * (kernel // 2)
        convolution = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=not self._batch_norm)
        self.add_module(prefix + name, convolution)
        if self._batch_norm:
            self.add_module("bn" + name, nn.BatchNorm2d(out))
        self.add_module("relu" + name, nn.ReLU(inplace=True))
        return out

    def _width_of(self, tap: str) -> int:
        name = tap.removeprefix("relu")
        convolution = self.get_submodule(("fc" if name in ("6", "7") else "conv") + name)
        assert isinstance(convolution, nn.Conv2d)
        return convolution.out_channels

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        for name, layer in self.named_children():
            x = layer(x)
            if name in self.taps:
                sources.append(x)
        return sources


class L2Norm(nn.Module):
    """Scales each position to unit length over its channels, times a learned factor for each channel.

    Paper section 3.1; normalize_layer.cpp with across_spatial false: the epsilon stands inside the root. The gradient
    is the derivative; the official layer's is that only where all scales are equal, as they are at the start.
    """

    def __init__(self, channels: int, *, scale: float = 20.0, eps: float = 1e-10) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        wide = x.float()
        inverse = wide.square().sum(dim=1, keepdim=True).add(self.eps).rsqrt()
        return (wide * inverse * self.weight[:, None, None]).to(x.dtype)
