"""One process of a parallel component: `init()` once, `run(mini_batch)` for each of its batches."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import sys
import traceback
from pathlib import Path


def main(plan_file: str) -> int:
    plan = json.loads(Path(plan_file).read_text())
    entry = _load(plan)
    getattr(entry, "init", lambda: None)()
    lost_files = lost_batches = 0
    for batch in plan["batches"]:
        rows = _attempt(entry, batch, plan["retries"])
        if rows is None:
            lost_batches += 1
            lost_files += len(batch)
            continue
        lost_files += max(0, len(batch) - len(rows))
        _append(plan["append_row_to"], rows)
    getattr(entry, "shutdown", lambda: None)()
    return int(
        _too_many(lost_files, plan["error_threshold"]) or _too_many(lost_batches, plan["mini_batch_error_threshold"])
    )


def _load(plan):
    path = Path.cwd() / plan["entry_script"]
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = [str(path), *plan["arguments"]]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _attempt(entry, batch, retries):
    for _ in range(retries + 1):
        try:
            return list(entry.run(batch))
        except Exception:
            traceback.print_exc()
    return None


def _append(target, rows):
    if not target:
        return
    with Path(target).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.writelines(f"{row}\n" for row in rows)


def _too_many(lost, allowed):
    """-1 allows any number."""
    if lost and allowed >= 0 and lost > allowed:
        print(f"{lost} failed, {allowed} are allowed", file=sys.stderr)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
