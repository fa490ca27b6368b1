"""From nothing to a served model, on synthetic clips, through the same commands a user would type.

Every stage is a ``mer`` command run as its own process, so that its time and memory can be measured and so that
the demo shows nothing that a user could not do by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MER = [sys.executable, "-m", "mer_tf.cli"]
SUBJECTS = 14
CLIPS_PER_SUBJECT = 8


class StageError(RuntimeError):
    """A stage ended with an exit status other than 0; its message is on the terminal already."""


class Memory:
    """Peak of the summed resident memory of this process's descendants, sampled twice a second from /proc."""

    def __init__(self):
        self.peak_kib = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stops sampling and returns the peak in MiB."""
        import resource

        self._stop.set()
        self._thread.join()
        # ru_maxrss is KiB on Linux and bytes on macOS; it covers spikes between samples and systems without /proc.
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        largest = largest / 1024 if sys.platform == "darwin" else largest
        return max(self.peak_kib, largest) / 1024

    def _watch(self):
        while not self._stop.wait(0.5):
            self.peak_kib = max(self.peak_kib, self._descendants_kib())

    @staticmethod
    def _descendants_kib() -> int:
        parents, resident = {}, {}
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            except OSError:
                continue  # the process ended between listing and reading
            pid = int(status.parent.name)
            parents[pid] = int(fields["PPid"])
            resident[pid] = int(fields.get("VmRSS", "0 kB").split()[0])
        total = 0
        for pid, kib in resident.items():
            ancestor = parents.get(pid, 0)
            while ancestor > 1 and ancestor != os.getpid():
                ancestor = parents.get(ancestor, 0)
            total += kib if ancestor == os.getpid() else 0
        return total


class Demo:
    """Runs the stages in the folder ``out`` and remembers how long each took."""

    def __init__(self, out: pathlib.Path, model: str, seed: int):
        self.out = out
        self.model = model
        self.seed = seed
        self.seconds: dict[str, float] = {}

    def stage(self, name: str, title: str, *arguments: object) -> None:
        """Runs ``mer`` with the arguments; its output goes to the terminal."""
        command = [str(a) for a in arguments]
        print(f"\n== {title}\n$ mer {shlex.join(command)}", flush=True)
        start = time.perf_counter()
        status = subprocess.run([*MER, *command], cwd=ROOT, check=False).returncode
        self.seconds[name] = round(time.perf_counter() - start, 2)
        if status:
            raise StageError(f"stage {name!r} failed with status {status}")

    def read(self, *arguments: object) -> dict:
        """Runs ``mer`` with the arguments and ``--json``; returns what it printed."""
        command = [*MER, *map(str, arguments), "--json"]
        result = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
        if result.returncode:
            raise StageError(f"'mer {shlex.join(command[3:])}' failed with status {result.returncode}")
        return json.loads(result.stdout)

    def run(self) -> dict:
        """Runs all stages and returns the summary."""
        from mer_tf.run_files import PASSPORT_FILE

        clips, held_out, pipeline = self.out / "clips", self.out / "held_out", self.out / "pipeline"
        memory = Memory()
        self.stage(
            "synthetic clips", "Synthetic clips in the CASME II layout", "data", "synth", clips, "--layout", "casme2",
            "--subjects", SUBJECTS, "--clips-per-subject", CLIPS_PER_SUBJECT, "--seed", self.seed,
        )  # fmt: skip
        self.stage(
            "held-out clips", "One more subject, whom neither training nor LOSO will see", "data", "synth", held_out,
            "--subjects", 1, "--clips-per-subject", 3, "--seed", self.seed, "--first-subject", SUBJECTS + 1,
        )  # fmt: skip
        self.stage("check", "What the CASME II reader makes of it", "data", "check", "--dataset", "casme2", clips)
        self.stage(
            "pipeline", f"TFX pipeline: {self.model}, LOSO over all subjects, blessing, push",
            "pipeline", "run", "--dataset", "casme2", "--data", clips, "--model", self.model, "--preset", "demo",
            "--seed", self.seed, "--out", pipeline,
        )  # fmt: skip
        result = json.loads((pipeline / "result.json").read_text())
        served = self.serve(pathlib.Path(os.path.relpath(result["serving_dir"])), held_out)
        self.stage(
            "kubeflow", "The same pipeline as a Kubeflow specification", "pipeline", "compile", "--target", "kubeflow",
            "--model", self.model, "--output", self.out / "kubeflow" / "pipeline.yaml",
        )  # fmt: skip
        return {
            "model": self.model,
            "seed": self.seed,
            "metrics": result["metrics"],
            "blessed": result["blessed"],
            "pushed_model": result["pushed_model"],
            "passport": str(pipeline / PASSPORT_FILE),
            "components": result["components"],
            "served": served,
            "seconds": self.seconds,
            "peak_memory_mib": round(memory.stop(), 1),
        }

    def serve(self, model_dir: pathlib.Path, held_out: pathlib.Path) -> dict:
        """Starts the server on a free loopback port, predicts a clip nobody trained on, stops the server."""
        print("\n== Serving the pushed model over gRPC, predicting a held-out clip", flush=True)
        start = time.perf_counter()
        command = [*MER, "serve", "--model", str(model_dir), "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline()
            if " on " not in line:
                raise StageError("the server did not start")
            address = line.rsplit(" on ", 1)[1].split()[0]
            clip = self.held_out_clip(held_out)
            shown = shlex.join(["predict", str(clip["folder"]), "--server", address])
            print(f"$ mer serve --model {shlex.quote(str(model_dir))} --port 0\n{line.strip()}\n$ mer {shown}")
            answer = self.read(
                "predict", clip["folder"], "--server", address, "--onset", clip["onset"], "--apex", clip["apex"]
            )
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
        self.seconds["serving"] = round(time.perf_counter() - start, 2)
        shares = ", ".join(f"{name} {p:.3f}" for name, p in answer["probabilities"].items())
        print(f"true class {clip['class']}, served class {answer['class']} ({shares})")
        return {**{key: answer[key] for key in ("class", "probabilities")}, "true_class": clip["class"]}

    @staticmethod
    def held_out_clip(root: pathlib.Path) -> dict:
        """First clip of the held-out subject, as the CASME II reader sees it."""
        from mer_tf.datasets import get_reader

        table = get_reader("casme2")(root)
        clip = table.clips[0]
        folder = os.path.relpath(os.path.dirname(clip.frames[0]))
        return {"folder": folder, "onset": clip.onset, "apex": clip.apex, "class": table.classes[clip.label]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="dual_atme", help="dual_atme or atscnn (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of clips and training (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/demo"), help="default: %(default)s")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    arguments.out.mkdir(parents=True, exist_ok=True)
    demo = Demo(arguments.out, arguments.model, arguments.seed)
    try:
        summary = demo.run()
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    path = arguments.out / "summary.json"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    full = summary["metrics"]["full"]
    print("\n== Summary")
    print(f"LOSO on synthetic clips: UF1 {full['uf1']:.3f}, UAR {full['uar']:.3f}, accuracy {full['accuracy']:.3f}")
    print(f"blessed: {summary['blessed']}   pushed: {os.path.relpath(summary['pushed_model'])}")
    print(f"time: {sum(demo.seconds.values()):.0f} s   peak memory: {summary['peak_memory_mib']:.0f} MiB")
    print(f"summary: {path}   passport: {summary['passport']}")
    print(f"TensorBoard: .venv/bin/mer tensorboard {shlex.quote(str(arguments.out / 'pipeline'))}")
    print("These figures come from drawn faces: they show that the machinery works, not how well it reads people.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
