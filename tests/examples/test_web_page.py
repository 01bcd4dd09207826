"""The web page in Chromium: boxes in a photograph and in a camera's frames against those that Python finds."""

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.detection.export.export import export
from multibox.detection.export.runtime import RUNTIME, runtime_files
from multibox.errors import InputError, UsageError
from shared_data import shared

pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")

PACKAGE = Path(os.environ.get("MULTIBOX_ORT_WEB", Path(__file__).parents[2] / "node_modules" / "onnxruntime-web"))
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream"),
)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def photograph() -> Path:
    return sorted(shared("data/voc_animals/VOC2012/JPEGImages").glob("*.jpg"))[3]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of the shipped detector on a local port."""
    if not PACKAGE.is_dir():
        pytest.skip("run `npm install --no-save onnxruntime-web`, or name its folder in MULTIBOX_ORT_WEB")
    site = tmp_path_factory.mktemp("web") / "site"
    export("lite320-animals", format="web", out=site, runtime=PACKAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(photograph: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium whose camera shows the photograph."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    film = tmp_path_factory.mktemp("film") / "photograph.mjpeg"
    film.write_bytes(cv2.imencode(".jpg", camera_frame(photograph), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=chromium, args=[*FLAGS, *camera])
        yield one
        one.close()


def camera_frame(photograph: Path) -> np.ndarray:
    return cv2.resize(cv2.imread(str(photograph)), (640, 480))


def assert_same(rows: list[dict[str, Any]], image: Any, *, score: float) -> None:
    """Names, scores (within `score`) and boxes (100 pixels times `score`) of the page against those of Python."""
    expected = Detector.load("lite320-animals", device="cpu")(image).above(0.4)
    assert len(expected) > 0
    rows = [row for row in rows if row["score"] >= expected.scores[-1] - score][: len(expected)]
    assert [row["name"] for row in rows] == [name for _, _, name in expected]
    np.testing.assert_allclose([row["score"] for row in rows], expected.scores, atol=score)
    np.testing.assert_allclose([row["box"] for row in rows], expected.boxes, atol=max(100 * score, 0.01))


def test_an_image(browser: Any, address: str, photograph: Path):
    """A chosen photograph: the boxes, the table below it, and requests to this page only."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function("window.multibox", timeout=120_000)
    page.set_input_files("#file", str(photograph))
    page.wait_for_function("window.multibox.detections().length > 0", timeout=120_000)
    if target := os.environ.get("MULTIBOX_SCREENSHOTS"):
        page.screenshot(path=f"{target}/web.png", full_page=True)
    assert_same(page.evaluate("window.multibox.detections()"), photograph, score=0.02)  # JPEG decoders may differ
    assert page.locator("#list tbody tr").count() >= 1
    assert "object" in page.inner_text("#status")
    assert all(url.startswith((address, "blob:", "data:")) for url in asked)
    page.close()


@pytest.mark.parametrize("size", [(213, 320), (640, 640), (97, 1000), (500, 61)])
def test_the_resize_is_that_of_opencv(browser: Any, address: str, size: tuple[int, int]):
    """Every number of the network's input from the page against cv2.resize: enlarged, halved, and both at once."""
    height, width = size
    rgba = np.random.default_rng(height).integers(0, 256, (height, width, 4), dtype=np.uint8)
    page = browser.new_page()
    page.goto(address)
    code = """async ([pixels, width, height]) => {
        const { resize } = await import("./detect.js");
        return Array.from(resize(Uint8Array.from(pixels), width, height, 320, 320));
    }"""
    found = np.array(page.evaluate(code, [rgba.ravel().tolist(), width, height]), np.uint8)
    np.testing.assert_array_equal(found.reshape(320, 320, 3), cv2.resize(rgba[:, :, :3].copy(), (320, 320)))
    page.close()


def test_a_lossless_image(browser: Any, address: str, photograph: Path, tmp_path: Path):
    """A PNG, which has one way to be decoded: scores within 1e-5 of those of Python."""
    image = cv2.imread(str(photograph))
    cv2.imwrite(str(tmp_path / "photograph.png"), image)
    page = browser.new_page()
    page.goto(address)
    page.wait_for_function("window.multibox", timeout=120_000)
    page.set_input_files("#file", str(tmp_path / "photograph.png"))
    page.wait_for_function("window.multibox.detections().length > 0", timeout=120_000)
    assert_same(page.evaluate("window.multibox.detections()"), image[:, :, ::-1].copy(), score=1e-5)
    page.close()


def test_a_camera(browser: Any, address: str, photograph: Path):
    """The camera button with a camera that shows the photograph, and the button again, which stops it."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_function("window.multibox", timeout=120_000)
    page.click("#camera")
    page.wait_for_function("window.multibox.detections().length > 0", timeout=120_000)
    frame = camera_frame(photograph)[:, :, ::-1].copy()
    # Frames are JPEG, then YUV with a quarter of the colors.
    assert_same(page.evaluate("window.multibox.detections()"), frame, score=0.15)
    page.click("#camera")
    assert page.get_attribute("#camera", "aria-pressed") == "false"
    page.close()


def test_files_that_are_missing(tmp_path: Path):
    """A runtime folder without its files, and a folder that exists, against one line, before anything is written."""
    with pytest.raises(InputError, match=rf"has no {RUNTIME[0]}: run `npm install onnxruntime-web`"):
        runtime_files(tmp_path)
    site = tmp_path / "site"
    with pytest.raises(InputError, match="npm install"):
        export("lite320-animals", format="web", out=site, runtime=tmp_path)
    with pytest.raises(UsageError, match="--runtime with --format onnx"):
        export("lite320-animals", format="onnx", out=tmp_path / "a.onnx", runtime=tmp_path)
    assert not site.exists()
