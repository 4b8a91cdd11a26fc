"""Write locks/*.txt: every dependency of an extra with its hashes, for Python 3.11 to 3.13 on every platform.

`dev` is resolved first and constrains the smaller ones, so that all environments of the product agree on versions;
`azure-serve` cannot agree (its server pins other ones) and stands alone. No index address is written.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--quiet"]


def compile_lock(name: str, source: list[str], constraint: str | None = None) -> None:
    """Resolve one lock file."""
    constrained = ["-c", f"locks/{constraint}.txt"] if constraint else []
    command = ["uv", "pip", "compile", *source, *constrained, *OPTIONS, "--upgrade", "-o", f"locks/{name}.txt"]
    subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], cwd=ROOT, check=True)


if __name__ == "__main__":
    for tool in ("uv", "docs", "audit", "debug"):
        compile_lock(tool, [f"locks/{tool}.in"])
    compile_lock("dev", ["pyproject.toml", "--extra", "dev"])
    for extra in ("local", "train", "serve"):
        compile_lock(extra, ["pyproject.toml", "--extra", extra], "dev")
    compile_lock("fuzz", ["pyproject.toml", "--extra", "serve", "locks/fuzz.in"], "dev")
    compile_lock("azure-train", ["pyproject.toml", "--extra", "train", "--extra", "azure"], "dev")
    compile_lock("azure-serve", ["pyproject.toml", "--extra", "azure-serve"])
