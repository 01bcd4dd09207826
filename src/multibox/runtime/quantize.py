"""Networks in 8-bit integers with NNCF: scales from the activations on calibration pictures."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from multibox.errors import UsageError
from multibox.runtime.whole import INPUT

if TYPE_CHECKING:
    from onnx import ModelProto
    from openvino import Model

Pictures = Sequence[UInt8[np.ndarray, "h w 3"]]


def quantize_onnx(network: "ModelProto", pictures: Pictures) -> "ModelProto":
    """The same network with integer convolutions; `pictures` are RGB at its input size."""
    return _quantize(network, [{INPUT: picture[None]} for picture in pictures])


def quantize_openvino(network: "Model", pictures: Pictures) -> "Model":
    """The same network with integer convolutions; `pictures` are RGB at its input size."""
    return _quantize(network, [picture[None] for picture in pictures])


def _quantize(network: Any, inputs: Sequence[Any]) -> Any:
    if not inputs:
        raise UsageError("int8 needs pictures to calibrate on: name a data set or a folder with --calibrate")
    nncf = _nncf()
    with redirect_stdout(sys.stderr):  # standard output is for results
        return nncf.quantize(
            network,
            nncf.Dataset(list(inputs)),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
        )


def _nncf() -> Any:
    os.environ.setdefault("NNCF_CI", "1")  # it reports its use over the network otherwise
    try:
        import nncf
    except ImportError:
        raise UsageError("int8 needs the package nncf: install it with `pip install 'multibox[openvino]'`") from None
    nncf.set_log_level(40)
    return nncf
