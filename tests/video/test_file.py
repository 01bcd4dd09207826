"""Frames of files that PyAV wrote here: numbers shown in the images, times, turns, ranges and damage."""

import struct
from pathlib import Path

import numpy as np
import pytest

import multibox
from made_videos import SIZE, make_video, number_of, numbered_image, set_matrix
from multibox.errors import DataError, UsageError
from multibox.video.file import VideoFile
from multibox.video.frames import frames

pytest.importorskip("av", reason="the package av is not installed")

TIMES = tuple(number / 10 for number in range(20))
UNEVEN = (0.0, 0.1, 0.15, 0.5, 0.52, 1.0, 1.75, 1.8, 2.6, 3.0)


def read(path, **options):
    return [(number_of(f.image), round(f.time, 4), f.index) for f in frames(path, **options)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.mov", "mjpeg"), ("a.ts", "libx264")],
)
def test_every_frame_once_in_order(tmp_path: Path, name: str, codec: str):
    """Frames of several containers and codecs against the numbers and times that were written."""
    path = make_video(tmp_path / name, codec=codec, pixels="yuvj420p" if codec == "mjpeg" else "yuv420p")
    assert read(path) == [(number, time, number) for number, time in enumerate(TIMES)]


def test_uneven_times_are_kept(tmp_path: Path):
    """A variable frame rate against the times that were written."""
    path = make_video(tmp_path / "a.mp4", times=UNEVEN)
    assert [time for _, time, _ in read(path)] == list(UNEVEN)


def test_times_begin_with_the_file(tmp_path: Path):
    """A transport stream whose clock begins at 1,000 seconds against times from 0."""
    path = make_video(tmp_path / "a.ts", start=1000)
    assert [time for _, time, _ in read(path)] == pytest.approx(TIMES, abs=1e-4)
    assert read(path, start=0.5)[0] == (5, 0.5, 5)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("times", [TIMES, UNEVEN])
@pytest.mark.parametrize(
    "options", [{"every": 3}, {"start": 0.52}, {"start": 0.3, "end": 1.75}, {"start": 1, "every": 2}]
)
def test_ranges_are_a_part_of_all_frames(
    tmp_path: Path, name: str, times: tuple[float, ...], options: dict[str, float]
):
    """Steps and ranges, which seek, against a selection from all frames: same images, times and indices."""
    path = make_video(tmp_path / name, times=times)
    every, start, end = options.get("every", 1), options.get("start", 0), options.get("end", 9)
    expected = [one for one in read(path) if start <= one[1] < end and one[2] % every == 0]
    assert expected
    assert read(path, **options) == expected


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),  # shown turned by 90 degrees clockwise
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
    ],
)
def test_the_display_matrix_is_applied(tmp_path: Path, matrix: tuple[int, int, int, int], turned):
    """Turned and mirrored frames against NumPy's turns of the stored frame."""
    path = make_video(tmp_path / "a.mp4")
    stored = [f.image for f in frames(path)][5]
    shown = [f.image for f in frames(set_matrix(path, matrix))][5]
    np.testing.assert_array_equal(shown, turned(stored))


def test_the_turn_is_that_of_ffmpeg():
    """The rule of the matrix for one point: a phone held upright stores (x, y) and shows it at (height - y, x)."""
    from multibox.video.upright import turn_of

    class Stored:
        side_data = None

    from av.sidedata.sidedata import Type

    stored = Stored()
    stored.side_data = {Type.DISPLAYMATRIX: struct.pack("=9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)}
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    image[1, 5] = 255  # x = 5.5, y = 1.5 at the center of the pixel
    shown = turn_of(stored).apply(image)
    assert shown.shape == (6, 4, 3)
    assert shown[5, 4 - 1 - 1].min() == 255  # at (height - y, x) = (2.5, 5.5)


def test_colors_survive(tmp_path: Path):
    """Primary colors through the encoder and back against what was written, to the loss of 4:2:0."""
    colors = [(220, 30, 30), (30, 200, 40), (40, 40, 230), (128, 128, 128)]
    images = [np.full((*SIZE, 3), color, dtype=np.uint8) for color in colors]
    path = make_video(tmp_path / "a.mp4", images=images, times=TIMES[:4])
    for frame, color in zip(frames(path), colors, strict=True):
        assert np.abs(frame.image.reshape(-1, 3).mean(axis=0) - color).max() < 6


def test_a_damaged_part_is_reported_and_left_out(tmp_path: Path):
    """Overwritten bytes in the middle of a file against the frames outside of them, and a line about the damage."""
    path = make_video(tmp_path / "a.avi", codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    place = [i for i in range(len(data)) if data[i : i + 3] == b"\xff\xd8\xff"][10]
    data[place : place + 200] = b"\xff" * 200
    path.write_bytes(data)
    video = VideoFile(path)
    found = [number_of(frame.image) for frame in video.frames()]
    assert set(range(20)) - set(found) <= {10}
    assert len(video.problems) == (len(found) < 20)


@pytest.mark.parametrize("fraction", [0.6, 0.8, 0.95])
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, fraction: float):
    """A transport stream and an MP4 file without their end against the frames before it, or one line."""
    whole = make_video(tmp_path / "a.mp4")
    with pytest.raises(DataError, match="damaged or cut off"):
        list(frames(_cut(whole, fraction)))
    video = VideoFile(_cut(make_video(tmp_path / "a.ts", times=tuple(range(40))), fraction))
    numbers = [number_of(frame.image) for frame in video.frames()]
    assert numbers[:-2] == list(range(len(numbers)))[:-2]  # the decoder fills what is missing of the last
    assert 5 < len(numbers) < 40


def _cut(path: Path, fraction: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * fraction)])
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("text.mp4", b"hello, this is not a video\n" * 40),
        ("page.mp4", b"<html><body>404</body></html>"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("zeros.mp4", bytes(4096)),
    ],
)
def test_other_content_is_one_line(tmp_path: Path, name: str, content: bytes):
    """Files with the name of a video and other content, playlists included, against DataError of one line."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name) as caught:
        list(frames(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_pipes(tmp_path: Path):
    """What is no regular file against DataError, without waiting."""
    with pytest.raises(DataError, match="does not exist"):
        list(frames(tmp_path / "a.mp4"))
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        list(VideoFile(tmp_path / "b.mp4").frames())
    import os

    os.mkfifo(tmp_path / "c.mp4")
    with pytest.raises(DataError, match="pipe"):
        list(frames(tmp_path / "c.mp4"))


def test_a_file_without_images_is_refused(tmp_path: Path):
    """A sound file against a line that says so."""
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    with pytest.raises(DataError, match="no video stream"):
        list(frames(tmp_path / "a.mkv"))


def test_large_frames_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A limit of pixels below the size of the frames against one line that names both."""
    path = make_video(tmp_path / "a.mp4")
    monkeypatch.setenv("MULTIBOX_MAX_PIXELS", "1000")
    with pytest.raises(DataError, match=r"64 x 48 pixels, and the limit is 1,000"):
        list(frames(path))


def test_an_unknown_hardware_decoder_names_the_known(tmp_path: Path):
    """A device that FFmpeg does not know against UsageError."""
    path = make_video(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="hardware decoder 'magic' is not known"):
        list(frames(path, hardware="magic"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every is 0"),
        ({"start": -1.0}, "the start is -1"),
        ({"start": float("nan")}, "the start is nan"),
        ({"start": 3.0, "end": 2.0}, "the end is 2.0 s"),
        ({"rate": 0.0}, "the rate is 0"),
    ],
)
def test_wrong_ranges(tmp_path: Path, options: dict[str, float], message: str):
    """Numbers that select nothing against UsageError, before the file is looked at."""
    with pytest.raises(UsageError, match=message):
        frames(tmp_path / "a.mp4", **options)


def test_the_public_name_closes_its_thread(tmp_path: Path):
    """`multibox.video.frames`, left after two frames, against threads that remain."""
    import threading

    before = threading.active_count()
    reader = multibox.video.frames(make_video(tmp_path / "a.mp4"))
    assert [next(reader).index, next(reader).index] == [0, 1]
    reader.close()
    assert threading.active_count() == before


def test_an_image_sequence_is_a_video(tmp_path: Path):
    """Numbered images, and those of a folder, against their numbers, with times by the rate; gaps are left out."""
    import cv2

    for number in (1, 2, 3, 7, 10):
        cv2.imwrite(str(tmp_path / f"f{number:03}.png"), numbered_image(number))
    (tmp_path / "f00x.png").write_bytes(b"no number")
    expected = [(1, 0.0, 0), (2, 0.5, 1), (3, 1.0, 2), (7, 1.5, 3), (10, 2.0, 4)]
    assert read(tmp_path / "f%03d.png", rate=2) == expected
    assert read(tmp_path / "f%d.png", rate=2) == expected
    assert read(tmp_path / "f%d.png", rate=2, start=0.5, end=2, every=2) == [(3, 1.0, 2)]
    with pytest.raises(DataError, match="has no images"):
        list(frames(tmp_path / "g%d.png"))
    (tmp_path / "f00x.png").unlink()
    assert read(tmp_path, rate=2) == expected
