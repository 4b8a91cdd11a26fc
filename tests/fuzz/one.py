"""Fuzz one reader with atheris, guided by which lines it reaches: `python -m fuzz.one TARGET BUNDLE WORK SECONDS`.

It ends with another code than 0 when something was found; `WORK/found-*` has the bytes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

_READERS = ["flowerops", "PIL", "python_multipart", "zipfile", "tarfile", "json", "base64"]
_MOST_MEGABYTES = 1024
_MOST_SECONDS = 20
_LONGEST = 20_000
"""Bytes of an input: every reader's ways are reached with less."""


def main(name: str, bundle: Path, work: Path, seconds: int) -> None:
    """Fuzz for so long; the corpus grows in `work`, and goes on from what is there."""
    with atheris.instrument_imports(include=_READERS):
        from fuzz.targets import open_readers
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        target = open_readers(bundle, Path(folder)).targets[name]
        corpus = work / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, example in enumerate(target.examples()):
            (corpus / f"example-{number}").write_bytes(example)
        options = [
            f"-max_total_time={seconds}",
            f"-rss_limit_mb={_MOST_MEGABYTES}",
            f"-timeout={_MOST_SECONDS}",
            f"-max_len={_LONGEST}",
            f"-artifact_prefix={work}/found-{name}-",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], target.read)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
