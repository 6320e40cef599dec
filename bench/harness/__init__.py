"""What every comparison shares: data, programs, measurements, tables."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "bench"
