"""How many threads an engine should use."""

import os
import sys

from multibox.system.process import own_cores


def engine_threads() -> int:
    """As many threads as PyTorch uses if it is loaded, else OMP_NUM_THREADS, else one for each core of the process."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else own_cores()
