#!/usr/bin/env python3
"""Requests per second of `lowrank serve`: top-10 lists for random users of MovieTweetings by 64 keep-alive clients, client and server on this machine.

    bench/serve.py [--quick] [--rival] [--threads N] [--program PROGRAM]     writes build/bench/serve.json and prints a table; all else should be quiet meanwhile

wrk asks as fast as answers come (closed loop). Where oha is there (`cargo install oha`), it asks OPEN times a second, whether answers have come or not (open loop);
its times count from the moment at which a request was due. The lists are computed for each request: no run asks with If-None-Match. `first` is a run in which every
user is asked for the first time, so that their factors are solved too; `again` finds them solved. `writes` are one client's rounds of a rating (PUT,
answered after the commit) and the list that it changes. Processor seconds are the server's alone. Figures are medians.
--rival: beside Gorse, built from its Go module, with the same ratings as likes in its SQLite store. Its lists of users are computed ahead and read from
that store; those of a session (here a user's latest ten items) are computed when they are asked for, from neighbours of items.
"""

import http.client
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

from harness import WORK, data, measure, program
from harness.table import arguments, save, table
from rivals.gorse import Gorse

CLIENTS, ROUNDS, SESSION, OPEN = 64, 300, 10, 5000
OWN = 'return wrk.format("GET", "/v1/users/" .. users[math.random(#users)] .. "/recommendations")'
CACHED = 'return wrk.format("GET", "/api/recommend/" .. users[math.random(#users)] .. "?n=10")'
COMPUTED = 'return wrk.format("POST", "/api/session/recommend?n=10", {["Content-Type"]="application/json"}, users[math.random(#users)])'
SCRIPT = """
local users = {}
for line in io.lines("%s") do users[#users + 1] = line end
math.randomseed(%d)
request = function() %s end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%%d,"microseconds":%%d,"p50":%%d,"p95":%%d,"p99":%%d,"most":%%d,"failed":%%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


def ratings_file():
    rows = data.movietweetings()
    file = data.made("movietweetings.csv", lambda path: path.write_text(data.HEADER + "".join(",".join(row) + "\n" for row in rows)))
    users = data.made("movietweetings.users", lambda path: path.write_text("".join(user + "\n" for user in dict.fromkeys(row[0] for row in rows))))
    return file, users


class Service:
    """A running service on a state that is made once."""

    def __init__(self, program_path, state, threads):
        command = [program_path, "serve", state, "--listen", "127.0.0.1:0", "--threads", str(threads), "--log-level", "warning", "--method", "implicit", "--rank", "64"]
        self.running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"http://([^/]+)/", self.running.stdout.readline())[1]
        subprocess.run([program_path, "ping", self.address, "--wait", "600"], check=True, stdout=subprocess.DEVNULL)

    def processor(self):
        """Processor seconds so far."""
        return measure.processor(self.running.pid)

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.running.pid}/status").read_text())[1]) * 1024

    def end(self):
        self.running.terminate()
        self.running.wait()


def load(service, users, seconds, seed, request=OWN):
    """One run of wrk; `users` is a file with a line for each user."""
    script = WORK / "serve.lua"
    script.write_text(SCRIPT % (users, seed, request))
    before = service.processor()
    result = measure.process(["wrk", "-t", "1", "-c", CLIENTS, "-d", f"{seconds}s", "--timeout", "10s", "-s", script, f"http://{service.address}"])
    own = json.loads(result["output"].strip().splitlines()[-1])
    if own["failed"]:
        sys.exit(f"{own['failed']} requests failed")
    return {"per_second": own["requests"] / own["microseconds"] * 1e6, "p50": own["p50"] / 1e6, "p95": own["p95"] / 1e6, "p99": own["p99"] / 1e6,
            "processor_per_thousand": (service.processor() - before) / own["requests"] * 1000}


def open_loop(service, users, seconds):
    """One run of oha, OPEN requests a second."""
    urls = WORK / "serve.urls"
    urls.write_text("".join(f"http://{service.address}/v1/users/{user}/recommendations\n" for user in users.read_text().split()))
    before = service.processor()
    result = measure.process(["oha", "-q", OPEN, "-c", CLIENTS, "-z", f"{seconds}s", "--latency-correction", "--no-tui", "--output-format", "json", "--urls-from-file", urls])
    own = json.loads(result["output"])
    answered = own["statusCodeDistribution"]
    if set(answered) != {"200"}:
        sys.exit(f"requests failed: {answered} {own['errorDistribution']}")
    times = own["latencyPercentiles"]
    return {"per_second": answered["200"] / own["summary"]["total"], "p50": times["p50"], "p95": times["p95"], "p99": times["p99"],
            "processor_per_thousand": (service.processor() - before) / answered["200"] * 1000}


def writes(service, users):
    """Seconds of rounds of a PUT and the GET that sees it, by one client."""
    ids = users.read_text().split()
    draw = random.Random(1)
    connection = http.client.HTTPConnection(service.address)
    seconds = []
    for _ in range(ROUNDS):
        user, item = draw.choice(ids), str(draw.randrange(1000))
        start = time.perf_counter()
        for method, path, body in (("PUT", f"/v1/users/{user}/ratings/bench{item}", '{"value":8}'), ("GET", f"/v1/users/{user}/recommendations", None)):
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"{method} {path} was answered {answer.status}")
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    return {"p50": seconds[len(seconds) // 2], "p99": seconds[len(seconds) * 99 // 100]}


def beside(rival, file, users, seconds, runs):
    """Lists of the rival, computed ahead and computed."""
    pairs = [line.split(",")[:2] for line in file.read_text().splitlines()[1:]]
    items = {}
    for user, item in pairs:
        items.setdefault(user, []).append(item)
    sessions = data.made("movietweetings.sessions", lambda path: path.write_text("".join(
        json.dumps([{"FeedbackType": "star", "UserId": user, "ItemId": item, "Timestamp": "2024-01-01T00:00:00Z"} for item in own[-SESSION:]]) + "\n"
        for user, own in items.items())))
    rival.start(pairs)
    rows = {name: middle([load(rival, lines, seconds, run, request) for run in range(runs)])
            for name, lines, request in ((f"{rival.name}, computed ahead", users, CACHED), (f"{rival.name}, computed", sessions, COMPUTED))}
    rival.end()
    return rows


def middle(results):
    return {name: statistics.median(result[name] for result in results) for name in results[0]}


def tables(document):
    rows = [[name, f"{row['per_second']:.0f}", f"{row['p50'] * 1000:.2f}", f"{row['p99'] * 1000:.2f}", f"{row['processor_per_thousand']:.3f}"]
            for name, row in document["lists"].items()]
    first = table([f"top-10 lists, {CLIENTS} clients", "requests per second", "p50 ms", "p99 ms", "processor seconds per 1000"], rows)
    own = document["writes"]
    second = table(["PUT and GET, one client", "p50 ms", "p99 ms"], [["a rating and the list that it changes", f"{own['p50'] * 1000:.2f}", f"{own['p99'] * 1000:.2f}"]])
    return f"{first}\n\n{second}\n\nmemory: {document['memory'] / 1e6:.0f} MB for {document['users']} users, {document['memory_per_ten_thousand'] / 1e6:.1f} MB per 10,000"


def main():
    given = arguments(__doc__, quick="short runs", rival="beside Gorse, which is built first", threads={"type": int, "default": 0, "help": "threads that compute lists"},
                      program={"default": program.PROGRAM, "help": "the program"})
    file, users = ratings_file()
    state = WORK / "serve.state"
    seconds, runs = (3, 1) if given.quick else (15, 5)
    if not state.exists():
        service = subprocess.Popen([given.program, "serve", state, "--import", file, "--listen", "127.0.0.1:0", "--method", "implicit", "--rank", "64", "--train-threads", "0",
                                    "--log-level", "warning", "--quiet"], stdout=subprocess.PIPE, text=True)
        address = re.search(r"http://([^/]+)/", service.stdout.readline())[1]
        subprocess.run([given.program, "ping", address, "--wait", "600"], check=True, stdout=subprocess.DEVNULL)
        service.terminate()
        service.wait()
    count = len(users.read_text().split())
    first = []
    for run in range(runs):
        service = Service(given.program, state, given.threads)
        empty = service.memory()
        first.append(load(service, users, seconds, run))
        again = [load(service, users, seconds, 100 + n) for n in range(runs)] if run == runs - 1 else []
        steady = middle([open_loop(service, users, seconds) for _ in range(runs)]) if run == runs - 1 and shutil.which("oha") else None
        rounds = writes(service, users) if run == runs - 1 else None
        memory = service.memory()
        service.end()
    lists = {"first": middle(first), "again": middle(again), **({f"again, {OPEN} requests a second": steady} if steady else {})}
    rival = Gorse() if given.rival else None
    if rival and not rival.missing():
        lists |= beside(rival, file, users, seconds, runs)
    save("serve", {"lists": lists, "writes": rounds, "memory": memory, "memory_before": empty, "users": count,
                   "memory_per_ten_thousand": memory / count * 10_000}, tables)


if __name__ == "__main__":
    main()
