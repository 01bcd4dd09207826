"""The structures of well-known Caffe SSDs with few channels, written from their papers and public descriptions."""

from oracles.caffe_files import CaffeText

VARIANCE = "variance: [0.1, 0.1, 0.2, 0.2] clip: false flip: true"


def mobilenet_ssd(classes: int) -> CaffeText:
    """MobileNetV1 with normalization merged into its convolutions, extra layers to 1 x 1, 1 x 1 predictors."""
    net, top = CaffeText(300, 300), "data"
    top = net.relu(net.convolution("conv0", top, 4, 3, "pad: 1 stride: 2"))
    widths = (8, 8, 8, 12, 12, 16, 16, 16, 16, 16, 16, 24, 24)
    for number, (out, stride) in enumerate(zip(widths, (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), strict=True), start=1):
        channels = net.channels[top]
        depthwise = net.convolution(
            f"conv{number}/dw", top, channels, 3, f"pad: 1 stride: {stride} engine: CAFFE", groups=channels
        )
        top = net.relu(net.convolution(f"conv{number}", net.relu(depthwise), out, 1))
    sources = ["conv11", "conv13"]
    for number, (squeeze, out) in enumerate(((8, 16), (4, 8), (4, 8), (4, 8)), start=14):
        top = net.relu(net.convolution(f"conv{number}_1", top, squeeze, 1))
        top = net.relu(net.convolution(f"conv{number}_2", top, out, 3, "pad: 1 stride: 2"))
        sources.append(f"conv{number}_2")
    sizes = (60, 105, 150, 195, 240, 285, 300)
    for number, source in enumerate(sources):
        if number == 0:
            net.head(source, classes=classes, boxes=3, kernel=1, priors=f"min_size: 60 aspect_ratio: 2 {VARIANCE}")
            continue
        priors = f"min_size: {sizes[number]} max_size: {sizes[number + 1]} aspect_ratio: 2 aspect_ratio: 3 {VARIANCE}"
        net.head(source, classes=classes, boxes=6, kernel=1, priors=priors)
    net.output(classes=classes)
    return net


def squeezenet_ssd(classes: int) -> CaffeText:
    """Fire modules, whose two convolutions are concatenated, with maximum pooling between them."""
    net = CaffeText(160, 160)
    top = net.relu(net.convolution("conv1", "data", 8, 3, "stride: 2"))
    pooling = "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"
    top = net.add("Pooling", "pool1", top, pooling)
    sources = []
    for number, (squeeze, expand) in enumerate(((2, 6), (2, 6), (4, 8), (4, 8), (6, 12), (6, 12)), start=2):
        small = net.relu(net.convolution(f"fire{number}/squeeze", top, squeeze, 1))
        parts = [
            net.relu(net.convolution(f"fire{number}/expand{k}x{k}", small, expand, k, f"pad: {k // 2}")) for k in (1, 3)
        ]
        top = net.add("Concat", f"fire{number}/concat", parts)
        net.channels[top] = 2 * expand
        if number in (3, 5):
            top = net.add("Pooling", f"pool{number}", top, pooling)
        if number in (5, 7):
            sources.append(top)
    top = net.add("Dropout", "drop", top, "dropout_param { dropout_ratio: 0.5 }")
    top = net.relu(net.convolution("conv9", top, 12, 3, "pad: 1 stride: 2"))
    for number, source in enumerate((*sources, top)):
        priors = f"min_size: {30 + 40 * number} max_size: {70 + 40 * number} aspect_ratio: [2, 3] {VARIANCE}"
        net.head(source, classes=classes, boxes=6, priors=priors)
    net.output(classes=classes)
    return net


def resnet101_ssd(classes: int) -> CaffeText:
    """ResNet-101: bottlenecks with BatchNorm and Scale, sums of two branches; sources are res3b3, res5c and extras."""
    net = CaffeText(97, 129)
    top = net.convolution("conv1", "data", 8, 7, "pad: 3 stride: 2 bias_term: true")
    top = net.relu(net.batch_norm("conv1", top))
    top = net.add("Pooling", "pool1", top, "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    sources = []
    for stage, (count, width) in enumerate(((3, 4), (4, 6), (23, 8), (3, 10)), start=2):
        for block in range(count):
            name, stride = f"res{stage}b{block}", 2 if block == 0 and stage in (3, 4) else 1
            shortcut = top
            if block == 0:
                shortcut = net.convolution(f"{name}_branch1", top, 4 * width, 1, f"stride: {stride}")
                net.batch_norm(f"{name}_branch1", shortcut)
            for number, (out, kernel, options) in enumerate(
                ((width, 1, f"stride: {stride}"), (width, 3, "pad: 1"), (4 * width, 1, ""))
            ):
                branch = f"{name}_branch2{'abc'[number]}"
                dilated = "pad: 2 dilation: 2" if stage == 5 and kernel == 3 else options
                top = net.batch_norm(branch, net.convolution(branch, top, out, kernel, dilated))
                top = net.relu(top) if number < 2 else top
            factor, bias = net.blobs[f"{name}_branch2c_scale"][1]
            net.blobs[f"{name}_branch2c_scale"] = ("Scale", [0.3 * factor, bias])  # else sums grow with each block
            top = net.relu(net.add("Eltwise", name, [shortcut, top]))
        if stage in (3, 5):
            sources.append(top)
    top = net.relu(net.convolution("extra", top, 16, 3, "pad: 1 stride: 2"))
    for number, source in enumerate((*sources, top)):
        priors = f"min_size: {12 + 20 * number} max_size: {32 + 20 * number} aspect_ratio: 2 {VARIANCE}"
        net.head(source, classes=classes, boxes=4, priors=priors)
    net.output(classes=classes)
    return net


def vgg_ssd512(classes: int) -> CaffeText:
    """SSD512 on VGG16 as the authors' scripts write it, with a sixteenth of its channels."""
    net, top = CaffeText(512, 512), "data"
    for stage, (depth, channels) in enumerate(((2, 4), (2, 8), (3, 16), (3, 32), (3, 32)), start=1):
        for number in range(1, depth + 1):
            top = net.relu(net.convolution(f"conv{stage}_{number}", top, channels, 3, "pad: 1"))
        if stage == 4:
            factors = net.rng.uniform(10, 20, channels)
            norm = "norm_param { across_spatial: false channel_shared: false }"
            net.add("Normalize", "conv4_3_norm", top, norm, factors)
        shape = "kernel_size: 3 stride: 1 pad: 1" if stage == 5 else "kernel_size: 2 stride: 2"
        top = net.add("Pooling", f"pool{stage}", top, f"pooling_param {{ pool: MAX {shape} }}")
    top = net.relu(net.convolution("fc6", top, 64, 3, "pad: 6 dilation: 6"))
    top = net.relu(net.convolution("fc7", top, 64, 1))
    sources = ["conv4_3_norm", "fc7"]
    for number in range(6, 11):
        top = net.relu(net.convolution(f"conv{number}_1", top, 16 if number == 6 else 8, 1))
        last = "pad: 1" if number == 10 else "pad: 1 stride: 2"
        out = 32 if number == 6 else 16
        top = net.relu(net.convolution(f"conv{number}_2", top, out, 4 if number == 10 else 3, last))
        sources.append(top)
    sizes = (35, 76, 153, 230, 307, 384, 460, 537)
    for number, (source, step) in enumerate(zip(sources, (8, 16, 32, 64, 128, 256, 512), strict=True)):
        few = number in (0, 5, 6)
        ratios = "aspect_ratio: 2" if few else "aspect_ratio: 2 aspect_ratio: 3"
        priors = f"min_size: {sizes[number]} max_size: {sizes[number + 1]} {ratios} step: {step} offset: 0.5 {VARIANCE}"
        net.head(source, classes=classes, boxes=4 if few else 6, priors=priors)
    net.output(classes=classes)
    return net
