"""The scoring server's process: `python -m flowerops.serving.server --bundle DIR --model-name N --port P …`.

It listens at once (/healthz answers) and loads the model meanwhile (then /readyz turns 200). When the model must not be
served it ends by itself, with the error's exit code. SIGTERM: /readyz turns 503, requests in flight finish, exit 0.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import socket
import sys
from pathlib import Path

from flowerops.errors import ConflictError, FlowerOpsError, UsageError
from flowerops.serving.keys import KeyFile, OneKey
from flowerops.serving.logs import log_failure, log_to_stderr
from flowerops.serving.requirements import require_server_packages

API_KEY_VARIABLE = "FLOWEROPS_API_KEY"


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; the exit codes are those of the command line (0 after SIGTERM or SIGINT)."""
    arguments = _arguments(argv)
    log_to_stderr()
    try:
        require_server_packages()
        return _serve(arguments, None if arguments.key_file else os.environ.get(API_KEY_VARIABLE))
    except FlowerOpsError as error:
        log_failure(error)
        return error.exit_code


def check_bind(host: str, api_key: str | None) -> None:
    """Refuse to listen to the network without a key.

    Raises:
        UsageError: The address is not a loopback one and there is no key, or the key cannot stand in a header.
    """
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key and " " not in api_key):
        raise UsageError(
            f"{API_KEY_VARIABLE} cannot be a key", "Use letters, digits and signs of ASCII without blanks, or unset it."
        )
    if not is_loopback(host) and api_key is None:
        raise UsageError(
            f"listening on {host} would let everybody on the network use the model",
            f"Set {API_KEY_VARIABLE} to a secret, or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Whether a listening address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m flowerops.serving.server", description="Score images over HTTP.")
    parser.add_argument("--bundle", type=Path, required=True, help="the model bundle's folder")
    parser.add_argument("--digest", help="the SHA-256 that the bundle must have")
    parser.add_argument("--model-name", required=True, help="the registered name, for the answers")
    parser.add_argument("--model-version", type=int, required=True, help="the registered version, for the answers")
    parser.add_argument("--host", default="127.0.0.1", help=f"other than loopback needs {API_KEY_VARIABLE}")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; the log says which")
    parser.add_argument("--threads", type=int, help="images scored at once (default: one a core)")
    parser.add_argument("--quantized", action="store_true", help="serve the bundle's int8 model")
    parser.add_argument("--key-file", type=Path, help=f"whose keys are taken in place of {API_KEY_VARIABLE}")
    parser.add_argument("--log", type=Path, help="the file that stderr leads into; it is kept small")
    return parser.parse_args(argv)


def _serve(arguments: argparse.Namespace, api_key: str | None) -> int:
    check_bind(arguments.host, api_key)
    listener = _listen(arguments.host, arguments.port)
    from flowerops.serving.lifetime import ServedBundle, serve_until_stopped

    bundle = ServedBundle(
        arguments.bundle,
        arguments.digest,
        arguments.model_name,
        arguments.model_version,
        arguments.threads,
        arguments.quantized,
    )
    keys = KeyFile(arguments.key_file) if arguments.key_file else OneKey(api_key)
    return asyncio.run(serve_until_stopped(bundle, keys, listener, log_file=arguments.log))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms an answer) off only for sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConflictError(f"cannot listen on {host} port {port}: {reason}", "Choose another port.") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
