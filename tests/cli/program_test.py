#!/usr/bin/env python3
"""What text cases cannot say: signals, pipes, terminals, and the examples of the help texts.

    program_test.py PROGRAM [unittest arguments]
"""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

PROGRAM = ""
METHODS = ["sgd", "als", "implicit", "bpr", "nmf", "baseline", "popular", "neighbours"]
COMMANDS = "train tune cv evaluate compare predict recommend similar info export update split generate demo serve ping completion manual".split()
# Long enough for a signal to meet it, short enough for a slow machine to finish an epoch.
LONG = ["--epochs", "1000000", "--rank", "8"]
# Seconds after which a command is taken to hang: far more than any needs, with sanitizers and on a busy machine.
PATIENCE = 400


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "lowrank").symlink_to(PROGRAM)
        self.work = self.folder / "work"
        self.work.mkdir()
        self.environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8")

    def shell(self, command):
        return subprocess.run(["sh", "-c", command], cwd=self.work, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)

    def run_ok(self, command):
        result = self.shell(command)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stderr}")
        return result.stdout

    def start(self, *arguments, **options):
        process = subprocess.Popen([PROGRAM, *arguments], cwd=self.work, text=True,
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def wait_until(self, true):
        end = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def wait_for_interrupts(self, process):
        """Returns when the program catches SIGINT."""
        def caught():
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            return int(re.search(r"SigCgt:\s+(\w+)", status).group(1), 16) >> (signal.SIGINT - 1) & 1
        self.wait_until(caught)

    def wait_for_reading(self, process):
        """Returns when the program has taken what its standard input, a pipe, holds."""
        self.wait_until(lambda: struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))[0] == 0)

    def ratings(self, count=20000):
        self.run_ok(f"lowrank generate --users 500 --items 200 --ratings {count} --output ratings.csv")

    def files(self):
        return sorted(path.name for path in self.work.iterdir())


class Interrupts(ProgramTest):
    def test_first_ends_with_the_epoch_and_writes_the_model(self):
        self.ratings()
        process = self.start("train", "ratings.csv", "--output", "m", "--json", *LONG)
        while "epoch" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, errors)
        summary = json.loads(output)
        self.assertEqual(summary["stopped"], "interrupt")
        self.assertEqual(len(summary["history"]), summary["epochs"])
        self.assertIn("Ctrl-C again", errors)
        self.assertEqual(json.loads(self.run_ok("lowrank info m --json"))["epochs"], summary["best_epoch"])
        self.run_ok("lowrank evaluate m ratings.csv")

    def test_first_ends_a_cross_validation(self):
        self.ratings(2000)
        process = self.start("cv", "ratings.csv", "--json", "--folds", "100", "--epochs", "500", "--schedule", "constant", "--learning-rate", "1e-5")
        while "fold 2/" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, errors)
        results = json.loads(output)
        self.assertEqual(results["stopped"], "interrupt")
        self.assertNotIn("figures", results)
        self.assertIn(f"lowrank: interrupted; {len(results['folds'])} of 100 folds were tested", errors)
        self.assertGreaterEqual(len(results["folds"]), 2)

    def test_keeps_the_best_epoch(self):
        self.ratings(2000)
        process = self.start("train", "ratings.csv", "--output", "m", "--json", "--holdout", "0.2", "--learning-rate", "0.2", "--patience",
                             "1000000", "--regularization", "0", *LONG)
        for _ in range(300):
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        summary = json.loads(output)
        best = min(summary["history"], key=lambda epoch: epoch["validation_rmse"])
        self.assertEqual(summary["best_epoch"], best["epoch"])
        self.assertLess(summary["best_epoch"], summary["epochs"])
        self.assertAlmostEqual(summary["validation"]["rmse"], best["validation_rmse"], 12)

    def test_during_refit_keeps_the_first_model(self):
        self.ratings()
        process = self.start("train", "ratings.csv", "--output", "m", "--json", "--holdout", "0.2", "--refit", "--epochs", "2000", "--schedule",
                             "constant", "--learning-rate", "1e-5", "--rank", "64")
        while "again" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        summary = json.loads(output)
        self.assertEqual(summary["stopped"], "interrupt")
        self.assertEqual(summary["ratings"], 16000)
        self.assertEqual(len(summary["history"]), 2000)

    def test_second_ends_at_once_and_writes_nothing(self):
        self.ratings(90000)
        (self.work / "m").write_text("old")
        # A signal that comes before training begins ends the program by itself.
        for pause in (0, .1, .2, .4, .8, 1.6):
            process = self.start("train", "ratings.csv", "--output", "m", "--epochs", "1000000", "--rank", "4096")
            process.stderr.readline()
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            # Two signals that come before the process runs again would count as one.
            for line in iter(process.stderr.readline, ""):
                if "again" in line:
                    break
            else:
                process.communicate(timeout=PATIENCE)
                continue
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
            break
        else:
            self.fail("training never began")
        self.assertEqual(process.returncode, 130)
        self.assertEqual((self.work / "m").read_text(), "old")
        self.assertEqual(self.files(), ["m", "ratings.csv"])

    def test_before_the_first_epoch_writes_nothing(self):
        process = self.start("train", "-", "--output", "m", stdin=subprocess.PIPE)
        process.stdin.write("1,1,1\n" * 3)
        process.stdin.flush()
        self.wait_for_reading(process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertIn("no model is written", errors)
        self.assertEqual(self.files(), [])

    def test_other_commands_leave_nothing_beside_the_target(self):
        process = self.start("generate", "--users", "100000", "--items", "10000", "--ratings", "100000000", "--output", "r.csv")
        self.wait_for_interrupts(process)
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.files(), [])


class KilledRuns(ProgramTest):
    def test_leave_the_old_file(self):
        (self.work / "r.csv").write_text("old")
        process = self.start("generate", "--users", "100000", "--items", "10000", "--ratings", "100000000", "--output", "r.csv")
        time.sleep(0.7)
        process.kill()
        process.communicate(timeout=PATIENCE)
        self.assertEqual((self.work / "r.csv").read_text(), "old")

    def test_of_update_leave_a_model(self):
        """The old one or the new one, at 50 instants of an update in place."""
        self.run_ok("lowrank generate --users 3000 --items 500 --ratings 60000 -o ratings.csv 2>/dev/null;"
                    "lowrank train ratings.csv --output m --method als --epochs 3 --quiet >/dev/null;"
                    "lowrank generate --users 3000 --items 500 --ratings 9000 --seed 2 -o new.csv 2>/dev/null;"
                    "cp m old; lowrank update m --ratings new.csv --output new --quiet >/dev/null")
        old, new = ((self.work / name).read_bytes() for name in ("old", "new"))
        self.assertNotEqual(old, new)
        start = time.monotonic()
        self.run_ok("lowrank update old --ratings new.csv --output spare --quiet >/dev/null")
        whole = time.monotonic() - start
        left = set()
        for instant in range(50):
            (self.work / "m").write_bytes(old)
            process = self.start("update", "m", "--ratings", "new.csv", "--output", "m", "--quiet")
            time.sleep(whole * 1.1 * instant / 49)
            process.kill()
            process.communicate(timeout=PATIENCE)
            found = (self.work / "m").read_bytes()
            self.assertIn(found, (old, new))
            left.add(found == new)
        self.run_ok("lowrank update old --ratings new.csv --output m --quiet >/dev/null")
        self.assertEqual(self.files(), ["m", "new", "new.csv", "old", "ratings.csv", "spare"])


class ClosedPipes(ProgramTest):
    def test_end_quietly(self):
        self.ratings()
        self.run_ok("lowrank train ratings.csv --output m --quiet")
        for command in ("generate --users 10000 --items 1000 --ratings 1000000", "generate --ratings 49000 --test test.csv",
                        "recommend m --all --top 200", "recommend m --all --json --top 200", "predict m ratings.csv", "similar m --all-items"):
            result = self.shell(f"(lowrank {command}; echo $? >code) | head -n 1")
            self.assertEqual(len(result.stdout.splitlines()), 1, command)
            self.assertEqual(result.stderr, "", command)
            self.assertEqual((self.work / "code").read_text(), "0\n", command)
        self.assertEqual(self.files(), ["code", "m", "ratings.csv", "test.csv"] if (self.work / "test.csv").exists() else
                         ["code", "m", "ratings.csv"])

    def test_a_closed_standard_error_does_not_end_a_training(self):
        self.ratings()
        self.run_ok("(lowrank train ratings.csv --output m --epochs 50 2>&1 >summary; echo $? >code) | true")
        self.assertEqual((self.work / "code").read_text(), "0\n")
        self.run_ok("lowrank info m")


class Terminals(ProgramTest):
    def errors_of(self, *arguments, until=()):
        """What a command writes to a standard error that is a terminal. With `until`, it is interrupted once each of these patterns was seen."""
        outer, inner = pty.openpty()
        process = self.start(*arguments, stdout=subprocess.DEVNULL, stderr=inner)
        os.close(inner)
        hanging = threading.Timer(PATIENCE, process.kill)
        hanging.start()
        text = b""
        code = 0
        # The end of a terminal that nobody has open is an error.
        with contextlib.suppress(OSError):
            while piece := os.read(outer, 65536):
                text += piece
                if until and code == 0 and all(re.search(pattern, text) for pattern in until):
                    process.send_signal(signal.SIGINT)
                    code = 130
        os.close(outer)
        hanging.cancel()
        self.assertEqual(process.wait(), code if code or not until else 130, text[-2000:])
        return text.decode()

    def test_progress_is_redrawn_there_and_only_there(self):
        self.ratings(900)
        train = ["train", "ratings.csv", "--output", "m", "--epochs", "2"]
        shown = self.errors_of(*train)
        self.assertIn("reading ratings.csv", shown)
        self.assertIn("\r\x1b[K", shown)
        self.assertIn("epoch 2/2", shown)
        # Nothing of the passing lines is left on the screen: each is cleared before the line that follows it.
        for piece in shown.replace("\r\n", "\n").split("\n"):
            self.assertNotRegex(piece.rsplit("\r\x1b[K", 1)[-1], "^(reading|training)")
        self.assertEqual(self.errors_of(*train, "--quiet"), "")
        plain = self.shell("lowrank train ratings.csv --output m --epochs 2").stderr
        self.assertNotIn("\r", plain)
        self.assertEqual(len(plain.splitlines()), 3)
        self.assertIn("ratings.csv: 3 columns", plain.splitlines()[0])

    def test_reading_and_training_show_how_far_they_are(self):
        self.ratings(90000)
        # Enough epochs for the time that is left to be known and shown, however fast the machine.
        self.errors_of("train", "ratings.csv", "--output", "m", "--epochs", "1000000", "--rank", "128", "--threads", "1",
                       until=[rb"reading ratings.csv: \d+ %", rb"training: epoch \d+ of 1000000, about \d+ (s|min) left"])

    def test_every_epoch_keeps_its_line(self):
        self.ratings(90000)
        shown = self.errors_of("train", "ratings.csv", "--output", "m", "--epochs", "40", "--rank", "16")
        self.assertEqual(re.findall(r"(?:^|\n|\x1b\[K)epoch +(\d+)/40", shown), [str(epoch) for epoch in range(1, 41)])


class HelpTexts(ProgramTest):
    def test_every_example_runs_as_printed(self):
        listed = re.findall(r"^  ([a-z]+) ", self.run_ok("lowrank").split("Commands:")[1], re.MULTILINE)
        self.assertEqual(listed, COMMANDS)
        for command in COMMANDS:
            with self.subTest(command):
                text = self.run_ok(f"lowrank {command} --help")
                self.assertTrue(text.startswith(text[0].upper()))
                lines = text.split("Example:\n")[1].splitlines()
                self.assertTrue(all(line.startswith("  ") for line in lines))
                self.assertIn(f"lowrank {command}", lines[-1])
                self.setUp()
                output = self.run_ok("set -e\n" + "\n".join(line[2:] for line in lines))
                self.assertTrue(output or self.files())

    def test_fit_on_a_screen(self):
        for command in COMMANDS:
            for line in self.run_ok(f"lowrank {command} --help").splitlines():
                self.assertLessEqual(len(line), 80, line)
        for method in METHODS:
            for line in self.run_ok(f"lowrank train --method {method} --help").splitlines():
                self.assertLessEqual(len(line), 80, line)
        for line in self.run_ok("lowrank").splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_say_how_to_see_the_options_of_another_method(self):
        text = " ".join(self.run_ok("lowrank train --help").split())
        self.assertIn("lowrank train --method NAME --help", text)
        for method in METHODS:
            self.assertRegex(text, rf"method of training: [^;]*\b{method}\b")

    def test_show_the_same_default_method_and_the_monitor_of_the_method(self):
        for method in METHODS:
            text = " ".join(self.run_ok(f"lowrank train --method {method} --help").split())
            self.assertRegex(text, r"--method NAME [^(]*\(default sgd\)")
            ranks = method in ("implicit", "bpr", "popular", "neighbours")
            self.assertRegex(text, r"--monitor METRIC [^(]*\(default %s\)" % ("ndcg@20" if ranks else "rmse"))
            for option in ("--min-rating", "--max-rating", "--no-clip"):
                self.assertEqual(option in text, not ranks, option)

    def test_say_what_an_option_depends_on(self):
        text = " ".join(self.run_ok("lowrank train --method als --help").split())
        self.assertRegex(text, r"--cg-steps N [^(]*; only with --solver cg, not with --rank 0, not with --non-negative \(default 3\)")
        self.assertRegex(text, r"--patience N [^(]*; only with --validation or --holdout \(default 5\)")

    def test_show_the_defaults_of_the_method(self):
        text = self.run_ok("lowrank train --method sgd --help")
        defaults = json.loads(self.run_ok("lowrank generate --users 5 --items 5 --ratings 9 --output r.csv && "
                                          "lowrank train r.csv --output m --quiet --json"))["options"]
        self.assertGreater(len(defaults), 8)
        for name, value in defaults.items():
            if isinstance(value, bool):
                self.assertRegex(text, rf"--{'no-' if value else ''}{name.replace('_', '-')} ")
            else:
                entry = text.split(f"\n  --{name.replace('_', '-')} ")[1].split("\n  --")[0]
                shown = re.search(r"\(default\s+(\S+)\)", entry).group(1)
                if value is None:
                    self.assertEqual(shown, "auto", name)
                    continue
                self.assertEqual(value if isinstance(value, str) else float(shown), shown if isinstance(value, str) else value, name)


class Json(ProgramTest):
    def test_is_one_document_for_every_command_that_has_it(self):
        self.ratings()
        (self.work / "pairs.csv").write_text('1,2\n1,"a ""quoted"" id"\n\\,/\n')
        for command in ("train ratings.csv --output m --epochs 2", "evaluate m ratings.csv", "predict m pairs.csv", "recommend m --all",
                        "recommend m --ratings ratings.csv", "similar m --all-items", "similar m --user 1 2", "info m"):
            json.loads(self.run_ok(f"lowrank {command} --json"))

    def test_has_the_scores_of_the_text(self):
        self.ratings()
        self.run_ok("lowrank train ratings.csv --output m --quiet")
        document = json.loads(self.run_ok("lowrank recommend m --all --top 3 --json"))
        lines = [f"{entry['user']}\t{rank}\t{item['item']}\t{item['score']:.9g}" for entry in document["users"]
                 for rank, item in enumerate(entry["items"], 1)]
        text = self.run_ok("lowrank recommend m --all --top 3").splitlines()
        self.assertEqual(len(lines), len(text))
        for line, expected in zip(lines, text):
            self.assertEqual(line.rsplit("\t", 1)[0], expected.rsplit("\t", 1)[0])
            self.assertAlmostEqual(float(line.rsplit("\t", 1)[1]), float(expected.rsplit("\t", 1)[1]), 6)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
