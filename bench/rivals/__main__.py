"""A task of a rival, inside its environment: python -m rivals MODULE CLASS TASK JOB prints a line of JSON, the last."""

import importlib
import json
import sys

module, name, task, job = sys.argv[1:]
result = getattr(getattr(importlib.import_module(module), name), task)(**json.loads(job))
print("\n" + json.dumps(result), flush=True)
