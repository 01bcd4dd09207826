"""The coder: priors and variances in one object that encodes for training and decodes for detection."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.boxes import to_centers, to_corners
from multibox.priors import PriorSpec, make_prior_corners, make_priors

VARIANCES = (0.1, 0.1, 0.2, 0.2)


class Coder(nn.Module):
    """Converts boxes to offsets from their priors and back (equation 2; EncodeBBox and DecodeBBox in bbox_util.cpp).

    All boxes are corners relative to the network input. `priors` (P, 4) and `corners` (P, 4) are buffers that
    move to other devices with the module; they come from `spec` and are not part of the state dict.
    """

    priors: Tensor
    corners: Tensor
    variances: Tensor

    def __init__(self, spec: PriorSpec, *, variances: tuple[float, float, float, float] = VARIANCES) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("priors", make_priors(spec), persistent=False)
        self.register_buffer("corners", make_prior_corners(spec), persistent=False)
        self.register_buffer("variances", torch.tensor(variances), persistent=False)

    def encode(self, boxes: Float[Tensor, "*b p 4"]) -> Float[Tensor, "*b p 4"]:
        """Offsets of one box for each prior, divided by the variances.

        A box without width or height would have infinite offsets; the readers of data sets drop such boxes.
        """
        wanted = to_centers(boxes)
        shift = (wanted[..., :2] - self.priors[:, :2]) / self.priors[:, 2:]
        stretch = torch.log(wanted[..., 2:] / self.priors[:, 2:])
        return torch.cat([shift, stretch], dim=-1) / self.variances

    def decode(self, offsets: Float[Tensor, "*b p 4"]) -> Float[Tensor, "*b p 4"]:
        """Boxes as corners, not clipped, always in float32."""
        scaled = offsets.float() * self.variances
        center = self.priors[:, :2] + scaled[..., :2] * self.priors[:, 2:]
        size = self.priors[:, 2:] * torch.exp(scaled[..., 2:])
        return to_corners(torch.cat([center, size], dim=-1))
