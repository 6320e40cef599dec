"""silent_library.py must hear code that is not silent. usage: silent_library_test.py COMPILER"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import silent_library

COMPILER = sys.argv.pop(1)


class Silence(unittest.TestCase):
    def found(self, code, name="a.cc"):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, name)
            source.write_text(code, encoding="utf-8")
            subprocess.run([COMPILER, "-std=c++20", "-O2", "-c", source, "-o", f"{source}.o"], check=True)
            return list(silent_library.problems([f"{source}.o"]))

    def test_silent_code(self):
        self.assertEqual(self.found("#include <cstdio>\n#include <string>\nint f(char* b) { return std::snprintf(b, 9, \"%d\", 7); }\n"), [])

    def test_each_kind_of_noise(self):
        for code, words in (
            ("#include <cstdio>\nvoid f(int x) { std::printf(\"%d\", x); }", "prints"),
            ("#include <cstdio>\nvoid f() { std::puts(\"hello\"); }", "prints"),
            ("#include <cstdio>\nvoid f() { std::fputc('x', stderr); }", "prints"),
            ("#include <iostream>\nvoid f() { std::cerr << 1; }", "prints"),
            ("#include <cstdlib>\nvoid f() { std::exit(1); }", "ends the process"),
            ("#include <cstdlib>\nvoid f() { std::abort(); }", "ends the process"),
            ("#include <cstdlib>\nchar* f() { return std::getenv(\"HOME\"); }", "asks the environment"),
        ):
            found = self.found(code)
            self.assertTrue(found and words in found[0], (code, found))

    def test_the_one_place_that_may_ask(self):
        code = "#include <cstdlib>\nchar* f() { return std::getenv(\"LOWRANK_SIMD\"); }"
        self.assertEqual(self.found(code, "simd_level.cc"), [])
        self.assertEqual(len(self.found(code, "other.cc")), 1)


if __name__ == "__main__":
    unittest.main()
