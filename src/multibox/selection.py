"""Selections whose size depends on the values; on a processor by NumPy, which is several times as fast as PyTorch."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def indices_of(mask: Bool[Tensor, " n"]) -> Int64[Tensor, " k"]:
    """The indices of what is true."""
    return torch.from_numpy(np.flatnonzero(mask.numpy())) if mask.device.type == "cpu" else mask.nonzero().squeeze(1)


def largest_of_rows(values: Float[Tensor, "b p"], counts: Int64[Tensor, " b"]) -> Bool[Tensor, "b p"]:
    """Where the largest values of each row are, as many as `counts` tells; among equal ones the first come first.

    The same as the first ones of a stable sort, without sorting. A row with NaN may get fewer.
    """
    chosen = np.zeros(values.shape, dtype=bool)
    for row, own, count in zip(values.numpy(), chosen, counts.tolist(), strict=True):
        if count >= len(row):
            own[:] = True
        elif count > 0:
            least = np.partition(row, len(row) - count)[len(row) - count]
            np.greater(row, least, out=own)
            equal = np.flatnonzero(row == least)
            own[equal[: count - np.count_nonzero(own)]] = True
    return torch.from_numpy(chosen)
