"""lowrank itself, through the same adapter as its rivals."""

import json


class Lowrank:
    name = "lowrank"
    options = {}

    def __init__(self, program, folder):
        self.program = str(program)
        self.model = f"{folder}/lowrank.safetensors"

    def prepare(self):
        pass

    def command(self, job):
        options = [word for pair in {**self.options, **job.get("options", {})}.items() for word in pair]
        test = ["--validation", job["test"], "--patience", str(job["epochs"])] if job.get("test") else []
        return [self.program, "train", job["train"], "--output", self.model, "--rank", str(job["rank"]), "--epochs", str(job["epochs"]), "--threads",
                str(job["threads"]), *options, *test, "--quiet", "--json"]

    def epochs(self, lines):
        return [epoch["seconds"] for epoch in json.loads("".join(line for _, line in lines))["history"]]

    def rmse(self, output):
        return json.loads(output).get("validation", {}).get("rmse")
