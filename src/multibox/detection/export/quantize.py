"""Quantization to 8-bit integers with NNCF; the scales come from the activations on calibration images."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from multibox.errors import UsageError
from multibox.weights.exported import INPUT
from multibox.words import pip_install

if TYPE_CHECKING:
    from onnx import ModelProto
    from openvino import Model

Images = Sequence[UInt8[np.ndarray, "h w 3"]]

# The node types of L2Norm, which occur nowhere else in such networks. Its lengths span a range too wide for 8 bits.
_NORM_ONNX = ("Mul", "ReduceSum", "Sqrt", "Reciprocal")
_NORM_OPENVINO = ("Multiply", "ReduceSum", "Sqrt", "Power", "Divide")

# OpenVINO computes depthwise convolutions in float, whatever their inputs, and the means and products of squeeze and
# excitation take longer in integers than in bfloat16. With these types in 8 bits SSDLite320 is slower than in bfloat16.
_FASTER_IN_FLOAT = ("GroupConvolution", "ReduceMean", "Multiply")


def quantize_onnx(network: "ModelProto", images: Images, *, has_norm: bool) -> "ModelProto":
    """The same network with integer convolutions; `images` are RGB at its input size. An L2Norm stays in float32."""
    return _quantize(network, [{INPUT: image[None]} for image in images], kept=_NORM_ONNX if has_norm else ())


def quantize_openvino(network: "Model", images: Images, *, has_norm: bool) -> "Model":
    """The same network with integer convolutions; `images` are RGB at its input size.

    Depthwise convolutions, squeeze and excitation, and an L2Norm stay in float.
    """
    kept = (*_FASTER_IN_FLOAT, *(_NORM_OPENVINO if has_norm else ()))
    return _quantize(network, [image[None] for image in images], kept=kept)


def _quantize(network: Any, inputs: Sequence[Any], *, kept: Sequence[str]) -> Any:
    if not inputs:
        raise UsageError("int8 needs images to calibrate on: give a data set or a folder with --calibrate")
    nncf = _nncf()
    with redirect_stdout(sys.stderr):  # standard output is for results
        return nncf.quantize(
            network,
            nncf.Dataset(list(inputs)),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
            ignored_scope=nncf.IgnoredScope(types=list(kept), validate=False),
        )


def _nncf() -> Any:
    os.environ.setdefault("NNCF_CI", "1")  # otherwise it reports its use over the network
    try:
        import nncf
    except ImportError:
        raise UsageError(f"int8 needs the package nncf: {pip_install('nncf')}") from None
    nncf.set_log_level(40)
    return nncf
