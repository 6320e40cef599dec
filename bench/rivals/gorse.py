import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from harness import measure
from rivals import Rival

MODULE = "github.com/zhenghaoz/gorse@v0.4.16"  # the newest one that its Go module can be had of
PORT = 18088
SETTINGS = f"""
[database]
cache_store = "sqlite://cache.db"
data_store = "sqlite://data.db"
[master]
host = "127.0.0.1"
port = {PORT - 2}
http_host = "127.0.0.1"
http_port = {PORT}
n_jobs = 2
[recommend.data_source]
positive_feedback_types = ["star"]
[recommend.offline]
enable_latest_recommend = false
enable_user_based_recommend = false
enable_click_through_prediction = false
"""
STEP = 5000  # ratings per request of the import
PATIENCE = 900  # seconds in which its lists are to be there


class Gorse(Rival):
    """Gorse in one program with its SQLite stores. Lists of users are computed ahead and kept; those of sessions are computed for each request, from neighbours of items."""

    name = "Gorse 0.4.16"
    packages = []
    address = f"127.0.0.1:{PORT}"

    def prepare(self):
        program = self.folder / "gorse"
        if program.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            module = json.loads(subprocess.run(["go", "mod", "download", "-json", MODULE], check=True, capture_output=True, text=True).stdout)
        except FileNotFoundError as error:
            raise subprocess.CalledProcessError(127, "go") from error
        source = self.folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(module["Dir"], source)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        subprocess.run(["go", "build", "-o", program, "./cmd/gorse-in-one"], check=True, cwd=source)

    def start(self, pairs):
        """A service that knows the pairs of user and item, with all lists computed."""
        self.state = self.folder / "state"
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()
        (self.state / "config.toml").write_text(SETTINGS)
        self.begin()
        for first in range(0, len(pairs), STEP):
            news = [{"FeedbackType": "star", "UserId": user, "ItemId": item, "Timestamp": "2024-01-01T00:00:00Z"} for user, item in pairs[first:first + STEP]]
            self.ask("PUT", "/api/feedback", news)
        # It trains when it starts.
        self.end()
        (self.state / "one_cache.data").unlink(missing_ok=True)
        self.begin()
        self.wait(self.has_lists)

    def begin(self):
        self.log = self.state / "log"
        with self.log.open("w") as log:
            self.running = subprocess.Popen([self.folder / "gorse", "-c", "config.toml", "--recommend-jobs", "2"], cwd=self.state, stdout=log, stderr=log)
        self.wait(self.lives)

    def has_lists(self):
        """Whether lists of users were computed from a model, and neighbours of items."""
        log = self.log.read_text()
        fitted = log.find("fit ranking model complete")
        return 0 <= fitted < log.rfind("complete ranking recommendation") and "complete searching neighbors of items" in log

    def lives(self):
        try:
            return self.ask("GET", "/api/health/live")["Ready"]
        except (urllib.error.URLError, ConnectionError):
            return False

    def wait(self, done):
        until = time.monotonic() + PATIENCE
        while not done():
            if self.running.poll() is not None or time.monotonic() > until:
                self.end()
                raise SystemExit(f"Gorse did not get ready: {self.log}")
            time.sleep(1)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.address}{path}", json.dumps(body).encode() if body else None, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.loads(answer.read())

    def processor(self):
        """Processor seconds so far."""
        return measure.processor(self.running.pid)

    def end(self):
        self.running.kill()
        self.running.wait()
