"""The layers that a graph can contain. To add one, write its description and add it to the union."""

from typing import Annotated, Any

from multibox.models.bases.graph.layers.joining import Broadcast, Concat, Eltwise
from multibox.models.bases.graph.layers.learned import (
    BatchNorm,
    Convolution,
    Deconvolution,
    Linear,
    Normalize,
    PReLU,
    Scale,
)
from multibox.models.bases.graph.layers.padding import Pad
from multibox.models.bases.graph.layers.pointwise import ELU, Activation, Dropout, LeakyReLU, Power, Softmax
from multibox.models.bases.graph.layers.pooling import GlobalPool, LocalResponseNorm, Pool
from multibox.models.bases.graph.layers.shaping import Crop, Flatten, Permute, Reshape, SelectChannels, Slice
from multibox.models.bases.graph.layers.upsampling import Upsample

KnownLayer = (
    Convolution
    | Deconvolution
    | Linear
    | BatchNorm
    | Scale
    | Normalize
    | PReLU
    | Activation
    | LeakyReLU
    | ELU
    | Softmax
    | Dropout
    | Power
    | Pad
    | Upsample
    | Pool
    | GlobalPool
    | LocalResponseNorm
    | Concat
    | Eltwise
    | Broadcast
    | Slice
    | Crop
    | SelectChannels
    | Permute
    | Reshape
    | Flatten
)


class _ByKind:
    """Tells pydantic to choose the class by the field `kind`, without importing pydantic before it is needed."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(discriminator="kind")])


TaggedLayer = Annotated[KnownLayer, _ByKind()]
