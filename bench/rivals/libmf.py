import json
import pathlib
import re
import statistics
import subprocess

from harness import measure
from rivals import Rival

CRATE = "0.4.0"
FLAGS = {"avx": ["-mavx", "-DUSEAVX"], "sse": ["-msse3", "-DUSESSE"]}


class Libmf(Rival):
    """LIBMF, its source from the crate `libmf`, compiled here."""

    # The best learning rate and regularization of `bench/sgd.py --grid`.
    options = {"-r": 0.1, "-l2": 0.05}

    def __init__(self, simd):
        self.name, self.simd = f"LIBMF ({simd})", simd
        self.program = self.folder / f"mf-train-{simd}"

    def prepare(self):
        if self.program.exists():
            return
        crate = self.folder / "crate"
        crate.mkdir(parents=True, exist_ok=True)
        (crate / "lib.rs").touch()
        (crate / "Cargo.toml").write_text(
            f'[package]\nname = "rival"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\nlibmf = "={CRATE}"\n')
        subprocess.run(["cargo", "fetch"], cwd=crate, check=True)
        metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1"], cwd=crate, check=True, capture_output=True).stdout)
        manifest = next(package["manifest_path"] for package in metadata["packages"] if package["name"] == "libmf")
        source = pathlib.Path(manifest).parent / "vendor" / "libmf"
        subprocess.run(["g++", "-std=c++11", "-O3", "-march=native", *FLAGS[self.simd], "-fopenmp", "-DUSEOMP", "-pthread",
                        source / "mf.cpp", source / "mf-train.cpp", "-o", self.program], check=True)

    def run(self, task, *, train, rank, epochs, threads, test=None, options=None):
        """Seconds of the process, the median epoch (it prints a line after each) and the test RMSE after the last one; `task` is `sgd`."""
        words = [str(word) for pair in (options or self.options).items() for word in pair]
        # Line by line, although what it prints does not go to a terminal.
        watched = ["-p", test] if test else []
        result = measure.process(["stdbuf", "-oL", self.program, "-k", rank, "-t", epochs, "-s", threads, *words, *watched, train, self.folder / "model"])
        times = [when for when, line in result["lines"] if re.match(r"\s*\d+\s", line)]
        lengths = [after - before for before, after in zip(times, times[1:])]
        rows = re.findall(r"^\s*\d+\s+([\d.]+)\s+([\d.]+)\s+\S+\s*$", result["output"], re.MULTILINE)
        return {"seconds": result["seconds"], "bytes": result["bytes"], "epoch": statistics.median(lengths[1:]) if len(lengths) > 1 else None,
                "rmse": float(rows[-1][1]) if rows else None}
