#!/usr/bin/env python3
"""What happens where the system, the files or the numbers are against a run: closed descriptors, limits, kills, extreme ratings.

    hardships_test.py PROGRAM [unittest arguments]
"""
import json
import math
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import sys
import time
import unittest

import program_test
from program_test import PATIENCE, ProgramTest


def limited(**limits):
    """A function for a child process that sets limits, e.g. limited(AS=2**30)."""
    def apply():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    return apply


def sanitized():
    """Whether the program was built with a sanitizer, which reserves more memory, and starts more threads, than such limits allow."""
    program = pathlib.Path(program_test.PROGRAM).read_bytes()
    return b"__asan_" in program or b"__tsan_" in program


class Threads(ProgramTest):
    def setUp(self):
        super().setUp()
        if sanitized():
            self.skipTest("a sanitizer does not work under limits of memory and threads")

    def test_runs_with_the_threads_that_there_are(self):
        self.ratings(2000)
        model = None
        for megabytes in (120, 200, 400, 1000):
            result = subprocess.run([program_test.PROGRAM, "train", "ratings.csv", "--output", "m", "--threads", "64", "--epochs", "3", "--quiet"],
                                    cwd=self.work, capture_output=True, text=True, timeout=PATIENCE, preexec_fn=limited(AS=megabytes << 20))
            # Too little for the data as well is one sentence.
            if result.returncode != 0:
                self.assertEqual((result.returncode, result.stderr), (1, "lowrank: not enough memory\n"), megabytes)
                continue
            found = (self.work / "m").read_bytes()
            self.assertEqual(found, model or found)
            model = found
        self.assertIsNotNone(model)

    @unittest.skipUnless(os.getuid() == 0, "another user's limit is needed")
    def test_runs_where_no_thread_can_be_created(self):
        self.ratings(2000)
        self.folder.chmod(0o777)
        self.work.chmod(0o777)
        result = subprocess.run([program_test.PROGRAM, "train", "ratings.csv", "--output", "m", "--threads", "64", "--epochs", "3", "--quiet"],
                                cwd=self.work, capture_output=True, text=True, timeout=PATIENCE, user=65534, preexec_fn=limited(NPROC=1))
        if "Permission denied" in result.stderr:
            self.skipTest("another user cannot run the program here")
        self.assertEqual(result.returncode, 0, result.stderr)


class Descriptors(ProgramTest):
    def test_closed_ones_are_not_taken_for_files(self):
        command = "generate --users 100 --items 100 --ratings 3000 --seed 1"
        self.run_ok(f"lowrank {command} --output whole.csv --test test.csv")
        expected = (self.work / "test.csv").read_text()
        for closing in (">&-", "<&- >&-", "<&- >&- 2>&-"):
            result = self.shell(f"lowrank {command} --test test.csv {closing}")
            self.assertEqual(result.returncode, 1)
            self.assertEqual((self.work / "test.csv").read_text(), expected)
        self.assertIn("<stdout>: cannot write: Bad file descriptor", self.shell(f"lowrank {command} --test test.csv >&-").stderr)
        self.assertIn("<stdin>: cannot read: Bad file descriptor", self.shell("lowrank train - --output m <&-").stderr)

    def test_messages_do_not_get_into_the_model(self):
        self.ratings()
        self.run_ok("lowrank train ratings.csv --output expected --epochs 2 2>&-")
        for closing in ("2>&-", "<&- 2>&-"):
            self.run_ok(f"lowrank train ratings.csv --output m --epochs 2 {closing} >summary")
            self.assertEqual((self.work / "m").read_bytes(), (self.work / "expected").read_bytes())
        process = subprocess.Popen(["sh", "-c", f"exec {program_test.PROGRAM} train ratings.csv --output m --rank 512 --epochs 1000000 <&- 2>&-"],
                                   cwd=self.work, stdout=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        if process.returncode == 130:
            self.run_ok("lowrank info m")


class Finite(ProgramTest):
    """Predictions are finite and JSON is JSON, whatever the ratings and the step."""

    HUGE = "1,1,3.4e38\n1,2,-3.4e38\n2,1,-3.4e38\n2,2,3.4e38\n3,1,3e38\n3,3,1\n4,2,-1e-38\n4,3,3.4e38\n"
    TINY = "1,1,1e-38\n1,2,2e-44\n2,1,-3e-45\n2,2,1e-38\n3,3,1e-40\n"
    MIXED = "1,1,5\n1,2,3\n2,1,4\n2,3,1e30\n3,2,-1e30\n3,3,2\n"

    def documents(self, text):
        def refuse(constant):
            raise AssertionError(f"{constant} in {text[:200]}")
        return json.loads(text, parse_constant=refuse)

    def numbers(self, value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from self.numbers(one)
        elif isinstance(value, float):
            yield value

    def test_predictions(self):
        trained = 0
        (self.work / "other.csv").write_text("1,9,1\n2,3,3e38\n3,1,-3e38\n")
        for name, text in (("huge", self.HUGE), ("tiny", self.TINY), ("mixed", self.MIXED)):
            (self.work / "r.csv").write_text(text)
            for options in ("", "--no-clip", "--no-clip --no-biases", "--update-order tutorial --learning-rate 1e30 --no-clip",
                            "--update-order tutorial --learning-rate 1e3 --no-clip --regularization 0", "--update-order tutorial --no-clip",
                            "--method als --no-clip", "--method als --no-clip --regularization 0 --rank 3", "--method baseline --no-clip",
                            "--method implicit", "--method nmf --no-clip", "--holdout 0.3 --no-clip --test r.csv"):
                with self.subTest(f"{name} {options}"):
                    result = self.shell(f"lowrank train r.csv --output m --json --quiet --epochs 20 {options}")
                    if result.returncode != 0:
                        self.assertRegex(result.stderr, r"\A(lowrank: epoch [^\n]+\n)*lowrank: [^\n]+\n\Z")
                        self.assertIn(result.returncode, (1, 2))
                        continue
                    trained += 1
                    self.documents(result.stdout)
                    for command in ("evaluate m r.csv", "evaluate m other.csv --top 2", "predict m r.csv", "recommend m --all --include-seen", "similar m --all-items",
                                    "similar m --all-items --by dot", "recommend m --ratings r.csv --include-seen", "info m"):
                        done = self.shell(f"lowrank {command} --json")
                        if done.returncode != 0:
                            self.assertRegex(done.stderr, r"\A(r\.csv: [^\n]+\n)?lowrank: [^\n]+\n\Z", command)
                            continue
                        for number in self.numbers(self.documents(done.stdout)):
                            self.assertTrue(math.isfinite(number), command)
                            if not command.startswith(("evaluate", "info")):
                                self.assertLessEqual(abs(number), 3.4028235e38, command)
        self.assertGreater(trained, 15)


class Limits(ProgramTest):
    def test_a_file_that_may_not_grow(self):
        self.ratings()
        for command in ("train ratings.csv --output m --rank 512 --epochs 1", "generate --ratings 49000 --output g.csv"):
            result = subprocess.run([program_test.PROGRAM, *command.split()], cwd=self.work, capture_output=True, text=True, timeout=PATIENCE,
                                    preexec_fn=limited(FSIZE=100000))
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr.splitlines()[-1], r"lowrank: (m|g.csv): cannot write: File too large")
        self.assertEqual(self.files(), ["ratings.csv"])

    def test_reports_of_many_epochs_are_thinned(self):
        (self.work / "r.csv").write_text("1,1,5\n1,2,3\n2,1,4\n")
        for epochs in (20000, 70001):
            result = self.run_ok(f"lowrank train r.csv --output m --rank 1 --epochs {epochs} --json --quiet")
            summary = json.loads(result)
            listed = [entry["epoch"] for entry in summary["history"]]
            self.assertEqual(summary["epochs"], epochs)
            self.assertEqual(listed, sorted(set(listed)))
            self.assertEqual(listed[-1], epochs)
            self.assertLessEqual(len(listed), 16386)
            self.assertGreaterEqual(len(listed), 8192)
            steps = {after - before for before, after in zip(listed, listed[1:-1])}
            self.assertEqual(len(steps), 1)

    def test_a_target_that_cannot_be_replaced_loses_nothing(self):
        process = self.start("train", "-", "--output", "m", "--quiet", stdin=subprocess.PIPE)
        process.stdin.write("1,1,5\n")
        process.stdin.flush()
        self.wait_for_reading(process)
        (self.work / "m").mkdir()
        _, errors = process.communicate("1,2,3\n2,1,4\n", timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(errors, "lowrank: m: cannot write: it is a directory; the model is in m.1\n")
        self.run_ok("lowrank info m.1")

    @unittest.skipUnless(os.getuid() == 0, "files of two users are needed")
    def test_a_sticky_folder(self):
        self.ratings(2000)
        sticky = self.work / "sticky"
        sticky.mkdir()
        (sticky / "m").write_text("theirs")
        (sticky / "m").chmod(0o666)
        sticky.chmod(0o1777)
        self.folder.chmod(0o755)
        result = subprocess.run([program_test.PROGRAM, "train", "ratings.csv", "--output", "sticky/m"], cwd=self.work, capture_output=True, text=True,
                                user=65534, timeout=PATIENCE)
        if "Permission denied" in result.stderr:
            self.skipTest("another user cannot run the program here")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Alowrank: sticky/m: cannot write: it belongs to another user, .*sticky.*\n\Z")
        self.assertEqual((sticky / "m").read_text(), "theirs")


class Leftovers(ProgramTest):
    def test_of_killed_runs_are_removed_by_the_next(self):
        self.ratings(2000)
        left = self.work / ".lowrank-0123456789abcdef.tmp"
        left.write_text("half a model")
        self.run_ok("lowrank train ratings.csv --output m --quiet")
        self.assertEqual(self.files(), ["m", "ratings.csv"])

    def test_a_signal_leaves_nothing(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            # A program that nohup started ignores SIGHUP, and so do those that it starts.
            process = self.start("generate", "--users", "100000", "--items", "10000", "--ratings", "100000000", "--output", "r.csv",
                                 preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
            time.sleep(0.5)
            process.send_signal(number)
            process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, -number)
            self.assertEqual(self.files(), [])

    def test_two_outputs_are_one(self):
        """Killed at any moment, split leaves its old files or its new ones, some of them missing, but never new ones beside old ones."""
        self.ratings(3000)
        marks = {}
        for seed in (1, 2):
            self.run_ok(f"lowrank split ratings.csv --output p{seed} --test 0.3 --validation 0.2 --seed {seed}")
            for part in ("train", "valid", "test"):
                marks[(self.work / f"p{seed}.{part}").read_text()] = seed
        for attempt in range(60):
            for part in ("train", "valid", "test"):
                path = self.work / f"p.{part}"
                path.write_text((self.work / f"p1.{part}").read_text())
            process = self.start("split", "ratings.csv", "--output", "p", "--test", "0.3", "--validation", "0.2", "--seed", "2")
            time.sleep(0.0005 * attempt)
            process.kill()
            process.communicate(timeout=PATIENCE)
            there = {marks[path.read_text()] for path in self.work.glob("p.*")}
            self.assertLessEqual(len(there), 1)
        self.run_ok("lowrank split ratings.csv --output p --test 0.3 --validation 0.2 --seed 2")
        self.assertFalse([name for name in self.files() if name.startswith(".lowrank")])
        self.assertEqual({marks[path.read_text()] for path in self.work.glob("p.*")}, {2})


class Messages(ProgramTest):
    ESCAPE = "\x1b]0;owned\x07\x1b[31m"

    def on_terminal(self, *arguments):
        outer, inner = pty.openpty()
        subprocess.run([program_test.PROGRAM, *arguments], cwd=self.work, stdin=subprocess.DEVNULL, stdout=inner, stderr=inner, timeout=PATIENCE)
        os.close(inner)
        text = b""
        try:
            while piece := os.read(outer, 65536):
                text += piece
        except OSError:
            pass
        os.close(outer)
        return text.decode("utf-8", "replace")

    def test_give_no_orders_to_a_terminal(self):
        (self.work / "r.csv").write_text("u\u009b31m,i,5\nu\u009b31m,j,4\nv,i,3\n")
        (self.work / "titles").write_text(f"i,A{self.ESCAPE}\nj,B\u009b31m\n")
        name = f"none{self.ESCAPE}"
        self.run_ok("lowrank train r.csv --output m --quiet")
        for arguments in (["train", name, "--output", "x"], ["info", name], ["recommend", "m", "--user", name], ["recommend", "m", "--user", "x\u009b31m"],
                          ["recommend", "m", "--all", "--include-seen", "--titles", "titles"], ["recommend", "m", "--all", "--include-seen", "--json"],
                          ["predict", "m", "r.csv"], [name], ["train", "r.csv", "--output", "m", "--format", name]):
            shown = self.on_terminal(*arguments).replace("\r\n", "\n").replace("\r\x1b[K", "")
            self.assertFalse(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown), (arguments, shown))
        # A file gets the ids as they are.
        self.assertIn("u\u009b31m\t", self.run_ok("lowrank predict m r.csv"))
        self.assertNotIn("\x1b", self.shell(f"lowrank info '{name}'").stderr)

    def test_name_long_ids_by_their_start(self):
        long = "x" * 100000
        (self.work / "r.csv").write_text(f"{long},i,5\n{long},j,4\nv,i,3\n")
        self.run_ok("lowrank train r.csv --output m --quiet")
        (self.work / "users").write_text(f"y{long}\n")
        (self.work / "bad.csv").write_text(f"{long},i,5\n{long},{long},z{long}\n")
        (self.work / "twice.csv").write_text(f"{long},i,5\n{long},i,4\n")
        for command in ("recommend m --users users", "similar m --users users", "recommend m --all --items users", "train bad.csv --output x",
                        "train twice.csv --duplicates error --output x", "evaluate m bad.csv"):
            result = self.shell(f"lowrank {command}")
            self.assertEqual(result.returncode, 1, command)
            self.assertLess(len(result.stderr), 500, command)


if __name__ == "__main__":
    program_test.PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
