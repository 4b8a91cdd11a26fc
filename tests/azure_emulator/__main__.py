"""Run the emulator by hand: `cd tests && python -m azure_emulator --folder DIR`; ends with Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import signal
from pathlib import Path

from azure_emulator import running_emulator, serve_python


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m azure_emulator", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where certificates, blobs and logs go")
    parser.add_argument("--exact", action="store_true", help="poll intervals as with the real service: 5 s and more")
    parser.add_argument("--no-mlflow", action="store_true", help="jobs get no MLflow server")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        running_emulator(
            folder, exact=options.exact, mlflow=not options.no_mlflow, serve_python=serve_python()
        ) as emulator,
    ):
        for name, value in emulator.environment().items():
            print(f"export {name}={value}", flush=True)
        print(f"# faults are read from {emulator.cloud.faults.file}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
