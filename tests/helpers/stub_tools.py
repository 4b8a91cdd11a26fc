"""Programs that only write down how they were called, to see what a script does once bash has read it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = {
    "schema_version": 1,
    "command": "any",
    "ok": True,
    "run_id": "4f2e5ab25f2f103a0650d36578d94c69",
    "raw": {"name": "flowers", "version": 3},
    "model": {"name": "flower_classifier", "version": 2, "digest": "0" * 64},
    "champion": True,
}
"""What every command of ours prints with --json, as far as scripts pass it on."""

_NAMES = ("flowerops", "docker", "az", "make")
_STUB = """#!/bin/sh
for word in "$(basename "$0")" "$@"; do printf '%s\\0' "$word"; done >> "{calls}"
printf '\\n' >> "{calls}"
before=
for word in "$@"; do
    case "$before" in --report | --summary-md | --junit) echo stub > "$word" ;; esac
    before="$word"
done
case " $* " in *" --json "*) cat "{document}" ;; esac
"""


@dataclass(frozen=True)
class Stubs:
    """A folder of stubs, first on the path of the scripts that are run."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._document.write_text(json.dumps(DOCUMENT, indent=2) + "\n")
        for name in _NAMES:
            stub = self.folder / name
            stub.write_text(_STUB.format(calls=self._calls, document=self._document))
            stub.chmod(0o755)

    @property
    def _calls(self) -> Path:
        return self.folder / "calls"

    @property
    def _document(self) -> Path:
        return self.folder / "document.json"

    def fail(self, command: str, code: int) -> None:
        """Let a command of ours end with a code from now on."""
        stub = self.folder / "flowerops"
        stub.write_text(f'{stub.read_text()}if [ "$1" = {command} ]; then exit {code}; fi\n')

    def run(self, script: str, cwd: Path, env: Mapping[str, str]) -> list[list[str]]:
        """The calls that a script makes; it must end well."""
        made, done = self.outcome(script, cwd, env)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return made

    def outcome(
        self, script: str, cwd: Path, env: Mapping[str, str]
    ) -> tuple[list[list[str]], subprocess.CompletedProcess[str]]:
        """Run a script with these variables and no others, unset ones being errors; gives its calls and its end."""
        self._calls.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-u", "-c", script],
            cwd=cwd,
            env={"PATH": f"{self.folder}:{os.defpath}", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return [line.split("\0")[:-1] for line in self._calls.read_text().splitlines()], done
