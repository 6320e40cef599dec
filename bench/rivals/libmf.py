"""LIBMF, the rival of `sgd`: its source from the crate `libmf`, compiled here."""

import json
import pathlib
import re
import subprocess

CRATE = "0.4.0"
FLAGS = {"avx": ["-mavx", "-DUSEAVX"], "sse": ["-msse3", "-DUSESSE"]}


class Libmf:
    """One build of LIBMF. `options` are the learning rate and regularisation that suit it best (see `compare.py grid`)."""

    # Best of the grid in compare.py for rank 64 and 20 epochs on the synthetic 10M.
    options = {"-r": "0.1", "-l2": "0.05"}

    def __init__(self, simd, folder):
        self.name = f"LIBMF ({simd})"
        self.simd = simd
        self.folder = pathlib.Path(folder) / "libmf"
        self.program = self.folder / f"mf-train-{simd}"

    def prepare(self):
        """Brings the source through cargo and compiles it, once."""
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

    def command(self, job):
        """The program's arguments for a job (see compare.py)."""
        options = [word for pair in {**self.options, **job.get("options", {})}.items() for word in pair]
        test = ["-p", job["test"]] if job.get("test") else []
        return [str(self.program), "-k", str(job["rank"]), "-t", str(job["epochs"]), "-s", str(job["threads"]), *options, *test, job["train"],
                str(self.folder / "model")]

    def epochs(self, lines):
        """Seconds of each epoch after the first, from (time, line) of what the program printed."""
        times = [when for when, line in lines if re.match(r"\s*\d+\s", line)]
        return [after - before for before, after in zip(times, times[1:])]

    def rmse(self, output):
        """Test RMSE of the last epoch in what the program printed, or None."""
        rows = re.findall(r"^\s*\d+\s+([\d.]+)\s+([\d.]+)\s+\S+\s*$", output, re.MULTILINE)
        return float(rows[-1][1]) if rows else None
