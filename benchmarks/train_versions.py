"""Training steps of two versions of the package, in turns in one run.

    OMP_NUM_THREADS=1 python benchmarks/train_versions.py --before SRC [--after SRC] --data FOLDER [--split NAME]
                             [--recipe lite320] [--precision auto] [--rounds 10] [--threads 1]

SRC is the folder `src` of a checkout. Both versions start from the same values, take the same number of steps on the
same batches, which are in memory, and learn. Printed are the processor's time of a step, the ratio (the median over the
rounds) and the losses of both, which differ only by rounding. With one thread, processor time is the time that the step
needs, independent of other load.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from statistics import median

Answer = dict[str, float]


class Version:
    """The process of one version."""

    def __init__(self, source: Path, arguments: argparse.Namespace) -> None:
        words = ["--work", "--data", arguments.data, "--recipe", arguments.recipe, "--precision", arguments.precision]
        words += ["--threads", str(arguments.threads), *(["--split", arguments.split] if arguments.split else [])]
        words += ["--batch", str(arguments.batch)] if arguments.batch else []
        self._process = subprocess.Popen(
            [sys.executable, __file__, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": str(arguments.threads)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def step(self) -> Answer:
        print("step", file=self._in, flush=True)
        return json.loads(self._out.readline())

    def close(self) -> None:
        self._in.close()
        self._process.wait()


def work(arguments: argparse.Namespace) -> None:
    """Take a step for each line of the standard input, and print its time and loss."""
    import torch

    from multibox.data.load import load_dataset
    from multibox.data.loading.loader import batches
    from multibox.experiments.recipes import find_recipe
    from multibox.models.ssd import SSD
    from multibox.system.process import keep_freed_memory
    from multibox.training.network import training_network
    from multibox.training.optimizer import set_rate
    from multibox.training.run import Run
    from multibox.training.step import accumulate_gradients, take_step

    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    recipe = find_recipe(arguments.recipe)
    dataset = load_dataset(arguments.data, split=arguments.split)
    loop = replace(
        recipe.loop, precision=arguments.precision, batch_size=arguments.batch or recipe.loop.batch_size, accumulate=1
    )
    shape = {"input_size": recipe.model.input_size, "batch_size": loop.batch_size}
    stream = cycle(list(islice(batches(dataset, augmentation=recipe.augmentation, seed=0, **shape), 4)))
    run = Run(
        SSD(recipe.model, dataset.class_names),
        loop=loop,
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        loss=recipe.loss,
    )
    run.start_training()
    network = training_network(run.model, compile=False, processes=run.processes)
    for _ in sys.stdin:
        set_rate(run.optimizer, run.schedule.at(run.step))
        clock, processor = time.perf_counter(), time.process_time()
        names, losses = accumulate_gradients(run, network, stream)
        take_step(run, names, losses)
        spent = {"processor": time.process_time() - processor, "clock": time.perf_counter() - clock}
        print(json.dumps({**spent, "loss": float(losses.total), "batch": loop.batch_size}), flush=True)


def compare(arguments: argparse.Namespace) -> None:
    """Let the versions take turns; the first two rounds are not counted."""
    versions = [Version(source, arguments) for source in (arguments.before, arguments.after)]
    rounds = [[version.step() for version in versions] for _ in range(arguments.rounds + 2)]
    for version in versions:
        version.close()
    counted = rounds[2:]
    for key in ("processor", "clock"):
        before, after = (1000 * median(pair[i][key] for pair in counted) for i in (0, 1))
        ratio = median(pair[0][key] / pair[1][key] for pair in counted)
        rates = [1000 * counted[0][0]["batch"] / value for value in (before, after)]
        speeds = f"images/s {rates[0]:.1f}, {rates[1]:.1f}"
        print(f"{key}: {before:.0f} ms before, {after:.0f} ms after, ratio {ratio:.2f}, {speeds}")
    losses = [[pair[i]["loss"] for pair in rounds] for i in (0, 1)]
    apart = max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True))
    last = f"{losses[0][-1]:.5f} before, {losses[1][-1]:.5f} after"
    print(f"loss of step {len(rounds)}: {last}; largest difference of a step {100 * apart:.2g} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("--after", type=Path, default=Path(__file__).parents[1] / "src")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split")
    parser.add_argument("--recipe", default="lite320")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments)
    elif arguments.before is None:
        parser.error("--before is required")
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
