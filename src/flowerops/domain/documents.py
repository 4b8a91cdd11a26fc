"""The base of every JSON document that flowerops writes and reads back."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from flowerops.errors import StoreIntegrityError


class Document(BaseModel):
    """An immutable record; unknown members are errors, so that a misspelt name is never lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> str:
        """Indented JSON with a final newline, for files that people read."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> Self:
        """Parse a stored document.

        Args:
            text: The JSON text.
            source: The file's name for the error message.

        Raises:
            StoreIntegrityError: The text is not such a document.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise malformed(error, source) from error


def malformed(error: ValidationError, source: str) -> StoreIntegrityError:
    """The error for stored JSON that is not what it must be: which member of which file."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "document"
    return StoreIntegrityError(
        f"{source}: {field}: {first['msg']}", "The file was changed or is not from this version of flowerops."
    )


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value's canonical bytes."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
