"""What an installation takes: packages, megabytes, and seconds from a warm cache of wheels; one environment a lock.

`python -m bench.installing [LOCK …]` prints the rows of docs/reference/installation.md.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).parent / "uv"
LOCKS = ("serve", "azure-serve", "train", "azure-train", "local", "dev")


def main() -> None:
    for lock in sys.argv[1:] or ("", *LOCKS):
        sys.stdout.write(_row(lock) + "\n")
        sys.stdout.flush()


def _row(lock: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "env"
        started = time.perf_counter()
        _run(UV, "venv", "--quiet", "--python", sys.executable, place)
        install = [UV, "pip", "install", "--quiet", "--python", place / "bin" / "python"]
        if lock:
            _run(*install, "--require-hashes", "-r", ROOT / "locks" / f"{lock}.txt")
        else:  # the command line alone
            _run(*install, str(ROOT))
        seconds = time.perf_counter() - started
        site = next((place / "lib").glob("python3*/site-packages"))
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and not path.is_symlink())
        count = len(list(site.glob("*.dist-info")))
    return f"| {lock or '(none)'} | {count} | {size / 1e6:,.0f} | {seconds:.0f} |"


def _run(*command: str | Path) -> None:
    subprocess.run([str(one) for one in command], check=True)


if __name__ == "__main__":
    main()
