"""The page in a real browser: each action against what the service answers and what the screen shows."""

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multibox.detection.detector import Detector
from multibox.service.settings import ServiceSettings
from running_service import TOKEN, Running, running
from tiny_detector import noise_image, write_image

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=20_000)  # for machines with much other work

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No requests of the browser's own, and a camera that shows a test pattern.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
WIDTHS = {"wide": 1440, "tablet": 820, "phone": 390}


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield one
        one.close()


@pytest.fixture(scope="module")
def models(weights: Path) -> Iterator[Running]:
    """A service with two names of one model."""
    settings = ServiceSettings(batch=2, max_mb=1)
    with running({"first": str(weights), "second": str(weights)}, settings) as one:
        yield one


@pytest.fixture
def page(browser, models: Running) -> Iterator["playwright.Page"]:
    """The page, which must report no error and load nothing from elsewhere."""
    context = browser.new_context(permissions=["camera", "clipboard-read", "clipboard-write"])
    one = context.new_page()
    one.set_default_timeout(15_000)
    errors, requests = [], []
    one.on("pageerror", lambda error: errors.append(error))
    one.on("request", lambda request: requests.append(request.url))
    one.goto(f"http://127.0.0.1:{models.port}/")
    expect(one.locator("#hint .classes")).to_contain_text("disc, square, star")
    yield one
    context.close()
    assert errors == []
    assert [url for url in requests if not url.startswith((f"http://127.0.0.1:{models.port}/", "blob:"))] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images and a text."""
    home = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        write_image(home / f"{seed}.jpg", noise_image(seed=seed + 1))
    (home / "notes.txt").write_text("no image")
    return home


def add(page, *files: Path) -> None:
    """Choose files, and wait for the result of the first one."""
    page.set_input_files("#files", list(files))
    expect(page.locator("#count")).to_have_text(re.compile(r"\d+ of \d+"))


def set_score(page, value: float) -> None:
    page.locator("#score").evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", value
    )


def expected(weights: Path, image: Path, score: float) -> list[tuple[str, str]]:
    """Names and scores that the list shows."""
    return [(name, f"{value:.2f}") for _, value, name in Detector.load(weights)(image).above(score)]


def listed(page) -> list[tuple[str, str]]:
    names, scores = (page.locator(f"#list {part}").all_inner_texts() for part in (".name", "b"))
    return list(zip(names, scores, strict=True))


def test_boxes_and_list_are_what_the_detector_finds(page, folder: Path, weights: Path):
    """A chosen image: list and boxes against the Detections of the library; they are linked, and the slider filters."""
    add(page, folder / "0.jpg")
    rows = expected(weights, folder / "0.jpg", 0.5)
    assert listed(page) == rows
    assert len(rows) > 1
    expect(page.locator(".box")).to_have_count(len(rows))
    box = Detector.load(weights)(folder / "0.jpg").boxes[0]
    first, image = page.locator('.box[data-index="0"]').bounding_box(), page.locator(".sheet img").bounding_box()
    scale = image["width"] / 160
    drawn = [first["x"] - image["x"], first["y"] - image["y"], first["width"], first["height"]]
    np.testing.assert_allclose(drawn, [scale * side for side in (*box[:2], *(box[2:] - box[:2]))], atol=2.5)
    page.locator("#list button").first.hover()
    expect(page.locator('.box[data-index="0"]')).to_have_class(re.compile("lit"))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    set_score(page, 0.3)
    assert listed(page) == expected(weights, folder / "0.jpg", 0.3)
    name = rows[0][0]
    page.locator(f'.chip[data-name="{name}"]').click()
    assert [row for row in listed(page) if row[0] == name] == []
    page.locator(f'.chip[data-name="{name}"]').click()
    assert listed(page) == expected(weights, folder / "0.jpg", 0.3)
    assert requests == []
    set_score(page, 1)
    expect(page.locator("#none")).to_contain_text("Nothing passes the filters")


def test_many_boxes_show_names_only_on_demand(page, folder: Path):
    """All detections of a pattern: frames without names, and a name for the one that is pointed at."""
    add(page, folder / "0.jpg")
    set_score(page, 0.05)
    expect(page.locator(".boxes")).to_have_class(re.compile("many"))
    expect(page.locator(".box span").first).to_be_hidden()
    page.locator("#list button").nth(2).hover()
    expect(page.locator('.box[data-index="2"] span')).to_be_visible()


def test_a_folder_and_the_strip(page, folder: Path):
    """A folder with a text in it: the images only, one after the other, also by arrow keys."""
    page.set_input_files("#folder", folder)
    expect(page.locator(".thumb")).to_have_count(3)
    expect(page.locator(".thumb b").last).not_to_be_empty()
    page.locator(".thumb").nth(1).click()
    expect(page.locator(".sheet img")).to_have_attribute("alt", "1.jpg")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".sheet img")).to_have_attribute("alt", "2.jpg")
    page.get_by_role("button", name="Remove all images").click()
    expect(page.get_by_role("heading", name="Find objects in your images")).to_be_visible()


TRANSFER = """([data, name]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  return transfer;
}"""


def test_images_are_dropped_and_pasted(page, folder: Path):
    """A dropped file and a pasted one."""
    import base64

    data = base64.b64encode((folder / "0.jpg").read_bytes()).decode()
    dropped = page.evaluate_handle(TRANSFER, [data, "dropped.jpg"])
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("#drop")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(page.locator(".sheet img")).to_have_attribute("alt", "dropped.jpg")
    expect(page.locator("#drop")).to_be_hidden()
    pasted = page.evaluate_handle(TRANSFER, [data, "pasted.jpg"])
    page.evaluate(
        "(data) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))", pasted
    )
    expect(page.locator(".sheet img")).to_have_attribute("alt", "pasted.jpg")
    expect(page.locator(".thumb")).to_have_count(2)


def test_a_click_explains_a_box(page, folder: Path, weights: Path):
    """The explanation of the best box against the prior's position; Escape closes it."""
    detector = Detector.load(weights)
    found = detector(folder / "0.jpg")
    place = detector.engine.config.model.priors.position(int(found.priors[0]))
    add(page, folder / "0.jpg")
    page.locator('.box[data-index="0"]').dispatch_event("click")
    panel = page.locator("#explain-body")
    expect(panel).to_contain_text(f"row {place.row + 1}, column {place.column + 1}")
    expect(panel).to_contain_text(f"{found.priors[0]:,} of {detector.engine.config.model.priors.count:,}")
    expect(panel.locator(".scores li")).to_have_count(4)
    expect(page.locator(".marks .prior")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#explain")).to_be_hidden()


def test_the_keyboard_is_enough(page, folder: Path):
    """From the list: arrows move, Enter explains, and the box is chosen."""
    add(page, folder / "0.jpg")
    page.locator("#list button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator('.box[data-index="1"]')).to_have_class(re.compile("chosen"))
    expect(page.locator("#explain-body .scores")).to_be_visible()
    expect(page.locator("#list button").nth(1)).to_be_focused()


def test_two_models_side_by_side(page, folder: Path):
    """Compare: two views with the same boxes, and a list for each."""
    add(page, folder / "0.jpg")
    page.get_by_role("button", name="Compare two models").click()
    counts = [page.locator(".view").nth(at).locator(".box") for at in (0, 1)]
    expect(counts[1].first).to_be_visible()
    assert counts[0].count() == counts[1].count()
    expect(page.locator("#second")).to_have_value("second")
    page.locator("#tabs button").nth(1).click()
    page.locator("#list button").first.click()
    expect(page.locator(".view").nth(1).locator(".box.chosen")).to_have_count(1)
    expect(page.locator(".view").nth(0).locator(".box.chosen")).to_have_count(0)
    page.get_by_role("button", name="Compare two models").click()
    expect(page.locator(".view")).to_have_count(1)


def test_results_are_downloaded(page, folder: Path, weights: Path, models: Running):
    """JSON and COCO against the shown rows, the image against the service, and the curl line."""
    add(page, folder / "0.jpg")
    rows = expected(weights, folder / "0.jpg", 0.5)
    found = {}
    for name in ("JSON", "COCO", "Image"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        found[name] = Path(download.value.path()).read_bytes()
    answer = json.loads(found["JSON"])
    assert [row["name"] for row in answer["images"][0]["detections"]] == [name for name, _ in rows]
    coco = json.loads(found["COCO"])
    assert [coco["categories"][one["category_id"] - 1]["name"] for one in coco["annotations"]] == [n for n, _ in rows]
    assert Image.open(io.BytesIO(found["Image"])).size == (160, 120)
    line = page.locator("#curl").inner_text()
    assert "--data-binary @'0.jpg'" in line
    address = re.search(r"'(http[^']+)'", line)[1]
    assert models.client.post(address, content=(folder / "0.jpg").read_bytes()).status_code == 200
    page.get_by_role("button", name="Copy the command").click()
    assert page.evaluate("navigator.clipboard.readText()") == line


def test_the_camera_is_a_source(page):
    """The browser's test pattern: boxes over the video, a rate, and a frame that is kept."""
    page.locator("[data-open=camera]").first.click()
    expect(page.locator("#rate")).to_contain_text("images a second")
    expect(page.locator("video")).to_be_visible()
    page.get_by_role("button", name="Keep this frame").click()
    expect(page.locator("video")).to_have_count(0)
    expect(page.locator(".sheet img")).to_have_attribute("alt", re.compile("camera-"))
    expect(page.locator("#count")).to_have_text(re.compile(r"\d+ of \d+"))


def test_a_damaged_image_says_why(page, folder: Path, tmp_path: Path):
    """A truncated file: a message, the button to remove it, and the next image works."""
    (tmp_path / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:1500])
    page.set_input_files("#files", tmp_path / "cut.jpg")
    expect(page.locator(".problem")).to_contain_text("it is truncated")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#empty")).to_be_visible()
    add(page, folder / "0.jpg")


def test_the_page_goes_on_when_the_service_is_back(page, folder: Path):
    """Requests that fail: a banner; after the service answers again, the image that waited gets its boxes."""
    page.route("**/v*/**", lambda route: route.abort())
    page.set_input_files("#files", folder / "0.jpg")
    expect(page.locator("#banner")).to_contain_text("does not answer")
    expect(page.locator(".box")).to_have_count(0)
    page.unroute("**/v*/**")
    expect(page.locator(".box").first).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_the_model_card_and_the_theme(page, models: Running):
    """The dialog against /v1/models, and the switch between light and dark, which is remembered."""
    page.get_by_role("button", name="About the model").click()
    digest = models.client.get("/v1/models").json()["models"][0]["digest"]
    expect(page.locator("#card-body")).to_contain_text(digest)
    page.keyboard.press("Escape")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


@pytest.mark.parametrize(
    ("width", "theme"), [("wide", "light"), ("wide", "dark"), ("tablet", "light"), ("phone", "dark")]
)
def test_the_page_fits_and_is_accessible(browser, models: Running, folder: Path, width: str, theme: str):
    """No horizontal scrolling and no finding of axe-core, empty and with results. MULTIBOX_SHOTS=DIR keeps images."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    size = {"width": WIDTHS[width], "height": 900}
    context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{models.port}/")
    expect(page.locator("#hint .classes")).to_contain_text("disc")
    check(page, axe, f"empty-{width}-{theme}")
    add(page, *sorted(folder.glob("*.jpg")))
    page.locator("#list button").first.click()
    expect(page.locator("#explain-body .scores")).to_be_visible()
    check(page, axe, f"result-{width}-{theme}")
    context.close()


def check(page, axe, name: str) -> None:
    """Width, findings, and an image if a folder for them is named."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    if shots := os.environ.get("MULTIBOX_SHOTS"):
        page.screenshot(path=f"{shots}/{name}.png", full_page=True)


def test_a_token_is_the_password(browser, weights: Path, folder: Path):
    """A service with a token: the browser asks for a password, and the curl line names the token."""
    with running({"tiny": str(weights)}, ServiceSettings(batch=1, token=TOKEN)) as guarded:
        context = browser.new_context(http_credentials={"username": "x", "password": TOKEN})
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{guarded.port}/")
        add(page, folder / "0.jpg")
        expect(page.locator("#curl")).to_contain_text('Authorization: Bearer $TOKEN"')
        expect(page.get_by_role("button", name="Compare two models")).to_be_disabled()
        context.close()
