"""All base networks. To add one, write its file beside this one and add its config to the union."""

from typing import Annotated, Any, get_args

from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.resnet import ResNetConfig
from multibox.models.bases.vgg import VGG16Config

KnownBase = (
    VGG16Config  # one line for each
    | ResNetConfig
    | MobileNetV3Config
    | EfficientNetLiteConfig
)


class _ByKind:
    """Tells pydantic to choose the class by the field `kind`, without importing pydantic before it is needed."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(discriminator="kind")])


TaggedBase = Annotated[KnownBase, _ByKind()]

KINDS = tuple(config.kind for config in get_args(KnownBase))
