"""8-bit and 16-bit weights of a LiteRT model, by ai-edge-quantizer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.errors import UsageError
from multibox.weights.exported import INPUT
from multibox.words import pip_install

# Operations of the network's layers by the names of their outputs. The lengths in UnitNorm have a range too wide for 8
# bits; the subtraction of the mean, the joining of maps and the decoding of boxes are outside the layers.
_LAYERS = r"^(?!.*UnitNorm).*FoldedSSD_folded/.*"

_SIGNATURE = "serving_default"


def quantize_litert(content: bytes, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> bytes:
    """The model with layers in 8-bit integers, weights by channel, scales from the activations on `images`."""
    if not images:
        raise UsageError("int8 needs images to calibrate on: give a data set or a folder with --calibrate")
    tensor, granularity, config = _types("TensorQuantizationConfig", "QuantGranularity", "OpQuantizationConfig")
    weights = tensor(num_bits=8, symmetric=True, granularity=granularity.CHANNELWISE)
    activations = tensor(num_bits=8, symmetric=False, granularity=granularity.TENSORWISE)
    quantizer = _quantizer(content)
    (every,) = _types("TFLOperationName")
    (precision,) = _types("ComputePrecision")
    quantizer.update_quantization_recipe(
        regex=_LAYERS,
        operation_name=every.ALL_SUPPORTED,
        op_config=config(
            activation_tensor_config=activations, weight_tensor_config=weights, compute_precision=precision.INTEGER
        ),
    )
    scales = quantizer.calibrate({_SIGNATURE: [{INPUT: image[None]} for image in images]}, num_threads=1)
    return bytes(quantizer.quantize(scales).quantized_model)


def cast_weights(content: bytes) -> bytes:
    """The model with weights in 16-bit floats, which engines widen when they load it."""
    tensor, data_type, precision, config, every = _types(
        "TensorQuantizationConfig", "TensorDataType", "ComputePrecision", "OpQuantizationConfig", "TFLOperationName"
    )
    quantizer = _quantizer(content)
    quantizer.update_quantization_recipe(
        regex=_LAYERS,
        operation_name=every.ALL_SUPPORTED,
        op_config=config(
            weight_tensor_config=tensor(num_bits=16, dtype=data_type.FLOAT), compute_precision=precision.FLOAT
        ),
        algorithm_key="float_casting",
    )
    return bytes(quantizer.quantize().quantized_model)


def _quantizer(content: bytes) -> Any:
    return _package().quantizer.Quantizer(bytearray(content))


def _types(*names: str) -> list[Any]:
    qtyping = _package().qtyping
    return [getattr(qtyping, name) for name in names]


def _package() -> Any:
    try:
        import ai_edge_quantizer
    except ImportError:
        raise UsageError(
            f"int8 and fp16 for LiteRT need the package ai-edge-quantizer: {pip_install('ai-edge-quantizer')}"
        ) from None
    return ai_edge_quantizer
