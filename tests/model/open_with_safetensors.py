"""Opens model files with the safetensors package, as anybody would, and checks the first one number by number.

Usage: open_with_safetensors.py tests/model/data/v2.safetensors [MODEL...]
Leaves with 77 where the package or numpy is missing.
"""
import json
import sys

try:
    import numpy
    from safetensors import safe_open
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

NAMES = {"user_factors", "item_factors", "user_biases", "item_biases", "user_id_offsets", "item_id_offsets", "user_ratings", "item_ratings",
         "user_ids", "item_ids", "history.offsets", "history.values", "history.items", "history.codes"}
MASK = 2**64 - 1


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def checksum(data):
    """As docs/model-file.md defines it."""
    step = 0x9E3779B97F4A7C15
    padded = data + bytes(32 - len(data) % 32)
    lanes = [0, 0, 0, 0]
    for number, word in enumerate(memoryview(padded).cast("Q")):
        lanes[number % 4] = mix(((lanes[number % 4] ^ word) + step) & MASK)
    total = len(data)
    for lane in lanes:
        total = mix(((total ^ lane) + step) & MASK)
    return f"{total:016x}"


def check_sealed(path):
    data = open(path, "rb").read()
    start = 8 + len(b'{"__metadata__":{"checksum":"')
    digits = data[start : start + 16]
    assert checksum(data[:start] + b"0" * 16 + data[start + 16 :]).encode() == digits, path
    length = int.from_bytes(data[:8], "little")
    assert (8 + length) % 64 == 0, path


def ids(tensors, whose):
    offsets = tensors[whose + "_id_offsets"]
    characters = tensors[whose + "_ids"].tobytes()
    return [characters[a:b].decode() for a, b in zip(offsets, offsets[1:])]


def seen(tensors, user):
    items, item, number, shift = [], -1, 0, 0
    for byte in tensors["history.items"][tensors["history.offsets"][user] : tensors["history.offsets"][user + 1]]:
        number |= (int(byte) & 127) << shift
        shift += 7
        if byte < 128:
            item += number + 1
            items.append(item)
            number, shift = 0, 0
    return items


def open_model(path):
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = file.metadata()
    assert set(tensors) == NAMES, path
    users, rank = tensors["user_factors"].shape
    items = tensors["item_factors"].shape[0]
    assert tensors["item_factors"].shape == (items, rank), path
    assert tensors["user_factors"].dtype == numpy.float32 and tensors["user_ratings"].dtype == numpy.int64, path
    assert len(ids(tensors, "user")) == users == tensors["user_biases"].shape[0], path
    assert metadata["format"] == "lowrank-model" and metadata["format_version"] == "2", path
    for part in ("options", "model", "fold_in", "record", "sections"):
        assert isinstance(json.loads(metadata[part]), dict), path
    return tensors, metadata


def check_kept(tensors, metadata):
    assert numpy.array_equal(tensors["user_factors"], numpy.arange(1, 7, dtype=numpy.float32).reshape(3, 2) / 8)
    assert numpy.array_equal(tensors["item_factors"], -numpy.arange(1, 9, dtype=numpy.float32).reshape(4, 2) / 16)
    assert tensors["user_biases"].tolist() == [0.5, -0.25, 0.125]
    assert tensors["item_biases"].tolist() == [1, -1, float(numpy.float32(0.1)), 0]
    assert tensors["user_ratings"].tolist() == [2, 3, 0] and tensors["item_ratings"].tolist() == [2, 1, 1, 1]
    assert ids(tensors, "user") == ["ann", "7", "007"]
    assert ids(tensors, "item") == ["\u00dcber", 'b "2"', "c,d", "\u6620\u753b"]
    assert [seen(tensors, user) for user in range(3)] == [[0, 3], [0, 1, 2], []]
    assert metadata["method"] == "sgd" and json.loads(metadata["options"]) == {"rank": 2, "learning_rate": 0.05}
    assert json.loads(metadata["model"]) == {"mean": 3.7, "rating_mean": 3.6, "min_rating": 0.5, "max_rating": float(numpy.float32(4.7)),
                                             "clips": False, "has_biases": True, "predicts_ratings": True,
                                             "user_ids": "text", "item_ids": "text"}
    record = json.loads(metadata["record"])
    assert record["seed"] == 2**64 - 1 and record["ratings"] == 5 and record["epochs"] == 20
    assert record["metrics"] == [{"name": "train_rmse", "value": 0.1}, {"name": "validation_rmse", "value": 0.9375}]
    assert json.loads(metadata["fold_in"])["alpha"] == 40


check_kept(*open_model(sys.argv[1]))
check_sealed(sys.argv[1])
for path in sys.argv[2:]:
    open_model(path)
    check_sealed(path)
print("opened", len(sys.argv) - 1, "models")
