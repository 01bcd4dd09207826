"""A YOLO of ultralytics with random weights, timed on demand; run by lite.py in a separate process and environment.

Arguments: name of the model, number of threads, a folder for files, sides of the input separated by commas, images.
Answers each line "predict SIDE INDEX" with the milliseconds from the bytes of that JPEG to boxes, and "openvino SIDE
INDEX" with those of its network alone in OpenVINO, in the number type that OpenVINO chooses: bfloat16 where it can.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

TALK = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # ultralytics prints, also when it is imported

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from ultralytics import YOLO  # noqa: E402


def in_openvino(model: Any, side: int, folder: Path, threads: int) -> Any:
    """A request of the network in OpenVINO, None if OpenVINO is missing."""
    try:
        import openvino
    except ImportError:
        return None
    network = model.model.eval().fuse()
    network.model[-1].export, network.model[-1].format = True, "openvino"
    example = torch.zeros(1, 3, side, side)
    with torch.no_grad():
        network(example)
        traced = torch.jit.trace(network, example, strict=False)
    converted = openvino.convert_model(traced, example_input=example, input=[1, 3, side, side])
    openvino.save_model(converted, folder / f"{side}.xml")
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    return openvino.Core().compile_model(folder / f"{side}.xml", "CPU", settings).create_infer_request()


def main() -> None:
    name, threads, folder, sides, *images = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    files = [Path(image).read_bytes() for image in images]
    wanted = [int(side) for side in sides.split(",")]
    requests = {side: in_openvino(YOLO(f"{name}.yaml"), side, Path(folder), int(threads)) for side in wanted}
    model = YOLO(f"{name}.yaml")
    ways = ["predict", *(["openvino"] if all(requests.values()) else [])]
    print(
        json.dumps({"ultralytics": version("ultralytics"), "torch": version("torch"), "ways": ways}),
        file=TALK,
        flush=True,
    )
    for line in sys.stdin:
        way, side, index = line.split()
        if way == "openvino":
            pixels = np.random.default_rng(0).random((1, 3, int(side), int(side)), dtype=np.float32)
        start = time.perf_counter()
        if way == "predict":
            image = cv2.imdecode(np.frombuffer(files[int(index)], np.uint8), cv2.IMREAD_COLOR)
            model.predict(image, imgsz=int(side), device="cpu", verbose=False)[0].boxes.xyxy.numpy()
        else:
            requests[int(side)].infer([pixels])
        print(json.dumps(1000 * (time.perf_counter() - start)), file=TALK, flush=True)


if __name__ == "__main__":
    main()
