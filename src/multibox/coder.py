"""The coder: priors and variances in one object that encodes for training and decodes for detection."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from multibox.boxes import to_centers, to_corners
from multibox.output_rules import BOX_CODES as BOX_CODES
from multibox.output_rules import VARIANCES as VARIANCES
from multibox.output_rules import BoxCode as BoxCode
from multibox.priors import PriorSpec, Variances, make_prior_corners, make_priors, map_variances


class Coder(nn.Module):
    """Converts boxes to offsets from their priors and back (EncodeBBox and DecodeBBox in bbox_util.cpp).

    All boxes are corners relative to the network input. `priors` (P, 4) and `corners` (P, 4) are buffers that
    move to other devices with the module; they come from `spec` and are not part of the state dict. `variances` are
    four numbers, or (P, 4) if maps of `spec` have their own. A model whose network learned offsets without variances
    has variances of 1.
    """

    priors: Tensor
    corners: Tensor
    variances: Tensor

    def __init__(self, spec: PriorSpec, *, variances: Variances = VARIANCES, code: BoxCode = "center_size") -> None:
        super().__init__()
        self.spec, self.code = spec, code
        self.register_buffer("priors", torch.from_numpy(make_priors(spec)), persistent=False)
        self.register_buffer("corners", torch.from_numpy(make_prior_corners(spec)), persistent=False)
        self.register_buffer("variances", torch.from_numpy(map_variances(spec, variances)), persistent=False)

    def encode(self, boxes: Float[Tensor, "*b p 4"]) -> Float[Tensor, "*b p 4"]:
        """Offsets of one box for each prior, divided by the variances.

        With "center_size", a box without width or height would have infinite offsets; the readers of data sets drop
        such boxes.
        """
        return self._encode(boxes, slice(None))

    def encode_at(self, boxes: Float[Tensor, "n 4"], priors: Int64[Tensor, " n"]) -> Float[Tensor, "n 4"]:
        """The same for one box for each of some priors, given by their indices."""
        return self._encode(boxes, priors)

    def _encode(self, boxes: Float[Tensor, "*b p 4"], at: Int64[Tensor, " p"] | slice) -> Float[Tensor, "*b p 4"]:
        variances = self.variances[at] if self.variances.dim() == 2 else self.variances
        if self.code != "center_size":
            return (boxes - self.corners[at]) / self._units()[at] / variances
        wanted, priors = to_centers(boxes), self.priors[at]
        shift = (wanted[..., :2] - priors[:, :2]) / priors[:, 2:]
        stretch = torch.log(wanted[..., 2:] / priors[:, 2:])
        return torch.cat([shift, stretch], dim=-1) / variances

    def decode(
        self, offsets: Float[Tensor, "*b n 4"], *, rows: Int64[Tensor, " n"] | None = None
    ) -> Float[Tensor, "*b n 4"]:
        """Boxes as corners, not clipped, always in float32; `rows` are the priors of the offsets, by default all."""
        priors, corners, units, variances = self.priors, self.corners, self._units(), self.variances
        if rows is not None:
            priors, corners, units = priors[rows], corners[rows], units[rows]
            variances = variances if variances.ndim == 1 else variances[rows]
        scaled = offsets.float() * variances
        if self.code != "center_size":
            return corners + scaled * units
        center = priors[:, :2] + scaled[..., :2] * priors[:, 2:]
        size = priors[:, 2:] * torch.exp(scaled[..., 2:])
        return to_corners(torch.cat([center, size], dim=-1))

    def _units(self) -> Float[Tensor, "p 4"]:
        """What a distance of 1 is relative to: the input, or the width and height of the prior."""
        if self.code == "corner":
            return torch.ones_like(self.corners)
        return (self.corners[:, 2:] - self.corners[:, :2]).repeat(1, 2)
