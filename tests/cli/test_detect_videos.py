"""`multibox detect` for videos: lines, files, ranges, continuation, signals and messages."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from made_videos import make_video, number_of
from multibox.detection.detector import Detector
from multibox.video.frames import frames

pytest.importorskip("av", reason="the package av is not installed")

TIMES = tuple(number / 10 for number in range(11))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "street.mkv", times=TIMES, audio="flac")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_lines_are_what_the_detector_finds(multibox, weights: Path, video: Path, tmp_path: Path):
    """Each line of NAME.jsonl against the detector on the frame alone, and the video against its source."""
    outcome = multibox("detect", video, "-w", weights, "--out", tmp_path / "out", "--save-video", "--time")
    assert (outcome.code, outcome.out) == (0, "")
    for words in ("11 frames", "frames/s", "decode", "resize and network", "draw", "encode"):
        assert words in outcome.err
    detector = Detector.load(weights)
    entries = lines(tmp_path / "out" / "street.jsonl")
    assert [(entry["index"], entry["time"]) for entry in entries] == list(enumerate(TIMES))
    for entry, frame in zip(entries, frames(video), strict=True):
        expected = detector(frame.image)
        assert len(entry["detections"]) == len(expected) > 0
        np.testing.assert_allclose([d["box"] for d in entry["detections"]], expected.boxes, atol=0.02)
    assert [round(frame.time, 3) for frame in frames(tmp_path / "out" / "street.mp4")] == list(TIMES)


def test_standard_output_has_a_line_for_each_frame(multibox, weights: Path, video: Path):
    """Without --out, text, an array and CSV against the number of frames."""
    text = multibox("detect", video, "-w", weights, "--min-score", "0.3")
    assert len(text.out.splitlines()) == 11
    assert text.out.startswith(f"{video} 0.00 s: ")
    array = json.loads(multibox("detect", video, "-w", weights, "--json").out)
    assert [entry["index"] for entry in array] == list(range(11))
    table = list(csv.DictReader(multibox("detect", video, "-w", weights, "--format", "csv").out.splitlines()))
    assert {row["index"] for row in table} == {str(number) for number in range(11)}


def test_a_part_and_its_continuation(multibox, weights: Path, video: Path, tmp_path: Path):
    """Two runs, the second with --from, against one run over the whole file; the first video is kept."""
    out = tmp_path / "out"
    multibox("detect", video, "-w", weights, "--out", out, "--to", "0.5", "--save-video")
    with open(out / "street.jsonl", "a") as file:
        file.write('{"index": 5, "time": 0.5, "cut o')  # as a killed process leaves it
    multibox("detect", video, "-w", weights, "--out", out, "--from", "0.5", "--save-video")
    multibox("detect", video, "-w", weights, "--out", tmp_path / "whole")
    assert lines(out / "street.jsonl") == lines(tmp_path / "whole" / "street.jsonl")
    assert len(list(frames(out / "street.mp4"))) == 5
    assert [round(frame.time, 3) for frame in frames(out / "street-from-0.5.mp4")] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_every_third_frame(multibox, weights: Path, video: Path, tmp_path: Path):
    """--every 3 against the indices of the lines and the numbers in the frames of the video."""
    multibox("detect", video, "-w", weights, "-o", tmp_path / "out", "--every", "3", "--save-video", "--min-score", "1")
    assert [entry["index"] for entry in lines(tmp_path / "out" / "street.jsonl")] == [0, 3, 6, 9]
    assert [number_of(frame.image) for frame in frames(tmp_path / "out" / "street.mp4")] == [0, 3, 6, 9]


def test_classes_crops_and_formats(multibox, weights: Path, video: Path, tmp_path: Path):
    """--classes against the names in a CSV file, --crops against the number of detections that score enough."""
    words = ("--classes", "disc", "--crops", "--format", "csv", "--to", "0.3", "--min-score", "0.4")
    outcome = multibox("detect", video, "-w", weights, "-o", tmp_path / "out", *words)
    assert outcome.code == 0
    rows = list(csv.DictReader((tmp_path / "out" / "street.csv").read_text("utf-8").splitlines()))
    assert {row["name"] for row in rows} == {"disc"}
    crops = list((tmp_path / "out" / "crops" / "disc").iterdir())
    assert len(crops) == len(rows) > 0
    assert {path.name for path in crops} >= {f"street-{int(row['index']):06}-1.jpg" for row in rows}


def test_two_videos_of_one_name_get_two_results(multibox, weights: Path, video: Path, tmp_path: Path):
    """Equal names in two folders against two files."""
    other = make_video(tmp_path / "other" / "Street.mp4", times=TIMES[:3])
    multibox("detect", video, other, "-w", weights, "-o", tmp_path / "out", "--to", "0.2")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Street-2.jsonl", "street.jsonl"]


def test_a_damaged_video_is_one_line(multibox, weights: Path, video: Path, tmp_path: Path):
    """A file that is no video against exit code 1, one line, and no result file."""
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing")
    outcome = multibox("detect", bad, "-w", weights, "-o", tmp_path / "out", "--save-video")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("\n") == 1
    assert "bad.mp4" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["VIDEO", "PHOTO"], "give images or videos in one call"),
        (["PHOTO", "--every", "2"], "--every is for videos"),
        (["PHOTO", "--save-video", "--out", "OUT"], "--save-video is for videos"),
        (["VIDEO", "--save-video"], "--save-video needs a folder"),
        (["VIDEO", "--crops"], "--crops needs a folder"),
        (["VIDEO", "--format", "xml"], "format 'xml' is not known: choose one of jsonl, csv, coco"),
        (["VIDEO", "--format", "csv", "--json"], "--json and --format csv"),
        (["VIDEO", "--from", "5", "--to", "2"], "the end must be later"),
        (["VIDEO", "--classes", "cat"], "'cat' is not a class of this detector"),
        (["VIDEO", "--out", "PHOTO"], "is a file: give a folder"),
        (["VIDEO", "--hardware", "magic"], "hardware decoder 'magic' is not known"),
        (["gopher://host/x"], "is not an address of a stream"),
        (["VIDEO", "--out", "SAME", "--save-video"], "would overwrite the video"),
    ],
)
def test_wrong_use(multibox, weights: Path, photos: Path, tmp_path: Path, words: list[str], message: str):
    """Wrong arguments against exit code 2 and one line that names the mistake."""
    video = make_video(tmp_path / "same" / "a.mp4", times=TIMES[:3])
    places = {"VIDEO": video, "PHOTO": photos / "a.jpg", "OUT": tmp_path / "out", "SAME": video.parent}
    outcome = multibox("detect", *(places.get(word, word) for word in words), "-w", weights)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_an_existing_csv_is_not_continued(multibox, weights: Path, video: Path, tmp_path: Path):
    """--from with a CSV file of an earlier run against one line; the file is unchanged."""
    words = ("detect", video, "-w", weights, "-o", tmp_path / "out", "--format", "csv")
    multibox(*words, "--to", "0.3")
    before = (tmp_path / "out" / "street.csv").read_bytes()
    outcome = multibox(*words, "--from", "0.3")
    assert outcome.code == 2
    assert "can be continued with --from" in outcome.err
    assert (tmp_path / "out" / "street.csv").read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_completes_the_files(weights: Path, tmp_path: Path, number: signal.Signals):
    """A command that gets a signal against complete files up to some frame, and the usual exit code."""
    video = make_video(tmp_path / "long.mkv", times=tuple(n / 10 for n in range(100)) * 1)
    for copy in range(30):  # a folder of links makes the same video long enough
        (tmp_path / f"long{copy}.mkv").symlink_to(video)
    words = ["detect", *map(str, sorted(tmp_path.glob("*.mkv"))), "-w", str(weights), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "multibox", *words, "--save-video", "--batch", "2"], stderr=subprocess.PIPE, text=True
    )
    first = tmp_path / "out" / "long.jsonl"
    while not (first.exists() and first.read_bytes().count(b"\n") >= 3) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, number)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    assert f"stopped by {number.name}" in err
    assert "continue with --from" in err
    last = max((tmp_path / "out").glob("*.mp4"), key=lambda path: path.stat().st_mtime)
    assert len(list(frames(last))) == len(lines(last.with_suffix(".jsonl"))) > 0
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix not in (".mp4", ".jsonl")]


def test_tracks_and_counts(multibox, weights: Path, video: Path, tmp_path: Path):
    """--track with a line and a zone against tracks in the lines, counts in every line, and the summary."""
    pytest.importorskip("lap", reason="the package lap is not installed")
    shapes = ("--line", "door=32,0,32,48", "--zone", "0,0,64,0,64,48,0,48", "--classes", "disc,star")
    outcome = multibox("detect", video, "-w", weights, "-o", tmp_path / "out", *shapes, "--save-video")
    assert outcome.code == 0
    entries = lines(tmp_path / "out" / "street.jsonl")
    for entry in entries:
        assert set(entry["counts"]) == {"lines", "zones"}
        ids = {track["id"] for track in entry["tracks"]}
        assert {found["track"] for found in entry["detections"] if "track" in found} <= ids
        assert {track["name"] for track in entry["tracks"]} <= {"disc", "star"}
    assert entries[-1]["tracks"]
    assert list(entries[-1]["counts"]["zones"]) == ["zone-1"]
    for words in ("line door: ", "zone zone-1: ", " tracks ("):
        assert words in outcome.err
    assert len(list(frames(tmp_path / "out" / "street.mp4"))) == 11


def test_ids_go_on_after_a_continuation(multibox, weights: Path, video: Path, tmp_path: Path):
    """Two runs with --from against ids of the second that are larger than those of the first."""
    pytest.importorskip("lap", reason="the package lap is not installed")
    words = ("detect", video, "-w", weights, "-o", tmp_path / "out", "--track")
    multibox(*words, "--to", "0.5")
    multibox(*words, "--from", "0.5")
    entries = lines(tmp_path / "out" / "street.jsonl")
    ids = [{track["id"] for track in entry["tracks"]} for entry in entries]
    assert len(entries) == 11
    assert max(set().union(*ids[:5])) < min(set().union(*ids[5:]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["VIDEO", "--line", "1,2,3"], "--line 1,2,3 has 3 numbers"),
        (["VIDEO", "--zone", "a=1,2,3,4"], "a zone is x1,y1"),
        (["VIDEO", "--line", "a=1,2,3,4", "--zone", "a=1,2,3,4,5,5"], "have the name 'a'"),
        (["VIDEO", "--track", "--anchor", "top"], "--anchor top is not known: choose center or bottom"),
        (["VIDEO", "--track", "--anchor", "bottom"], "--anchor bottom belongs to --line and --zone"),
        (["PHOTO", "--anchor", "bottom"], "--anchor is for videos"),
        (["PHOTO", "--timeout", "3"], "--timeout is for videos"),
        (["PHOTO", "--track"], "--track is for videos"),
        (["camera:0", "VIDEO"], "has no end, give it alone"),
        (["camera:0", "--from", "3"], "--from and --to are for files"),
        (["VIDEO", "--show"], "--show needs"),
        (["VIDEO", "--timeout", "0"], "--timeout"),
    ],
)
def test_wrong_use_of_tracks_and_streams(
    multibox, monkeypatch: pytest.MonkeyPatch, weights: Path, photos: Path, tmp_path: Path, words, message: str
):
    """Wrong arguments against exit code 2 and one line that names the mistake."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    video = make_video(tmp_path / "a.mp4", times=TIMES[:3])
    places = {"VIDEO": video, "PHOTO": photos / "a.jpg"}
    outcome = multibox("detect", *(places.get(word, word) for word in words), "-w", weights)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_a_stream_ends_with_its_files(weights: Path, tmp_path: Path):
    """A command on a stream of this machine, ended by SIGTERM, against exit code 0, complete files and its counts."""
    from mjpeg_server import MjpegServer

    with MjpegServer(rate=30) as server:
        words = ["detect", server.address, "-w", str(weights), "-o", str(tmp_path / "out"), "--save-video", "--track"]
        process = subprocess.Popen([sys.executable, "-m", "multibox", *words], stderr=subprocess.PIPE, text=True)
        while not _lines_of(tmp_path / "out") > 5 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=60)[1]
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert " dropped, 0 reconnections, latency " in err
    (file,) = (tmp_path / "out").glob("*.jsonl")
    entries = lines(file)
    assert all(entry["latency"] > 0 and entry["dropped"] >= 0 for entry in entries)
    assert len(list(frames(file.with_suffix(".mp4")))) == len(entries)


def _lines_of(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl"))
