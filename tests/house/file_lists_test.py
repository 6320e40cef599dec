"""file_lists.py must notice the source that nobody lists."""

import tempfile
import unittest
from pathlib import Path

import file_lists


class FileLists(unittest.TestCase):
    def test_source_in_no_list(self):
        with tempfile.TemporaryDirectory() as folder:
            room = Path(folder, "src", "data")
            room.mkdir(parents=True)
            (room / "CMakeLists.txt").write_text("target_sources(lowrank PRIVATE read.cc)\n", encoding="utf-8")
            (room / "read.cc").touch()
            self.assertEqual(list(file_lists.problems(Path(folder))), [])
            (room / "ad.cc").touch()
            self.assertEqual(len(list(file_lists.problems(Path(folder)))), 1)


if __name__ == "__main__":
    unittest.main()
