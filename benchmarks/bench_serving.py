"""Latency and throughput of the embedded server beside the same SavedModel called in process.

Use: ``python benchmarks/bench_serving.py [--model DIR] [--requests N] [--clients 1,2,4,8] [--json]``

Without ``--model`` an untrained network of the registry is exported for the purpose; weights do not change the
time. The clients run in processes of their own, so that they do not share the server's interpreter lock; on few
cores they still compete with it for the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

CLIENT = """
import json, sys, time
import numpy as np
from mer_tf.serving.client import PredictionClient
with PredictionClient(sys.argv[1], timeout=60) as client:
    inputs = client.describe().recipe.inputs
    random = np.random.default_rng(0)
    tensors = {name: random.normal(0, 0.3, (1, *shape)).astype(np.float32) for name, shape in inputs.items()}
    for _ in range(10):
        client.predict_batch(tensors)
    print("ready", flush=True)
    sys.stdin.readline()
    times = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        client.predict_batch(tensors)
        times.append(time.perf_counter() - start)
    print(json.dumps(times))
"""


def summary(times, wall: float) -> dict:
    """Milliseconds at the quantiles, and answers per second."""
    times = np.asarray(times) * 1e3
    return {
        "p50_ms": round(float(np.percentile(times, 50)), 3),
        "p90_ms": round(float(np.percentile(times, 90)), 3),
        "p99_ms": round(float(np.percentile(times, 99)), 3),
        "per_second": round(len(times) / wall, 1),
    }


def in_process(folder, requests: int) -> dict:
    """The SavedModel's ``serving_default`` called directly with one clip."""
    import tensorflow as tf

    from mer_tf.served import BY_TENSORS

    signature = tf.saved_model.load(str(folder)).signatures[BY_TENSORS]
    random = np.random.default_rng(0)
    tensors = {
        name: random.normal(0, 0.3, (1, *spec.shape[1:])).astype(np.float32)
        for name, spec in signature.structured_input_signature[1].items()
    }
    times = []
    for index in range(requests + 10):
        start = time.perf_counter()
        answer = signature(**{name: tf.constant(value) for name, value in tensors.items()})
        {name: value.numpy() for name, value in answer.items()}
        if index >= 10:
            times.append(time.perf_counter() - start)
    return summary(times, sum(times))


def over_grpc(address: str, clients: int, requests: int) -> dict:
    """``clients`` processes, each with one connection and one request at a time."""
    root = pathlib.Path(__file__).resolve().parents[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, address, str(requests)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(clients)
    ]
    for process in processes:
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("a client failed; see its message above")
    start = time.perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    times = [value for process in processes for value in json.loads(process.stdout.readline())]
    wall = time.perf_counter() - start
    for process in processes:
        process.communicate()
    return summary(times, wall)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="pushed folder; default: a fresh network")
    parser.add_argument("--network", default="dual_atme", help="network without --model (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=300, help="requests of each client (default: %(default)s)")
    parser.add_argument("--clients", default="1,2,4", help="numbers of clients (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    from mer_tf.serving.server import MerServer

    with tempfile.TemporaryDirectory() as folder:
        model_dir = arguments.model
        if model_dir is None:
            from mer_tf.export import export_saved_model
            from mer_tf.recipes import get_recipe
            from mer_tf.systems.registry import build_model, get_model_card

            recipe = get_recipe(get_model_card(arguments.network).recipe)
            network = build_model(arguments.network, num_classes=3)
            start = time.perf_counter()
            export_saved_model(network, recipe, ("a", "b", "c"), f"{folder}/1", model_name=arguments.network)
            print(f"exported {arguments.network} in {time.perf_counter() - start:.1f} s", file=sys.stderr)
            model_dir = folder
        with MerServer(model_dir) as server:
            version = next(path for path in pathlib.Path(model_dir).iterdir() if path.name == str(server.version))
            results = {"in process": in_process(version, arguments.requests)}
            for clients in map(int, arguments.clients.split(",")):
                results[f"gRPC, {clients} clients"] = over_grpc(server.address, clients, arguments.requests)
    report = {
        "model": arguments.model or arguments.network,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "results": results,
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
        return 0
    print(f"{report['model']}, batch of 1, {report['cores']} cores, Python {report['python']}")
    for name, row in results.items():
        print(f"{name:20s}" + "".join(f"  {key} {value:>8}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
