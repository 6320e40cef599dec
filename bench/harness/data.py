"""The data sets, as CSV files of user,item,rating in build/bench, each made once. The originals are looked for in $LOWRANK_DATA, then in ../shared/data."""

import csv
import functools
import gzip
import lzma
import math
import os
import pathlib
import random
import statistics
import sys
import zipfile

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


def rating_file(lines, timed):
    """The first three fields of lines separated by tabs, or with times four, as a file with a header."""
    header = HEADER.strip() + (",time\n" if timed else "\n")
    return header + "".join(",".join(line.split("\t")[: 4 if timed else 3]) + "\n" for line in lines)


def movielens_1m(part="all", timed=False):
    """All of ML-1M, or of its shuffled lines every tenth (`test`) or the others (`train`). Times, where they are asked for, are 0 for 41 % of the lines."""
    need("ml-1m")

    def make(path):
        lines = lzma.decompress((FOLDER / "ml-1m" / "ratings.uirt.tsv.xz").read_bytes()).decode().splitlines()
        if part != "all":
            random.Random(1).shuffle(lines)
            lines = lines[::10] if part == "test" else [line for n, line in enumerate(lines) if n % 10]
        path.write_text(rating_file(lines, timed))

    return made(f"ml1m.{part}{'.timed' if timed else ''}.csv", make)


def movielens_100k(part, kind, timed=False):
    """Part 1 .. 5 of the five that come with ML-100K, kind `base` or `test`."""
    need("ml-100k")

    def make(path):
        lines = gzip.decompress((FOLDER / "ml-100k" / f"u{part}.{kind}.gz").read_bytes()).decode().splitlines()
        path.write_text(rating_file(lines, timed))

    return made(f"ml100k.u{part}.{kind}{'.timed' if timed else ''}.csv", make)


def movietweetings():
    need("movietweetings-100k")
    return [line.split("::")[:3] for line in gzip.decompress((FOLDER / "movietweetings-100k" / "ratings.dat.gz").read_bytes()).decode().splitlines()]


def insteval():
    need("insteval")
    with gzip.open(FOLDER / "insteval" / "InstEval.csv.gz", "rt") as file:
        return [[line["s"], line["d"], line["y"]] for line in csv.DictReader(file)]


def jester(users=2000):
    """The ratings of users drawn at random."""
    need("jester-1")
    with zipfile.ZipFile(FOLDER / "jester-1" / "jester-data-1.zip") as archive:
        lines = archive.read(archive.namelist()[0]).decode().split()
    drawn = random.Random(1).sample(range(len(lines)), users)
    return [[str(user), str(item), value] for user in drawn for item, value in enumerate(lines[user].split(",")[1:]) if float(value) != 99]


RATED = {
    "ml-100k": lambda: read(movielens_100k(1, "base")) + read(movielens_100k(1, "test")),
    "ml-1m": lambda: read(movielens_1m()),
    "movietweetings": movietweetings,
    "insteval": insteval,
    "jester": jester,
}


def read(file):
    return [line.split(",") for line in file.read_text().splitlines()[1:]]


def tenths(name):
    """The ratings of one of RATED, shuffled: eight tenths to train on, one to choose on, one to test on."""

    def make(path, part):
        lines = [",".join(line) + "\n" for line in sorted(RATED[name]())]
        random.Random(1).shuffle(lines)
        path.write_text(HEADER + "".join(line for n, line in enumerate(lines) if (n % 10 if n % 10 < 2 else 2) == part))

    return [made(f"{name}.{word}.csv", functools.partial(make, part=part)) for part, word in ((2, "train"), (1, "validation"), (0, "test"))]


def nine_tenths(name):
    """The ratings of one of RATED, nine tenths to train on and one to test on: the parts of tenths(), the first two together."""
    train, validation, test = tenths(name)
    return made(f"{name}.nine_tenths.csv", lambda path: path.write_text(train.read_text() + validation.read_text().removeprefix(HEADER))), test


def new_items(name):
    """The ratings of one of RATED, divided by items: those of a random fifth of them to test on."""
    return by_items(f"{name}.new_items", RATED[name])


def new_items_of(file, name):
    """The same of a file of ratings, in files called `name`."""
    return by_items(name, lambda: read(file))


def by_items(name, ratings):
    def make(path, tested):
        lines = ratings()
        items = sorted({item for _, item, _ in lines})
        held = set(random.Random(1).sample(items, len(items) // 5))
        path.write_text(HEADER + "".join(",".join(line) + "\n" for line in lines if (line[1] in held) == tested))

    return [made(f"{name}.{word}.csv", functools.partial(make, tested=tested)) for word, tested in (("train", False), ("test", True))]


def film_features(name):
    """The genres of the films of ml-100k or ml-1m and the decades of their release, in lines of item,feature."""
    need(name)

    def make(path):
        lines = ["item,feature"]
        for item, genres, year in films_of_100k() if name == "ml-100k" else films_of_1m():
            lines += [f"{item},{genre}" for genre in genres]
            if year:
                lines.append(f"{item},{year[:3]}0s")
        path.write_text("\n".join(lines) + "\n")

    return made(f"{name}.features.csv", make)


def films_of_100k():
    genres = [line.split("|")[0] for line in (FOLDER / "ml-100k" / "u.genre").read_text().split()]
    for film in (FOLDER / "ml-100k" / "u.item").read_text("latin-1").splitlines():
        item, _, date, *rest = film.split("|")
        yield item, [genre for genre, flag in zip(genres, rest[-len(genres):]) if flag == "1"], date[-4:]


def films_of_1m():
    for film in (FOLDER / "ml-1m" / "movies.dat").read_text("latin-1").splitlines():
        item, title, genres = film.split("::")
        yield item, genres.split("|"), title[-5:-1]


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


def movielens_1m_implicit():
    """The training lines of ml-1m-implicit in one file, every rating 1."""
    need("ml-1m-implicit")

    def make(path):
        with lzma.open(FOLDER / "ml-1m-implicit" / "train.txt.xz", "rt") as file:
            path.write_text(pairs(line.split() for line in file))

    return made("ml-1m-implicit.train.csv", make)


def lastfm():
    """The artists that users of Last.fm heard, with the number of plays."""
    need("hetrec-lastfm")
    lines = gzip.decompress((FOLDER / "hetrec-lastfm" / "user_artist.dat.gz").read_bytes()).decode().splitlines()
    return made("lastfm.csv", lambda path: path.write_text(rating_file([line for line in lines if line[0].isdigit()], False)))


def synthetic(users, items, ratings):
    """A file from `lowrank generate`."""
    return made(f"synthetic.{ratings}.{users}.{items}.csv", lambda path: program.lowrank("generate", users=users, items=items, ratings=ratings, output=path))


def with_blanks(source, target):
    """Copies a file with blanks for commas. Piece by piece: the peak memory of a process includes that of the process that started it."""
    with open(source, "rb") as old, open(target, "wb") as new:
        while piece := old.read(1 << 20):
            new.write(piece.replace(b",", b" "))


COMODA = ["daytime", "daytype", "season", "location", "weather", "social", "endEmo", "dominantEmo", "mood", "physical", "decision", "interaction"]
"""The contexts of LDOS-CoMoDa, in the order of its columns 8 .. 19."""


def comoda():
    """Header and lines of LDOS-CoMoDa: user, item, rating and its contexts, a missing one empty."""
    need("ldos-comoda")
    with gzip.open(FOLDER / "ldos-comoda" / "LDOS-CoMoDa.csv.gz", "rt") as file:
        rows = [line.strip().split(",") for line in file if line.strip()]
    return ["user", "item", "rating", *COMODA], [row[:3] + ["" if level == "-1" else level for level in row[7:19]] for row in rows]


def depaul():
    """Header and lines of DePaulMovie: user, item, rating, and the contexts time, location and companion, a missing one empty."""
    need("depaulmovie")
    with zipfile.ZipFile(FOLDER / "depaulmovie" / "Movie_DePaulMovie.zip") as archive:
        lines = archive.read("Movie_DePaulMovie/ratings.txt").decode().split()[1:]
    return ["user", "item", "rating", "daytime", "location", "companion"], [[level if level != "NA" else "" for level in line.split(",")] for line in lines]


CONTEXTUAL = {"ldos-comoda": comoda, "depaulmovie": depaul}


def folds_by_pair(name, folds=5):
    """The ratings of one of CONTEXTUAL in folds, those of a pair of user and item in the same one, as (train, test) of each."""
    header, lines = CONTEXTUAL[name]()
    pairs = sorted({(line[0], line[1]) for line in lines})
    random.Random(1).shuffle(pairs)
    fold_of = {pair: n % folds for n, pair in enumerate(pairs)}

    def make(path, fold, tested):
        path.write_text("".join(",".join(line) + "\n" for line in [header, *(line for line in lines if (fold_of[line[0], line[1]] == fold) == tested)]))

    return [[made(f"{name}.pairs{fold}.{word}.csv", functools.partial(make, fold=fold, tested=tested)) for word, tested in (("train", False), ("test", True))]
            for fold in range(folds)]


def timed_parts(name, by):
    """The ratings with known times of ml-1m or movietweetings, as (train, test): a random tenth to test on, or (`by` time) the latest."""

    def make(path, tested):
        if name == "ml-1m":
            lines = [line for line in read(movielens_1m(timed=True)) if line[3] != "0"]
        else:
            need("movietweetings-100k")
            lines = [line.split("::") for line in gzip.decompress((FOLDER / "movietweetings-100k" / "ratings.dat.gz").read_bytes()).decode().splitlines()]
        lines.sort(key=lambda line: int(line[3])) if by == "time" else random.Random(1).shuffle(lines)
        first = len(lines) - len(lines) // 10
        path.write_text(rating_file(["\t".join(line) for line in (lines[first:] if tested else lines[:first])], True))

    return [made(f"{name}.{by}.{word}.timed.csv", functools.partial(make, tested=tested)) for word, tested in (("train", False), ("test", True))]


def planted(shape, rank, ratings, noise, form, seed=1):
    """Random cells of a tensor of this shape that few factors explain, and noise of this standard deviation; every tenth cell to test on.

    Form `cp`: mean and biases of levels and the sum over factors of the product of all levels' factors; `pairwise`: of the products of every two
    levels' factors. Scores have a variance of about 1.
    """

    def make(paths):
        draw = random.Random(seed)
        modes = range(len(shape))
        cells = list({tuple(draw.randrange(size) for size in shape) for _ in range(ratings)})
        draw.shuffle(cells)
        factors = [[[draw.gauss(0, 1) for _ in range(rank)] for _ in range(size)] for size in shape]
        # Contexts of a CP tensor are near 1, so that users and items keep their taste in each.
        if form == "cp":
            factors[2:] = [[[1 + x / 2 for x in row] for row in own] for own in factors[2:]]
        biases = [[draw.gauss(0, 0.3) for _ in range(size)] for size in shape]
        products = [modes] if form == "cp" else [(a, b) for b in modes for a in range(min(b, 2))]
        scores = [sum(math.prod(row[k] for row in [factors[mode][cell[mode]] for mode in product]) for product in products for k in range(rank)) for cell in cells]
        deviation = statistics.pstdev(scores)
        lines = [f"{','.join(map(str, cell))},{3 + score / deviation + sum(biases[mode][cell[mode]] for mode in modes) + draw.gauss(0, noise):.5f}\n"
                 for cell, score in zip(cells, scores)]
        header = ",".join(["user", "item", *(f"mode{mode + 1}" for mode in modes[2:]), "rating"]) + "\n"
        for path, tested in zip(paths, (False, True)):
            path.write_text(header + "".join(line for n, line in enumerate(lines) if (n % 10 == 0) == tested))

    name = f"planted.{form}.{'x'.join(map(str, shape))}.rank{rank}.{ratings}.noise{noise}.seed{seed}"
    files = [WORK / f"{name}.{word}.csv" for word in ("train", "test")]
    if not all(file.exists() for file in files):
        WORK.mkdir(parents=True, exist_ok=True)
        parts = [file.with_suffix(".part") for file in files]
        make(parts)
        for part, file in zip(parts, files):
            part.rename(file)
    return files
