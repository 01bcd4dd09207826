"""MP4 files that are written, against their sources and against what FFmpeg reads back."""

from pathlib import Path

import numpy as np
import pytest

from made_videos import SIZE, make_video, number_of, numbered_image
from multibox.video.frames import frames
from multibox.video.mp4 import mp4_writer

av = pytest.importorskip("av", reason="the package av is not installed")

UNEVEN = (0.0, 0.1, 0.15, 0.5, 0.52, 1.0, 1.75, 1.8, 2.6, 3.0)


def copied(source: Path, target: Path, *, start: float = 0.0, audio: bool = False) -> list[str]:
    with mp4_writer(target, rate=10, start=start, audio=source if audio else None) as writer:
        for frame in frames(source, start=start):
            writer.add(frame.image, frame.time)
    return writer.problems


def audio_of(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.best("audio")
        return (
            []
            if stream is None
            else [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]
        )


def test_frames_and_times_are_those_of_the_source(tmp_path: Path):
    """A copy of a video with uneven times against its source: numbers and times of all frames, codec and pixels."""
    source = make_video(tmp_path / "a.mkv", times=UNEVEN)
    copied(source, tmp_path / "b.mp4")
    found = [(number_of(frame.image), round(frame.time, 3)) for frame in frames(tmp_path / "b.mp4")]
    assert found == list(enumerate(UNEVEN))
    with av.open(str(tmp_path / "b.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_the_index_is_at_the_front(tmp_path: Path):
    """The order of the two large boxes of the file: players can begin before the end is there."""
    copied(make_video(tmp_path / "a.mkv"), tmp_path / "b.mp4")
    data = (tmp_path / "b.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mkv", "flac"), ("a.ts", "aac")])
def test_audio_is_copied(tmp_path: Path, name: str, codec: str):
    """Packets of the audio against those of the source, bytes and times."""
    source = make_video(tmp_path / name, audio=codec)
    assert copied(source, tmp_path / "b.mp4", audio=True) == []
    before, after = audio_of(source), audio_of(tmp_path / "b.mp4")
    assert len(before) > 5
    if name.endswith(".ts"):  # MPEG-TS has the header of ADTS in each packet
        before = [(time, data[7:]) for time, data in before]
    shared = min(len(before), len(after))
    assert shared >= len(before) - 1
    assert [data for _, data in after[:shared]] == [data for _, data in before[:shared]]
    shift = after[0][0] - before[0][0]
    np.testing.assert_allclose([t for t, _ in after[:shared]], [t + shift for t, _ in before[:shared]], atol=2e-3)


def test_audio_of_a_part_begins_with_it(tmp_path: Path):
    """Audio copied from 0.8 s on against the packets of the source from there, shifted as the frames are."""
    source = make_video(tmp_path / "a.mkv", audio="flac")
    copied(source, tmp_path / "b.mp4", start=0.8, audio=True)
    expected = [(time - 0.8, data) for time, data in audio_of(source) if time >= 0.8]
    found = audio_of(tmp_path / "b.mp4")
    assert [data for _, data in found] == [data for _, data in expected][: len(found)]
    assert len(found) >= len(expected) - 1
    np.testing.assert_allclose([t for t, _ in found], [t for t, _ in expected][: len(found)], atol=2e-3)
    assert [round(frame.time, 3) for frame in frames(tmp_path / "b.mp4")][:3] == [0, 0.1, 0.2]


def test_audio_that_mp4_cannot_hold_is_left_out(tmp_path: Path):
    """PCM audio against a line that names the codec, and a video without audio."""
    source = make_video(tmp_path / "a.mkv", audio="pcm_s16le")
    problems = copied(source, tmp_path / "b.mp4", audio=True)
    assert len(problems) == 1
    assert "pcm_s16le" in problems[0]
    assert audio_of(tmp_path / "b.mp4") == []
    assert len(list(frames(tmp_path / "b.mp4"))) == 20


def test_odd_sizes_and_a_change_of_size(tmp_path: Path):
    """An odd first frame against its size made even, and later frames of other shapes against black bars."""
    images = [numbered_image(0)[:47, :63], np.full((96, 64, 3), 200, np.uint8), np.full((47, 63, 3), 200, np.uint8)]
    with mp4_writer(tmp_path / "a.mp4", rate=10) as writer:
        for number, image in enumerate(images):
            writer.add(image, number / 10)
    odd, tall, same = (frame.image for frame in frames(tmp_path / "a.mp4"))
    assert odd.shape == tall.shape == same.shape == (48, 64, 3)
    assert tall[24, 32].min() > 150
    assert tall[24, 4].max() < 40
    assert same[46, 62].min() > 150


def test_a_failure_leaves_nothing(tmp_path: Path):
    """An exception while frames are written against the folder: no file, also no unfinished one."""

    def fail() -> None:
        with mp4_writer(tmp_path / "a.mp4", rate=10) as writer:
            writer.add(numbered_image(0, SIZE), 0.0)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_no_frame_writes_no_file(tmp_path: Path):
    """A writer without frames against an empty folder."""
    with mp4_writer(tmp_path / "a.mp4", rate=10):
        pass
    assert list(tmp_path.iterdir()) == []
