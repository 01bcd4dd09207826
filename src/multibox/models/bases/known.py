"""All base networks. To add one, write its file beside this one and add its config to the union."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, cast, get_args

from multibox.errors import UsageError
from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.graph.config import GraphConfig
from multibox.models.bases.mobilenet_v1 import MobileNetV1Config
from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.resnet import ResNetConfig
from multibox.models.bases.resnet_imagenet import ResNetImageNetConfig
from multibox.models.bases.squeezenet import SqueezeNetConfig
from multibox.models.bases.ultralight import UltralightConfig
from multibox.models.bases.vgg import VGG16Config

KnownBase = (
    VGG16Config  # one line for each
    | ResNetConfig
    | MobileNetV3Config
    | EfficientNetLiteConfig
    | MobileNetV2Config
    | MobileNetV1Config
    | ResNetImageNetConfig
    | SqueezeNetConfig
    | UltralightConfig
    | GraphConfig
)


class _ByKind:
    """Tells pydantic to choose the class by the field `kind`, without importing pydantic before it is needed."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(discriminator="kind")])


TaggedBase = Annotated[KnownBase, _ByKind()]

KINDS = tuple(config.kind for config in get_args(KnownBase))

NAMED: Mapping[str, KnownBase] = MappingProxyType(
    {
        name: base
        for config in get_args(KnownBase)
        for name, base in cast("dict[str, KnownBase]", config.named()).items()
    }
)
"""The base networks that users choose by name."""


def find_base(name: str) -> KnownBase:
    """The base network of a name. Raises UsageError that lists the names if there is none."""
    if name not in NAMED:
        raise UsageError(f"base network {name!r} is not known: choose one of {', '.join(NAMED)}")
    return NAMED[name]
