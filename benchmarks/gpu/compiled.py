"""The effect of torch.compile on SSD300: the network at batch 64 and 1, and a step. Compiling takes a minute."""

from functools import partial

import torch

from benchmarks.gpu import ours
from benchmarks.gpu.inference import Measured, _graph, random_model, rates
from benchmarks.gpu.setting import Setting, read_setting
from benchmarks.gpu.throughput import cases, parts


@torch.inference_mode()
def network(setting: Setting, *, batch: int) -> None:
    """Rows of the folded network, compiled, launched from Python and as a graph."""
    model = random_model("ssd300", setting)
    measured = Measured(setting, "ssd300", model, rate=rates(setting))
    images = ours.to_input(ours.noise(batch, model.config.input_size), setting.device)
    backend = "aot_eager" if setting.smoke else "inductor"
    compiled = torch.compile(ours.folded(model, setting.device), dynamic=False, backend=backend)
    setting.rows.measure(f"ssd300 b{batch} compiling", lambda: {"batch": batch, "priors": compiled(images)[0].shape[1]})
    time_row = partial(measured.time, batch=batch, network=True)
    time_row("network bf16 folded, compiled", task=lambda: compiled(images))
    time_row("network bf16 folded, compiled, graph", task=_graph(compiled, images))


def main() -> None:
    setting = read_setting("compiled")
    for batch in (1,) if setting.smoke else (64, 1):
        network(setting, batch=batch)
    case = cases(setting)[0]
    if setting.smoke:
        return
    case.measure("parts bf16 compiled", lambda: parts(case, precision=ours.BF16, compile=True))


if __name__ == "__main__":
    main()
