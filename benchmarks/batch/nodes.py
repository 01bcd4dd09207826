"""A Ray cluster of several nodes on this machine, one of which is killed while a batch runs.

    python benchmarks/batch/nodes.py [--nodes 3] [--images 600]

Starts a head node without cores and `--nodes` nodes with one core each (`ray.cluster_utils`), runs a batch on them,
kills one node after a quarter of the parts, and checks that no row is lost or doubled.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq

from multibox.batch.run import run_batch
from multibox.bench.images import sample_images

SHARD = 8


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--images", type=int, default=600)
    chosen = parser.parse_args()
    memory = 100 << 20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=memory) for _ in range(chosen.nodes)]
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        with tempfile.TemporaryDirectory() as home:
            run(Path(home), cluster, nodes, images=chosen.images)
    finally:
        ray.shutdown()
        cluster.shutdown()


def run(home: Path, cluster, nodes: list, *, images: int) -> None:
    source, out = home / "images", home / "found"
    source.mkdir()
    for number, content in enumerate(sample_images(count=images)):
        (source / f"{number:05}.jpg").write_bytes(content)
    shards = -(-images // SHARD)
    stamps: dict[str, int] = {}

    def kill_a_node() -> None:
        while len(list(out.glob("part-*"))) < shards // 4:
            time.sleep(0.05)
        stamps.update({path.name: path.stat().st_mtime_ns for path in out.glob("part-*")})
        cluster.remove_node(nodes[0], allow_graceful=False)
        print(f"killed one of {len(nodes)} nodes after {len(stamps)} of {shards} parts", flush=True)

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    summary = run_batch(source, out=out, shard=SHARD, runner="ray", workers=len(nodes))
    killer.join()
    print(summary, flush=True)
    rows = [
        row["image"]
        for path in sorted(out.glob("part-*"))
        for row in pq.read_table(path, columns=["image"]).to_pylist()
    ]
    kept = sum((out / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert rows == [str(source / f"{number:05}.jpg") for number in range(images)]
    print(f"{len(rows)} rows, each once and in order; {kept} of the {len(stamps)} parts before the kill were kept")


if __name__ == "__main__":
    main()
