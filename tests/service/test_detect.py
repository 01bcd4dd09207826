"""POST /v1/detect: its answers against the detector itself, and what it says to requests that it cannot answer."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multibox.detection.detector import Detector
from multibox.detection.explain.explain import explain
from multibox.images.decode import read_image
from running_service import Running
from tiny_detector import noise_image, write_image

IMAGE_HEAD = b"Content-Disposition: form-data; name=image\r\n\r\n"


@pytest.fixture(scope="module")
def detector(weights: Path) -> Detector:
    return Detector.load(weights)


@pytest.mark.parametrize("score", [0.01, 0.3, 0.9])
def test_json_is_what_the_detector_finds(server: Running, photo: bytes, detector: Detector, score: float):
    """Every row of an answer against the Detections of the library."""
    answer = server.client.post("/v1/detect", params={"min_score": score}, content=photo).json()
    (image,) = answer["images"]
    expected = detector(photo).above(score)
    assert (answer["model"], image["width"], image["height"]) == ("tiny", 160, 120)
    assert [row["name"] for row in image["detections"]] == [name for _, _, name in expected]
    assert [row["prior"] for row in image["detections"]] == expected.priors.tolist()
    boxes = np.reshape([row["box"] for row in image["detections"]], (-1, 4))
    np.testing.assert_allclose(boxes, expected.boxes, atol=0.011)
    np.testing.assert_allclose([row["score"] for row in image["detections"]], expected.scores, atol=1e-5)


def test_several_images_keep_their_order(server: Running, detector: Detector, tmp_path: Path):
    """A form with five images, one of them damaged, against one detection after the other."""
    images = [write_image(tmp_path / f"{i}.png", noise_image(seed=i, width=60 + 10 * i)).read_bytes() for i in range(5)]
    images[2] = images[2][:200]
    files = [("image", (f"{i}.png", data)) for i, data in enumerate(images)]
    answer = server.client.post("/v1/detect", files=files, data={"min_score": "0.5"}).json()
    assert [entry["image"] for entry in answer["images"]] == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert answer["images"][2]["error"]["code"] == "bad_image"
    for number in (0, 1, 3, 4):
        expected = detector(images[number]).above(0.5)
        assert [row["name"] for row in answer["images"][number]["detections"]] == [name for _, _, name in expected]


def test_classes_are_a_filter(server: Running, photo: bytes, detector: Detector):
    """classes=disc,star against the rows of the detector with these names."""
    answer = server.client.post("/v1/detect?min_score=0.01&classes=disc,star", content=photo).json()
    expected = [name for _, _, name in detector(photo) if name in ("disc", "star")]
    assert [row["name"] for row in answer["images"][0]["detections"]] == expected


def test_coco_holds_the_same_boxes(server: Running, photo: bytes):
    """format=coco against format=json: sides become width and height, labels count from 1."""
    answers = [
        server.client.post(f"/v1/detect?format={kind}&min_score=0.2", content=photo).json() for kind in ("json", "coco")
    ]
    rows, coco = answers[0]["images"][0]["detections"], answers[1]
    assert [one["name"] for one in coco["categories"]] == ["disc", "square", "star"]
    assert len(coco["annotations"]) == len(rows) > 0
    for row, annotation in zip(rows, coco["annotations"], strict=True):
        x, y, width, height = annotation["bbox"]
        np.testing.assert_allclose([x, y, x + width, y + height], row["box"], atol=0.021)
        assert (annotation["category_id"], annotation["image_id"]) == (row["label"] + 1, 1)


def test_an_image_is_drawn(server: Running, photo: bytes, detector: Detector):
    """format=image against `Detections.draw`, up to what JPEG changes."""
    answer = server.client.post("/v1/detect?format=image&min_score=0.5", content=photo)
    assert answer.headers["content-type"] == "image/jpeg"
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    expected = detector(photo).above(0.5).draw(read_image(photo))
    assert drawn.shape == expected.shape
    assert np.abs(drawn.astype(int) - expected).mean() < 8


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("", b"", 400, "empty_body"),
        ("", b"no image at all", 415, "unknown_format"),
        ("", b"\xff\xd8\xff\xe0 and then nothing", 415, "unknown_format"),
        ("", "CUT", 422, "bad_image"),
        ("?min_score=2", "PHOTO", 422, "bad_parameter"),
        ("?min_score=nan", "PHOTO", 422, "bad_parameter"),
        ("?min_score=", "PHOTO", 422, "bad_parameter"),
        ("?format=xml", "PHOTO", 422, "bad_parameter"),
        ("?threshold=0.5", "PHOTO", 422, "bad_parameter"),
        ("?classes=dragon", "PHOTO", 422, "unknown_class"),
        ("?classes=", "PHOTO", 422, "unknown_class"),
        ("?model=other", "PHOTO", 404, "unknown_model"),
    ],
)
def test_what_cannot_be_answered(
    server: Running, photo: bytes, query: str, content: str | bytes, status: int, code: str
):
    """Wrong bodies and parameters against a status, a word, and one line."""
    body = {"PHOTO": photo, "CUT": photo[: len(photo) // 2]}.get(content, content)  # type: ignore[call-overload]
    answer = server.client.post(f"/v1/detect{query}", content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert "\n" not in error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--", "bad_multipart"),
        ("multipart/form-data; boundary=x", b"", "bad_multipart"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\n" + IMAGE_HEAD + b"abc",
            "bad_multipart",
        ),
        ("multipart/form-data; boundary=x", b"no boundary", "bad_multipart"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\n" + IMAGE_HEAD.replace(b"image", b"a") + b"1\r\n--x--\r\n",
            "no_image",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n\r\n--x--\r\n", "bad_multipart"),
        ("multipart/form-data; boundary=" + 300 * "x", b"--x", "bad_multipart"),
    ],
)
def test_broken_forms(server: Running, kind: str, body: bytes, code: str):
    """Malformed multipart bodies against 400."""
    answer = server.client.post("/v1/detect", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_json_is_no_image(server: Running):
    """A JSON body against an answer that says what to send."""
    answer = server.client.post("/v1/detect", json={"url": "http://127.0.0.1/secret.jpg"})
    assert answer.status_code == 415
    assert "send the bytes of an image" in answer.json()["error"]["message"]


def test_models_tell_what_they_are(server: Running, weights: Path):
    """/v1/models against the weight file."""
    import hashlib

    (model,) = server.client.get("/v1/models").json()["models"]
    assert model["digest"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert [one["name"] for one in model["classes"]] == ["disc", "square", "star"]
    assert all(one["color"].startswith("#") and len(one["color"]) == 7 for one in model["classes"])


def test_explanations_repeat_the_detection(server: Running, photo: bytes, detector: Detector):
    """/v1/explain of the best detection against the detection and `PriorSpec.position`."""
    best = server.client.post("/v1/detect?min_score=0.01", content=photo).json()["images"][0]["detections"][0]
    answer = server.client.post(f"/v1/explain?prior={best['prior']}", content=photo).json()
    place = detector.engine.config.model.priors.position(best["prior"])
    np.testing.assert_allclose(answer["box"], best["box"], atol=0.02)
    assert answer["scores"][0] == {"label": best["label"], "name": best["name"], "score": best["score"]}
    assert answer["background"] + sum(row["score"] for row in answer["scores"]) == pytest.approx(1, abs=1e-4)
    gone = explain(detector, photo, min_score=0.01).detections[0].suppressed
    assert answer["suppressed"] == len(gone)
    assert (answer["map"]["number"], answer["cell"]["row"], answer["cell"]["column"]) == (
        place.map + 1,
        place.row,
        place.column,
    )
    left, top, right, bottom = answer["cell"]["box"]
    x, y = (sum(answer["prior_box"][i::2]) / 2 for i in (0, 1))
    assert left <= x <= right
    assert top <= y <= bottom


def test_a_prior_that_does_not_exist(server: Running, photo: bytes):
    """A number beyond the last prior against 422."""
    answer = server.client.post("/v1/explain?prior=9999999", content=photo)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_prior")


def test_answers_carry_headers(server: Running, photo: bytes):
    """Security headers, request ids and stages on every kind of answer."""
    for answer in (server.client.post("/v1/detect", content=photo), server.client.get("/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    answer = server.client.post("/v1/detect", content=photo, headers={"X-Request-ID": "mine-7"})
    assert answer.headers["x-request-id"] == "mine-7"
    assert "network;dur=" in answer.headers["server-timing"]
    odd = server.client.get("/nothing", headers={"X-Request-ID": "a b<script>"})
    assert odd.headers["x-request-id"].isalnum()


def test_the_description_is_served(server: Running):
    """/openapi.json against every route that is documented, with an example that the shipped detector gave."""
    document = server.client.get("/openapi.json").json()
    assert {"/v1/detect", "/v1/explain", "/v1/models", "/metrics", "/predict", "/setup", "/health"} <= set(
        document["paths"]
    )
    content = document["paths"]["/v1/detect"]["post"]["responses"]["200"]["content"]
    example = content["application/json"]["examples"]["json"]["value"]
    assert json.dumps(example).count('"sheep"') == 3
