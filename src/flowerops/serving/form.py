"""The files of a multipart form whose body is in memory and bounded already; nothing goes through temporary files."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from flowerops.serving.errors import ApiError

_LONGEST_FIELD = 1024 * 1024


def files_of_form(content_type: str, body: bytes, limit: int) -> list[bytes]:
    """The form's files, in their order; other fields are passed over.

    Args:
        content_type: The request's header, with the boundary.
        body: The whole body.
        limit: How many files and how many other fields there may be.

    Raises:
        ApiError: 400, not a form, or more than `limit` files.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise _bad("multipart/form-data needs a boundary")
    form = _Form(limit)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _bad("Invalid multipart data.") from error
    return [b"".join(pieces) for pieces in form.files]


class _Form:
    """Collects what the parser finds."""

    def __init__(self, limit: int) -> None:
        self.files: list[list[bytes]] = []
        self._limit = limit
        self._fields = 0
        self._header, self._value, self._disposition = b"", b"", b""
        self._is_file = False
        self._field_bytes = 0

    def callbacks(self) -> dict[str, object]:
        """For the parser, by event."""
        names = ("part_begin", "part_data", "header_field", "header_value", "header_end", "headers_finished")
        return {f"on_{name}": getattr(self, f"_on_{name}") for name in names}

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise _bad('The Content-Disposition header field "name" must be provided.')
        self._is_file = b"filename" in options
        if self._is_file:
            if len(self.files) == self._limit:
                raise _bad(f"Too many files. Maximum number of files is {self._limit}.")
            self.files.append([])
            return
        self._field_bytes = 0
        self._fields += 1
        if self._fields > self._limit:
            raise _bad(f"Too many fields. Maximum number of fields is {self._limit}.")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.files[-1].append(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > _LONGEST_FIELD:
            raise _bad(f"Part exceeded maximum size of {_LONGEST_FIELD // 1024}KB.")


def _bad(message: str) -> ApiError:
    return ApiError(400, "bad_multipart", message)
