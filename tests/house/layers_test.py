"""layers.py must catch every kind of wrong arrow: each case is a small tree with one in it."""

import tempfile
import unittest
from pathlib import Path

import layers

HACKING = "# x\n\n## Who may know whom\nWords.\n\n```\ncli\ntrain recommend\ndata kernels\nbase\n```\n"


class Layers(unittest.TestCase):
    def found(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "HACKING.md").write_text(HACKING, encoding="utf-8")
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return layers.problems(root)

    def one(self, files, words):
        found = self.found(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_arrows_down_and_within_a_room_are_allowed(self):
        self.assertEqual(self.found({
            "include/lowrank/base/error.h": "#include <string>\n",
            "include/lowrank/data/read.h": '#include "lowrank/base/error.h"\n',
            "include/lowrank/version.h": "#include <string_view>\n",
            "src/base/file.h": "",
            "src/kernels/simd.cc": '#include "lowrank/version.h"\n#include <hwy/highway.h>\n',
            "src/data/text.cc": '#include "data/text.h"\n#include "base/file.h"\n#include "lowrank/data/read.h"\n',
            "src/data/text.h": "#pragma once\n",
            "src/cli/main.cc": '#include "data/text.h"\n#include <CLI/CLI.hpp>\n',
        }), [])

    def test_arrow_up(self):
        self.one({"src/data/a.cc": '\n#include "train/sgd.h"\n', "src/train/sgd.h": ""}, "src/data/a.cc:2: data must not know train")

    def test_arrow_up_through_a_public_header(self):
        self.one({"include/lowrank/base/a.h": '#include "lowrank/data/b.h"\n', "include/lowrank/data/b.h": ""}, "base must not know data")

    def test_arrow_between_rooms_of_one_row(self):
        self.one({"src/train/a.cc": '  #  include "recommend/b.h"\n', "src/recommend/b.h": ""}, "train must not know recommend")

    def test_version_belongs_to_base(self):
        self.one({"include/lowrank/version.h": '#include "lowrank/data/b.h"\n', "include/lowrank/data/b.h": ""}, "base must not know data")

    def test_public_header_that_needs_a_private_one(self):
        self.one({"include/lowrank/data/a.h": '#include "base/file.h"\n', "src/base/file.h": ""}, "a public header must not need")

    def test_public_header_that_needs_another_library(self):
        self.one({"include/lowrank/data/a.h": "#include <nlohmann/json.hpp>\n"}, "the standard library and lowrank alone")

    def test_library_in_a_foreign_room(self):
        self.one({"src/train/a.cc": "#include <hwy/highway.h>\n"}, "for src/kernels/ alone")
        self.one({"src/kernels/gram.cc": "#include <Eigen/Core>\n"}, "for src/kernels/eigen.cc alone")

    def test_room_without_a_row(self):
        self.one({"src/magic/a.cc": ""}, "no room of the table")

    def test_path_that_leads_nowhere(self):
        self.one({"src/data/a.cc": '#include "text.h"\n', "src/data/text.h": ""}, "neither in include/ nor in src/")

    def test_angles_do_not_hide_an_arrow(self):
        self.one({"src/base/a.cc": "#include <lowrank/data/b.h>\n", "include/lowrank/data/b.h": ""}, "in quotes")

    def test_empty_tree(self):
        self.one({}, "no sources")


if __name__ == "__main__":
    unittest.main()
