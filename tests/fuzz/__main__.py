"""Fuzz the readers and the server for a bounded time: `make fuzz SECONDS=60 TARGETS="picture server"`.

What is learned stays in `.fuzz/`, and the next run goes on from it. What was found lies in `.fuzz/found-*`: mend it,
and put the bytes into `tests/fuzz/corpus/TARGET/`, where the tests go through them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from fuzz.targets import NAMES
from helpers.served import process
from helpers.tiny_bundle import make_bundle

WORK = Path(".fuzz").resolve()
_SERVER = "server"
_SLACK_S = 180


def fuzz_reader(name: str, tools: Path, seconds: int) -> int:
    """Fuzz one reader in a process of its own; gives its exit code."""
    arguments = [str(tools / "python"), "-m", "fuzz.one", name, str(WORK / "bundle"), str(WORK), str(seconds)]
    return subprocess.run(arguments, timeout=seconds + _SLACK_S).returncode


def fuzz_server(tools: Path, seconds: int) -> int:
    """Ask a server what its OpenAPI document allows and what it does not; gives schemathesis' exit code."""
    call = ("--bundle", str(WORK / "bundle"), "--model-name", "tiny", "--model-version", "1", "--port", "0")
    with process("flowerops.serving.server", *call, log=WORK / "server.log") as server:
        url = server.ready()
        options = ["--max-time", str(seconds), "--max-examples", "100000", "--request-timeout", "60", "--no-color"]
        # That a string is base64 of a picture is more than a schema can say, so good data may well be refused.
        options += ["--exclude-checks", "positive_data_acceptance"]
        command = [str(tools.absolute() / "schemathesis"), "run", f"{url}/openapi.json", *options]
        code = subprocess.run(command, timeout=seconds + _SLACK_S, cwd=WORK).returncode
        assert server.process.poll() is None, "the server died"
        stray = [line for line in (WORK / "server.log").read_text().splitlines() if not line.startswith("{")]
        assert not stray, stray
    return code


def main() -> int:
    """Fuzz each target, or those named; gives 1 when something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=[*NAMES, _SERVER], help=", ".join([*NAMES, _SERVER]))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--tools", type=Path, required=True, help="the folder with atheris' python and schemathesis")
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    if not (WORK / "bundle").is_dir():
        make_bundle(WORK / "bundle")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    found = []
    for name in given.targets:
        print(f"=== {name}", flush=True)
        code = (
            fuzz_server(given.tools, given.seconds)
            if name == _SERVER
            else fuzz_reader(name, given.tools, given.seconds)
        )
        if code:
            found.append(name)
    print(f"found something in: {', '.join(found)}" if found else "nothing found", flush=True)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
