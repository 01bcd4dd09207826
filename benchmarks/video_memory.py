"""Memory and open files while a video of many frames is detected, tracked, written and encoded.

The video is generated, and the network is small, so that the frames of a long recording take minutes.

    python benchmarks/video_memory.py --frames 50000 --out /tmp/frames
"""

import argparse
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from multibox.detection.detector import Detector
from multibox.models.config import slim300_config
from multibox.models.ssd import SSD
from multibox.video.following import Following
from multibox.video.input import import_av
from multibox.video.outputs import WantedFiles
from multibox.video.process import Job, Work, process_video
from multibox.video.source import require_video
from multibox.video.tracks.counting import Line

_SIZE = (120, 160)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "long.mkv"
    if not path.exists():
        _made(path, chosen.frames)
    torch.manual_seed(0)
    detector = Detector(_small_model(), batch_size=8)
    print("frames  MiB  open files  frames/s", flush=True)
    work = process_video(
        require_video(path),
        detector,
        Job(
            following=Following(lines=(Line("middle", (80, 0), (80, 120)),)),
            wanted=WantedFiles(chosen.out / "found", video=True),
        ),
        name="long",
        on_progress=_print_memory,
    )
    print(f"{work.frames:,} frames in {work.seconds:.0f} s, problems: {work.problems}")


def _small_model() -> SSD:
    """Two channels in the first layer, random weights, and at most 6 detections in a frame."""
    config = slim300_config(width=1 / 32)
    few = replace(config.detection, score_threshold=0.3, per_class=4, per_image=6)
    model = SSD(replace(config, detection=few), ("disc", "square", "star"))
    with torch.no_grad():
        for parameter in model.heads.confidence.parameters():
            parameter.mul_(300)
    return model.eval()


def _print_memory(work: Work) -> None:
    if work.frames % 2500 == 0 or work.frames == 500:
        status = Path("/proc/self/status").read_text().splitlines()
        memory = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
        files, rate = len(os.listdir("/proc/self/fd")), work.frames / work.seconds
        print(f"{work.frames:6}  {memory:.0f}  {files}  {rate:.1f}", flush=True)


def _made(path: Path, frames: int) -> Path:
    """A video of a bright square that wanders over noise."""
    av = import_av()
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 80, (*_SIZE, 3), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.height, stream.width = _SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number in range(frames):
            image = ground.copy()
            x, y = (2 * number) % 130, number // 65 % 90
            image[y : y + 30, x : x + 30] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return path


if __name__ == "__main__":
    main()
