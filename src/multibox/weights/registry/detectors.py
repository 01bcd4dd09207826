"""Detectors that multibox knows by name."""

from multibox.data.classes.coco import COCO_CLASSES
from multibox.data.classes.open_images import OPEN_IMAGES_OBJECTRON
from multibox.data.classes.published import COCO_BY_ID, ILSVRC_LABELS
from multibox.data.classes.voc import VOC_CLASSES
from multibox.weights.registry.entry import Published, pytorch_ssd_entry, torchvision_entry

_LUFFICC = "https://github.com/lufficc/SSD/releases/download/1.2"
_AUTHORS = "https://github.com/weiliu89/caffe/tree/ssd#models"
_ZOO = "http://download.tensorflow.org/models/object_detection"
_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-assets"
_OPENCV_FILES = "https://github.com/opencv/opencv_3rdparty/raw"
_CHUANQI = "https://raw.githubusercontent.com/chuanqi305/MobileNet-SSD"
_MIRROR = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2021.4"


def _lufficc(name: str, file: str, about: str, score: str, class_names: tuple[str, ...], priors: str) -> Published:
    return Published(name, about, "MIT", score, class_names, f"{_LUFFICC}/{file}", priors=priors)


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
    torchvision_entry(
        "ssd300-torchvision-coco",
        "ssd300_vgg16_coco-b556d3b4.pth",
        "SSD300, VGG16, COCO train2017",
        "25.1 AP on COCO val2017",
        COCO_BY_ID,
    ),
    torchvision_entry(
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
    pytorch_ssd_entry(
        "mb1-ssd-voc0712", "mobilenet-v1-ssd-mp-0_675.pth of pytorch-ssd, VOC", "67.6 mAP on VOC2007 test"
    ),
    pytorch_ssd_entry(
        "mb2-ssd-lite-voc0712", "mb2-ssd-lite-mp-0_686.pth of pytorch-ssd, VOC", "68.6 mAP on VOC2007 test"
    ),
    pytorch_ssd_entry("vgg16-ssd-voc0712", "vgg16-ssd-mp-0_7726.pth of pytorch-ssd, VOC", "77.3 mAP on VOC2007 test"),
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
