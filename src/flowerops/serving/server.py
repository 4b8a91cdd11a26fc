"""The scoring server's process: `python -m flowerops.serving.server --bundle DIR --model-name N --port P …`.

It listens at once (/healthz answers) and loads the model meanwhile (then /readyz turns 200). When the model must not be
served it ends by itself, with the error's exit code. SIGTERM: /readyz turns 503, requests in flight finish, exit 0.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from flowerops.errors import FlowerOpsError
from flowerops.serving.binding import API_KEY_VARIABLE, check_bind, find_key, is_loopback, listening_socket
from flowerops.serving.keys import KeyFile
from flowerops.serving.logs import log_failure, log_to_stderr
from flowerops.serving.requirements import require_server_packages

__all__ = ["API_KEY_VARIABLE", "check_bind", "is_loopback", "main"]


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; the exit codes are those of the command line (0 after SIGTERM or SIGINT)."""
    arguments = _arguments(argv)
    log_to_stderr()
    try:
        require_server_packages()
        return _serve(arguments, None if arguments.keys else find_key(arguments.key_file))
    except FlowerOpsError as error:
        log_failure(error)
        return error.exit_code


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flowerops.serving.server", description="Score images over HTTP.")
    parser.add_argument("--bundle", type=Path, required=True, help="the model bundle's folder")
    parser.add_argument("--digest", help="the SHA-256 that the bundle must have")
    parser.add_argument("--model-name", required=True, help="the registered name, for the answers")
    parser.add_argument("--model-version", type=int, required=True, help="the registered version, for the answers")
    parser.add_argument("--host", default="127.0.0.1", help=f"other than loopback needs {API_KEY_VARIABLE}")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; the log says which")
    parser.add_argument("--key-file", type=Path, help=f"a file that holds the key, in place of {API_KEY_VARIABLE}")
    parser.add_argument("--quantized", action="store_true", help="serve the int8 model of the bundle")
    parser.add_argument("--threads", type=int, help="images scored at once (default: one a core)")
    parser.add_argument("--keys", type=Path, help="an endpoint's file of keys, which is read again when it changes")
    parser.add_argument("--log", type=Path, help="the file that stderr leads into; it is kept small")
    return parser.parse_args(argv)


def _serve(arguments: argparse.Namespace, api_key: str | None) -> int:
    check_bind(arguments.host, api_key)
    listener = listening_socket(arguments.host, arguments.port)
    from flowerops.serving.lifetime import ServedBundle, serve_until_stopped

    bundle = ServedBundle(
        arguments.bundle,
        arguments.digest,
        arguments.model_name,
        arguments.model_version,
        arguments.threads,
        arguments.quantized,
    )
    keys = KeyFile(arguments.keys) if arguments.keys else api_key
    return asyncio.run(serve_until_stopped(bundle, keys, listener, log_file=arguments.log))


if __name__ == "__main__":
    sys.exit(main())
