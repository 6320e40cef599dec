"""Time and memory of processes; programs that take turns; medians."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time


def process(command, limit=None, **options):
    """Runs a command. Returns its `seconds`, those of `processor`s, its peak resident `bytes`, its `output`, and its `lines`, each with the time when it came.

    After `limit` seconds it is stopped, and the result has `stopped`.
    """
    command = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, **options)
        stop = threading.Timer(limit or threading.TIMEOUT_MAX, running.kill)
        stop.daemon = True
        stop.start()
        lines = [(time.perf_counter(), line) for line in running.stdout]
        _, status, usage = os.wait4(running.pid, 0)
        seconds = time.perf_counter() - start
        stop.cancel()
        running.returncode = os.waitstatus_to_exitcode(status)
        if limit and seconds >= limit:
            return {"seconds": limit, "stopped": True}
        if running.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed with {running.returncode}:\n{errors.read()}")
    return {"seconds": seconds, "processor": usage.ru_utime + usage.ru_stime, "bytes": usage.ru_maxrss * 1024, "output": "".join(line for _, line in lines), "lines": lines}


def processor(pid):
    """Processor seconds of a running process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alternate(programs, runs, warm_up=1):
    """Calls every program of {key: program} in turn, `runs` times after `warm_up` uncounted rounds. Returns {key: [result of each counted call]}."""
    results = {key: [] for key in programs}
    for turn in range(warm_up + runs):
        for key, program in programs.items():
            result = program()
            name = " ".join(map(str, key)) if isinstance(key, tuple) else key
            print(f"  {name}: {figures(result)}{' (warm-up)' if turn < warm_up else ''}", file=sys.stderr, flush=True)
            if turn >= warm_up:
                results[key].append(result)
    return results


def figures(result):
    """The numbers of a result as text, the best of a list of seconds."""
    best = {name: min(value) if name == "seconds" and isinstance(value, list) else value for name, value in result.items()}
    return ", ".join(f"{name} {value:.4g}" for name, value in best.items() if isinstance(value, (int, float)))


def median(results, name):
    return statistics.median(result[name] for result in results)
