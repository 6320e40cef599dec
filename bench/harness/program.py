"""lowrank as a program: commands built from named options, answers as JSON, time and peak memory of each run."""

import json
import os

from harness import ROOT, WORK, measure

PROGRAM = ROOT / "build" / "lowrank"
MODEL = WORK / "model.safetensors"
# Where the build puts the programs of bench/.
BUILT = ROOT / "build" / "release" / "bin"
THREADS = len(os.sched_getaffinity(0))


def flags(options):
    """{"rank": 64, "no_biases": True} as ["--rank", "64", "--no-biases"]."""
    words = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", str(value)]
    return words


def lowrank(command, *inputs, **options):
    """Runs a subcommand and returns what measure.process() measured."""
    return measure.process([PROGRAM, command, *inputs, *flags(options)])


def train(file, *more, **options):
    """`lowrank train FILE`: its JSON summary, `wall`, the seconds of the process, and `bytes`, its peak memory. `more` are options as words."""
    result = lowrank("train", file, *more, "--quiet", "--json", **{"output": MODEL, **options})
    return {**json.loads(result["output"]), "wall": result["seconds"], "bytes": result["bytes"]}


def evaluate(model, file, **options):
    """`lowrank evaluate MODEL FILE`: its JSON."""
    return json.loads(lowrank("evaluate", model, file, "--json", **options)["output"])


def call(task, argument, threads, runs, *model):
    """The seconds of `runs` calls of the library, and the number of rows that each works on (bench/calls.cc)."""
    return json.loads(measure.process([BUILT / "bench_calls", task, argument, threads, runs, *model])["output"])


def peak():
    """FLOP/s of one thread, at the machine's best SIMD level."""
    command = [BUILT / "bench_kernels", "--benchmark_filter=^peak/", "--benchmark_format=json", "--benchmark_min_time=0.2"]
    return max(entry["flop/s"] for entry in json.loads(measure.process(command)["output"])["benchmarks"])
