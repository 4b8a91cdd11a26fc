"""The packages of the `serve` extra, and what to say when they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from flowerops.errors import UsageError

SERVER_PACKAGES = ("ai_edge_litert", "numpy", "PIL", "python_multipart", "starlette", "uvicorn")

DISTRIBUTIONS = ("ai-edge-litert", "numpy", "pillow", "pydantic", "python-multipart", "starlette", "uvicorn")
"""What the server imports, by the names of the registry; the rest of the lock is what these need."""


def missing_packages(missing: list[str]) -> UsageError:
    """The error that names the packages and the line that installs them."""
    return UsageError(
        f"scoring needs packages that are not installed: {', '.join(missing)}",
        'Install them with: pip install "flowerops[serve]"',
    )


def require_server_packages() -> None:
    """Check that the scoring server can be imported at all, without importing it.

    Raises:
        UsageError: Some of its packages are missing.
    """
    missing = [name for name in SERVER_PACKAGES if find_spec(name) is None]
    if missing:
        raise missing_packages(missing)
