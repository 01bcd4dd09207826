"""The open inference protocol and Label Studio's backend against the detector itself."""

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.images.decode import read_image
from multibox.service.settings import ServiceSettings
from running_service import Running, running
from tiny_detector import noise_image


@pytest.fixture(scope="module")
def detector(weights: Path) -> Detector:
    return Detector.load(weights)


def infer(server: Running, document: object, **headers: str):
    return server.client.post("/v2/models/tiny/infer", content=json.dumps(document), headers=headers)


def tensors(answer: dict) -> dict[str, np.ndarray]:
    """The outputs of an answer as arrays."""
    return {one["name"]: np.reshape(one["data"], one["shape"]) for one in answer["outputs"]}


def test_files_in_json(server: Running, photo: bytes, detector: Detector):
    """Two files as base64 against the detector, with rows of -1 at the end of the shorter one."""
    small = write_image_bytes(seed=5)
    data = [base64.b64encode(one).decode() for one in (photo, small)]
    document = {"id": "7", "inputs": [{"name": "images", "datatype": "BYTES", "shape": [2], "data": data}]}
    answer = infer(server, document).json()
    assert (answer["id"], answer["model_name"]) == ("7", "tiny")
    found = tensors(answer)
    for row, source in enumerate((photo, small)):
        expected = detector(source)
        count = len(expected)
        np.testing.assert_allclose(found["boxes"][row, :count], expected.boxes, atol=1e-3)
        np.testing.assert_array_equal(found["labels"][row, :count], expected.labels)
        assert (found["labels"][row, count:] == -1).all()
        np.testing.assert_array_equal(found["priors"][row, :count], expected.priors)


def write_image_bytes(*, seed: int) -> bytes:
    import cv2

    return cv2.imencode(".png", noise_image(seed=seed)[:, :, ::-1])[1].tobytes()


def test_pixels_in_json(server: Running, photo: bytes, detector: Detector):
    """RGB pixels as nested lists and as a flat list against the detector."""
    image = read_image(photo)[::4, ::4]
    expected = detector(np.ascontiguousarray(image))
    for data, shape in ((image[None].tolist(), [1, *image.shape]), (image.ravel().tolist(), list(image.shape))):
        document = {"inputs": [{"name": "images", "datatype": "UINT8", "shape": shape, "data": data}]}
        found = tensors(infer(server, document).json())
        np.testing.assert_allclose(found["scores"][0], expected.scores, atol=1e-5)


def test_the_binary_form(server: Running, photo: bytes, detector: Detector):
    """Binary pixels in, binary boxes and JSON scores out, as Triton's clients do it."""
    image = read_image(photo)
    tensor = {
        "name": "images",
        "datatype": "UINT8",
        "shape": [1, *image.shape],
        "parameters": {"binary_data_size": image.size},
    }
    outputs = [{"name": "boxes", "parameters": {"binary_data": True}}, {"name": "scores"}]
    head = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
    answer = server.client.post(
        "/v2/models/tiny/infer",
        content=head + image.tobytes(),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    length = int(answer.headers["inference-header-content-length"])
    boxes, scores = json.loads(answer.content[:length])["outputs"]
    expected = detector(image)
    values = np.frombuffer(answer.content[length:], "<f4").reshape(boxes["shape"])
    np.testing.assert_allclose(values[0], expected.boxes, atol=1e-3)
    np.testing.assert_allclose(scores["data"], expected.scores, atol=1e-5)


def test_binary_files(server: Running, photo: bytes, detector: Detector):
    """A file with its length in front, all outputs binary."""
    framed = struct.pack("<I", len(photo)) + photo
    tensor = {"name": "images", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(framed)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    answer = server.client.post(
        "/v2/models/tiny/infer", content=head + framed, headers={"Inference-Header-Content-Length": str(len(head))}
    )
    length = int(answer.headers["inference-header-content-length"])
    outputs = json.loads(answer.content[:length])["outputs"]
    assert [one["name"] for one in outputs] == ["boxes", "scores", "labels", "priors"]
    assert sum(one["parameters"]["binary_data_size"] for one in outputs) == len(answer.content) - length
    assert outputs[0]["shape"] == [1, len(detector(photo)), 4]


IMAGES = {"name": "images", "datatype": "BYTES", "shape": [1], "data": ["aGVsbG8="]}
PIXELS = {"name": "images", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"inputs": []}, 400),
        ({"inputs": [IMAGES, IMAGES]}, 400),
        ({"inputs": [{**IMAGES, "name": "x"}]}, 400),
        ({"inputs": [{**IMAGES, "datatype": "FP32"}]}, 400),
        ({"inputs": [{**IMAGES, "data": ["!"]}]}, 400),
        ({"inputs": [{**IMAGES, "data": [7]}]}, 400),
        ({"inputs": [{**IMAGES, "data": None}]}, 400),
        ({"inputs": [{**IMAGES, "shape": [2]}]}, 400),
        ({"inputs": [{**IMAGES, "shape": [10**12]}]}, 400),
        ({"inputs": [{**IMAGES, "shape": [100]}]}, 413),
        ({"inputs": [{**IMAGES, "shape": "1"}]}, 400),
        ({"inputs": [{**IMAGES, "shape": [True]}]}, 400),
        ({"inputs": [{**IMAGES, "parameters": {"binary_data_size": 99}}]}, 400),
        ({"inputs": [IMAGES], "outputs": [{"name": "x"}]}, 400),
        ({"inputs": [IMAGES], "outputs": "boxes"}, 400),
        ({"inputs": [IMAGES]}, 415),
        ({"inputs": [{**PIXELS, "data": [1, 2]}]}, 400),
        ({"inputs": [{**PIXELS, "data": [1, 2, 300]}]}, 400),
        ({"inputs": [{**PIXELS, "data": [1, 2, -1]}]}, 400),
        ({"inputs": [{**PIXELS, "data": [1, 2, 0.5]}]}, 400),
        ({"inputs": [{**PIXELS, "data": [1, 2, 10**30]}]}, 400),
        ({"inputs": [{**PIXELS, "data": [1, [2], "x"]}]}, 400),
        ({"inputs": [{**PIXELS, "data": {"a": 1}}]}, 400),
        ({"inputs": [{**PIXELS, "shape": [1, 1, 3, 1]}]}, 400),
        ({"inputs": [{**PIXELS, "shape": [2**30, 2**30, 2**30, 3]}]}, 413),
        ({"inputs": [{**PIXELS, "shape": [1, 2**30, 2**30, 3]}]}, 400),
    ],
)
def test_wrong_inference_requests(server: Running, document: object, status: int):
    """Malformed tensors against 400, too many against 413."""
    assert infer(server, document).status_code == status


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"inputs": NaN}', b'{"id": "\\ud800"}'])
def test_bodies_that_are_not_json(server: Running, body: bytes):
    """Broken and deeply nested JSON against 400, on every route that reads it."""
    for path in ("/v2/models/tiny/infer", "/predict", "/setup"):
        assert server.client.post(path, content=body).status_code in (400, 200 if path == "/setup" else 400)


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "1" * 5000, "0" * 5000])
def test_wrong_header_lengths(server: Running, length: str):
    """Inference-Header-Content-Length that no JSON has against 400."""
    assert infer(server, {"inputs": [IMAGES]}, **{"Inference-Header-Content-Length": length}).status_code == 400


def test_metadata_of_the_protocol(server: Running):
    """Server, model and health resources."""
    get = server.client.get
    assert get("/v2").json()["name"] == "multibox"
    model = get("/v2/models/tiny").json()
    assert model["parameters"]["class_names"] == ["disc", "square", "star"]
    assert [one["name"] for one in model["outputs"]] == ["boxes", "scores", "labels", "priors"]
    assert get("/v2/models/tiny/ready").json()["ready"] is True
    assert get("/v2/models/other").status_code == 404
    assert get("/v2/health/live").json() == {"live": True}
    assert get("/v2/health/ready").json() == {"ready": True}


CONFIG = '<View><Image name="img" value="$image"/><RectangleLabels name="rect" toName="img"><Label value="disc"/>'


def test_label_studio_gets_percent(server: Running, photo: bytes, detector: Detector):
    """A data URI in a task against the detector's boxes in percent, with the names of the labeling configuration."""
    task = {"id": 1, "data": {"image": "data:image/jpeg;base64," + base64.b64encode(photo).decode()}}
    answer = server.client.post("/predict", json={"tasks": [task, task], "label_config": CONFIG}).json()
    first, second = answer["results"]
    assert first == second
    expected = detector(photo).above(0.3)
    assert len(first["result"]) == len(expected) > 0
    for row, (box, score, name) in zip(first["result"], expected, strict=True):
        assert (row["from_name"], row["to_name"], row["type"]) == ("rect", "img", "rectanglelabels")
        value = row["value"]
        corners = [value["x"], value["y"], value["x"] + value["width"], value["y"] + value["height"]]
        np.testing.assert_allclose(np.multiply(corners, [1.6, 1.2, 1.6, 1.2]), box, atol=0.01)
        assert value["rectanglelabels"] == [name]
        assert row["score"] == pytest.approx(score, abs=1e-6)
    assert server.client.post("/setup", json={"project": "1"}).json()["model_version"].startswith("tiny-")
    assert server.client.get("/health").json()["status"] == "UP"


@pytest.fixture(scope="module")
def studio(weights: Path, photo: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with a folder of files, a file beside it, and a link from the folder to that file."""
    home = tmp_path_factory.mktemp("studio")
    for place in ("3", "upload/3"):
        (home / "media" / place).mkdir(parents=True)
        (home / "media" / place / "a.jpg").write_bytes(photo)
    (home / "secret.jpg").write_bytes(photo)
    (home / "media" / "link.jpg").symlink_to(home / "secret.jpg")
    with running({"tiny": str(weights)}, ServiceSettings(batch=1, media=home / "media")) as one:
        yield one


@pytest.mark.parametrize(
    "address",
    ["/data/upload/3/a.jpg", "/data/local-files/?d=upload/3/a.jpg", "/data/upload/3/%61.jpg"],
)
def test_label_studio_names_files(studio: Running, address: str):
    """Addresses of Label Studio's own files below --media."""
    answer = studio.client.post("/predict", json={"tasks": [{"data": {"image": address}}]})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["result"]


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/../../secret.jpg",
        "/data/upload/%2e%2e/secret.jpg",
        "/data/local-files/?d=../secret.jpg",
        "/data/local-files/?d=/etc/passwd",
        "/data/upload/link.jpg",
        "/data/upload/\x00.jpg",
        "/data/",
        "/data/upload/" + "a" * 5000,
        "http://127.0.0.1:1/a.jpg",
        "https://example.org/a.jpg",
        "s3://bucket/a.jpg",
        "data:image/jpeg;base64,!!!",
        "data:image/jpeg,abc",
        7,
    ],
)
def test_label_studio_gets_nothing_else(studio: Running, address: object):
    """Addresses outside the folder, on other machines, and no addresses at all against 422 without a path."""
    answer = studio.client.post("/predict", json={"tasks": [{"data": {"image": address}}]})
    assert answer.status_code == 422
    assert "studio" not in answer.text
    assert "Errno" not in answer.text


@pytest.mark.parametrize("tasks", [None, [], [None], [{}], [{"data": None}], [{"data": {"text": "x"}}], [{}] * 100])
def test_label_studio_tasks_without_images(server: Running, tasks: object):
    """Tasks in another form against 400 or 422."""
    assert server.client.post("/predict", json={"tasks": tasks}).status_code in (400, 422)
