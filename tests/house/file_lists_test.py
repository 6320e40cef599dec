"""file_lists.py must notice the source that nobody lists."""

import json
import tempfile
import unittest
from pathlib import Path

import file_lists


class FileLists(unittest.TestCase):
    def test_source_in_no_list(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            room = root / "src" / "data"
            room.mkdir(parents=True)
            (room / "read.cc").touch()
            command = {"directory": folder, "file": str(room / "read.cc"), "command": "g++ ..."}
            (root / "compile_commands.json").write_text(json.dumps([command]), encoding="utf-8")
            self.assertEqual(list(file_lists.problems(root, root)), [])
            (room / "ad.cc").touch()
            self.assertEqual(list(file_lists.problems(root, root)), ["src/data/ad.cc: no CMakeLists.txt names it"])

    def test_sources_compiled_together(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            together = root / "build" / "Unity" / "unity_0_cxx.cxx"
            for source in (together, root / "src" / "ad.cc", root / "src" / "read.cc"):
                source.parent.mkdir(parents=True, exist_ok=True)
                source.touch()
            together.write_text(f'/* generated */\n#include "{root / "src" / "read.cc"}"\n', encoding="utf-8")
            command = {"directory": folder, "file": str(together), "command": "g++ ..."}
            (root / "compile_commands.json").write_text(json.dumps([command]), encoding="utf-8")
            self.assertEqual(list(file_lists.problems(root, root)), ["src/ad.cc: no CMakeLists.txt names it"])


if __name__ == "__main__":
    unittest.main()
