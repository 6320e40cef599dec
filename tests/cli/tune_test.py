#!/usr/bin/env python3
"""Searches that are killed, interrupted, or wait for their test file.

tune_test.py PROGRAM [unittest arguments]
"""
import errno
import json
import os
import random
import signal
import sys
import threading
import time
import unittest
import xml.etree.ElementTree

import program_test
from program_test import PATIENCE, ProgramTest

SEARCH = ["--trials", "20", "--methods", "sgd,baseline", "--quiet"]


class Searches(ProgramTest):
    def setUp(self):
        super().setUp()
        self.ratings(8000)

    def whole(self):
        """The bytes of trials and model of a search that nobody disturbs."""
        self.run_ok(f"lowrank tune ratings.csv --output whole.st --trials-file whole.jsonl {' '.join(SEARCH)}")
        return (self.work / "whole.jsonl").read_bytes(), (self.work / "whole.st").read_bytes()


class Kills(Searches):
    instants = 3

    def test_leave_a_search_that_goes_on_to_the_same_bytes(self):
        trials, model = self.whole()
        instants = random.Random(1)
        cut = 0
        for number in range(self.instants):
            arguments = ["tune", "ratings.csv", "--output", f"m{number}", "--trials-file", f"t{number}", *SEARCH]
            file = self.work / f"t{number}"
            length = instants.uniform(0, 1) * len(trials)
            process = self.start(*arguments)
            # The share of the search that is done tells the instant: how long it takes does not, on a machine that does other work as well.
            while process.poll() is None and (not file.exists() or file.stat().st_size < length):
                time.sleep(0.002)
            process.kill()
            process.communicate(timeout=PATIENCE)
            left = file.read_bytes() if file.exists() else b""
            cut += left != trials
            self.assertEqual(trials[: len(left)], left)
            self.run_ok(f"lowrank {' '.join(arguments)}")
            self.assertEqual((self.work / f"t{number}").read_bytes(), trials)
            self.assertEqual((self.work / f"m{number}").read_bytes(), model)
        self.assertGreater(cut, self.instants // 3)


class ManyKills(Kills):
    instants = 20


class Interrupted(Searches):
    def test_the_best_so_far_is_trained_and_written(self):
        process = self.start("tune", "ratings.csv", "--output", "m", "--json", "--trials", "10000", "--trials-file", "t")
        while "best so far" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, errors)
        summary = json.loads(output)
        self.assertEqual(summary["stopped"], "interrupt")
        self.assertIn("Ctrl-C again", errors)
        full = [run for run in map(json.loads, (self.work / "t").read_text().splitlines()[1:]) if run["full"]]
        best = min(full, key=lambda run: run["figure"])
        self.assertEqual(summary["trial"], best["trial"])
        self.assertEqual(summary["options"]["epochs"], best["best_epoch"])
        self.run_ok("lowrank evaluate m ratings.csv")

    def test_a_second_one_ends_at_once(self):
        process = self.start("tune", "ratings.csv", "--output", "m", "--trials", "2", "--fixed", "--epochs 1000000 --rank 8")
        while "columns" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertFalse((self.work / "m").exists())


class TestFile(Searches):
    def test_is_opened_when_model_and_choice_are_written(self):
        fifo = self.work / "test"
        os.mkfifo(fifo)
        seen = {}

        def offer():
            """Opens the other end as soon as somebody reads."""
            while True:
                try:
                    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                    break
                except OSError as error:
                    assert error.errno == errno.ENXIO
                    time.sleep(0.001)
            seen["model"] = (self.work / "m").exists()
            seen["choice"] = "choice" in (self.work / "t").read_text().splitlines()[-1]
            os.write(writer, b"1,2,3\n4,5,6\n")
            os.close(writer)

        thread = threading.Thread(target=offer, daemon=True)
        thread.start()
        summary = json.loads(self.run_ok("lowrank tune ratings.csv --output m --trials 5 --trials-file t --test test --json --quiet"))
        thread.join(timeout=PATIENCE)
        self.assertEqual(seen, {"model": True, "choice": True})
        self.assertEqual(summary["test"]["ratings"], 2)


class Pictures(Searches):
    def test_have_a_panel_per_option(self):
        self.run_ok("lowrank tune ratings.csv --output m --trials 12 --methods als,neighbours --monitor recall@10 --plot p.svg --quiet "
                    "--space 'rank=4..32:log,solver=exact|cg'")
        text = (self.work / "p.svg").read_text()
        xml.etree.ElementTree.fromstring(text)
        for title in ("recall@10 of 24 trials", "als: rank", "als: solver", "als: prior_ratings", "neighbours: similarity"):
            self.assertIn(f">{title}<", text)
        self.assertGreater(text.count("<circle"), 30)


if __name__ == "__main__":
    program_test.PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
