"""The service as others' tools see it: its metrics by promtool, and its description of itself, /openapi.json, by schemathesis.

    api.py PROGRAM SOURCE BUILD [EXAMPLES]

Schemathesis comes from PyPI into an environment under BUILD. It asks every route EXAMPLES times, in ways that the description allows and in ways
that it forbids, and follows links between routes; a server error, an answer that is not as described, and a wrong request that is taken are failures.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

PACKAGE = "schemathesis==4.32.5"


class Service:
    """`lowrank serve` with the example ratings, on a free port."""

    def __init__(self, program, source, folder):
        data = source / "examples" / "data"
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen([program, "serve", folder / "state", "--listen", "127.0.0.1:0", "--import", data / "ratings.dat.gz", "--titles", data / "movies.dat.gz"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = "http://" + re.search(r"127\.0\.0\.1:\d+", self.process.stdout.readline()).group()
        for _ in range(1200):
            try:
                self.get("/readyz")
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("the service did not become ready")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


def metrics_problem(service):
    """What promtool has to say of the metrics."""
    service.get("/v1/popular")
    result = subprocess.run(["promtool", "check", "metrics"], input=service.get("/metrics"), capture_output=True, check=False)
    said = (result.stdout + result.stderr).decode().strip()
    return said or (f"promtool ended with {result.returncode}" if result.returncode else None)


def api_problem(service, python, config, examples, folder):
    """What schemathesis has to say of the routes."""
    command = [python.parent / "schemathesis", "--config-file", config, "run", service.url + "/openapi.json", "--max-examples", str(examples), "--seed", "1",
               "--generation-database", "none", "--no-color", "--request-timeout", "60"]
    result = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONUTF8": "1"})
    print(result.stdout[-4000:])
    return None if result.returncode == 0 else f"schemathesis ended with {result.returncode}\n{result.stdout}{result.stderr[-2000:]}"


def main():
    program, source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    examples = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    sys.path.insert(0, str(source / "tests" / "peers"))
    import peers

    python = peers.python_with(build, "schemathesis", PACKAGE)
    with tempfile.TemporaryDirectory(prefix="lowrank-api-") as name:
        folder = pathlib.Path(name)
        service = Service(program, source, folder)
        try:
            problems = [metrics_problem(service)]
            if python is not None:
                problems.append(api_problem(service, python, source / "tests" / "serve" / "schemathesis.toml", examples, folder))
            # The metrics of every route that was asked.
            problems.append(metrics_problem(service))
        finally:
            status = service.end()
        if status:
            problems.append(f"the service ended with {status}")
    wrong = [problem for problem in problems if problem]
    sys.exit("\n".join(wrong) if wrong else peers.SKIPPED if python is None else 0)


if __name__ == "__main__":
    main()
