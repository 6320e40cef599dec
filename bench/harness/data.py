"""The data sets, as CSV files of user,item,rating in build/bench, each made once. The originals are looked for in $LOWRANK_DATA, then in ../shared/data."""

import gzip
import lzma
import os
import pathlib
import random
import sys

from harness import ROOT, WORK, program

FOLDER = pathlib.Path(os.environ.get("LOWRANK_DATA", ROOT.parent / "shared" / "data"))
HEADER = "user,item,rating\n"


def need(*folders):
    """Ends the comparison where its data are missing; that is not a failure."""
    for folder in folders:
        if not (FOLDER / folder).is_dir():
            print(f"{pathlib.Path(sys.argv[0]).name}: skipped, {folder} is not in {FOLDER}")
            sys.exit(0)


def made(name, make):
    """The file `name` in build/bench, which `make(path)` writes where it is missing."""
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / name
    if not file.exists():
        unfinished = WORK / f"{name}.part"
        make(unfinished)
        unfinished.rename(file)
    return file


def movielens_1m(part="all"):
    """All of ML-1M, or of its shuffled lines every tenth (`test`) or the others (`train`)."""
    need("ml-1m")

    def make(path):
        lines = lzma.decompress((FOLDER / "ml-1m" / "ratings.uirt.tsv.xz").read_bytes()).decode().splitlines()
        if part != "all":
            random.Random(1).shuffle(lines)
            lines = lines[::10] if part == "test" else [line for n, line in enumerate(lines) if n % 10]
        path.write_text(HEADER + "".join(",".join(line.split("\t")[:3]) + "\n" for line in lines))

    return made(f"ml1m.{part}.csv", make)


def movielens_100k(part, kind):
    """Part 1 .. 5 of the five that come with ML-100K, kind `base` or `test`."""
    need("ml-100k")

    def make(path):
        lines = gzip.decompress((FOLDER / "ml-100k" / f"u{part}.{kind}.gz").read_bytes()).decode().splitlines()
        path.write_text(HEADER + "".join(",".join(line.split("\t")[:3]) + "\n" for line in lines))

    return made(f"ml100k.u{part}.{kind}.csv", make)


def gowalla_lines(part):
    """The items of each user, as words with the user first: `train`, `valid` or `test`."""
    need("lightgcn-gowalla")
    with gzip.open(FOLDER / "lightgcn-gowalla" / f"{part}.txt.gz", "rt") as file:
        return [line.split() for line in file]


def pairs(lines):
    return HEADER + "".join(f"{user},{item},1\n" for user, *items in lines for item in items)


def gowalla(*parts):
    """The parts of Gowalla in one file, every rating 1."""
    return made(f"gowalla.{'.'.join(parts)}.csv", lambda path: path.write_text(pairs(line for part in parts for line in gowalla_lines(part))))


def synthetic(users, items, ratings):
    """A file from `lowrank generate`."""
    return made(f"synthetic.{ratings}.{users}.{items}.csv", lambda path: program.lowrank("generate", users=users, items=items, ratings=ratings, output=path))


def with_blanks(source, target):
    """Copies a file with blanks for commas. Piece by piece: the peak memory of a process includes that of the process that started it."""
    with open(source, "rb") as old, open(target, "wb") as new:
        while piece := old.read(1 << 20):
            new.write(piece.replace(b",", b" "))
