"""What reaches standard output: any name, without control over the terminal, also if the stream is closed or odd."""

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.cli.streams import EscapingStream, safe_streams
from multibox.words import escaped, listed


def run(
    *words: str | Path, before: str = "", after: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The program under a shell, for closed streams and pipes."""
    command = " ".join([before, sys.executable, "-m", "multibox", *(f"'{word}'" for word in words), after])
    given = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(["bash", "-c", command], capture_output=True, timeout=120, env=given)


def test_control_characters_are_escaped():
    """Escape sequences, line feeds and turned writing as escapes; letters of any script stay."""
    assert escaped("a\x1b[31mb\nc\x9b\u202ed") == "a\\u001b[31mb\\u000ac\\u009b\\u202ed"
    assert escaped("猫 é\tx\n", kept="\t\n") == "猫 é\tx\n"
    assert listed(["a\nb", "c"]) == "a\\u000ab, c"


def test_the_stream_keeps_lines_and_json():
    """Lines and tabs stay; an escape inside JSON is read back as the character."""
    target = io.StringIO()
    print("one\ttwo\n\x1b[2J", json.dumps("\x9b", ensure_ascii=False), file=EscapingStream(target))
    first, second = target.getvalue().splitlines()
    assert first == "one\ttwo"
    assert second.startswith("\\u001b[2J ")
    assert json.loads(second.removeprefix("\\u001b[2J ")) == "\x9b"


def test_names_that_the_stream_cannot_encode(monkeypatch: pytest.MonkeyPatch):
    """A name of undecodable bytes and letters outside ASCII on a strict ASCII stream: escapes instead of an error."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    before = sys.stdout
    with safe_streams():
        print("\udcff é 猫")
        sys.stdout.flush()
    assert raw.getvalue() == b"\\udcff \\xe9 \\u732b\n"
    assert sys.stdout is before


def test_detect_with_odd_names_and_streams(weights: Path, tmp_path: Path):
    """Names with escape sequences and bytes that are not UTF-8: no raw byte arrives, JSON is valid, nothing fails."""
    image = cv2.imencode(".jpg", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    (tmp_path / "esc\x1b[31m\n.jpg").write_bytes(image)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.jpg")).write_bytes(image)
    done = run("detect", tmp_path, "-w", weights, PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2
    done = run("detect", tmp_path, "-w", weights, "--json", PYTHONIOENCODING="ascii:strict")
    names = [entry["image"] for entry in json.loads(done.stdout)]
    assert names == [f"{tmp_path}/b\udcff.jpg", f"{tmp_path}/esc\x1b[31m\n.jpg"]


@pytest.mark.parametrize("after", [">&-", ">&- 2>&-", "2>&-", "<&-", "> /dev/full", "| head -c 1"])
def test_closed_and_full_streams(weights: Path, photos: Path, after: str):
    """A closed output is no error; a full one is one line; a reader that has enough ends the command."""
    done = run("detect", photos, "-w", weights, after=after)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == (1 if "full" in after else 0)
    if "full" in after:
        assert done.stderr.splitlines()[-1] == b"multibox: No space left on device"
    if after == ">&-":
        assert b"standard output is closed, results are not printed" in done.stderr


def test_a_pipe_is_read_once(multibox, weights: Path, photos: Path, tmp_path: Path):
    """An image from a pipe is detected and drawn as the file itself."""
    pipe, out = tmp_path / "pipe.png", tmp_path / "out"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((photos / "b.png").read_bytes()))
    writer.start()
    outcome = multibox("detect", pipe, "-w", weights, "--out", out, "--json")
    writer.join()
    assert outcome.code == 0
    entry = json.loads(outcome.out)[0]
    assert (entry["width"], entry["height"]) == (90, 200)
    assert cv2.imread(str(out / "pipe.png")).shape == (200, 90, 3)


def test_an_empty_name_is_not_the_current_folder(multibox, weights: Path):
    """The message for `multibox detect ''`."""
    outcome = multibox("detect", "", "-w", weights)
    assert outcome.code == 1
    assert "'' is an empty name: give an image" in outcome.err


def test_an_image_wider_than_jpeg_holds(multibox, weights: Path, photos: Path, tmp_path: Path):
    """A PNG of 70,000 pixels under the name of a JPEG: one line, and the other image is drawn."""
    (photos / "wide.jpg").write_bytes(cv2.imencode(".png", np.zeros((20, 70_000, 3), np.uint8))[1].tobytes())
    outcome = multibox("detect", photos, "-w", weights, "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "70,000 x 20 pixels, and JPEG holds up to 65,500 on a side; write a PNG file" in outcome.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "b.png"]
