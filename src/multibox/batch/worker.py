"""`python -m multibox.batch.worker DESCRIPTOR PARENT`: a process that writes the shards it receives on a connection."""

import os
import sys
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from multibox.batch.shard import DetectShard, WorkSettings
from multibox.errors import MultiboxError
from multibox.system.process import own_cores


def main() -> None:
    """Load the detector, then write shards until the connection is closed."""
    parent = int(sys.argv[2])
    threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    settings, index, workers = connection.recv()
    try:
        detect = DetectShard(_own_share(settings, index=index, workers=workers))
        connection.send({})
        while True:
            connection.send(detect(connection.recv()))
    except MultiboxError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, even if that was killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _own_share(settings: WorkSettings, *, index: int, workers: int) -> WorkSettings:
    """Limit the threads to this worker's share of the cores, and choose its GPU."""
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), own_cores() // workers)))
    if settings.device not in (None, "cuda") or torch.cuda.device_count() < 2:
        return settings
    return replace(settings, device=f"cuda:{index % torch.cuda.device_count()}")


if __name__ == "__main__":
    main()
