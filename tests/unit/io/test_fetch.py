from __future__ import annotations

import ipaddress
import socket
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.errors import BadInputError, RemoteError
from flowerops.io import exchange, urls
from flowerops.io.fetch import fetch
from helpers.scripted_server import hang_up, reply, scripted_server, trickle

pytestmark = pytest.mark.usefixtures("short_pauses")

BODY = b"\xff\xd8\xff" + bytes(range(256)) * 40


def local(url: str, **changes: object) -> bytes:
    return fetch(url, **{"allow_private": True, "timeout_s": 5.0, **changes})  # type: ignore[arg-type]


def test_a_file_comes_back_byte_for_byte() -> None:
    with scripted_server(reply(body=BODY)) as server:
        assert local(f"{server.url}/a b/photo.jpg?size=large") == BODY
    assert server.requests[0].startswith(b"GET /a%20b/photo.jpg?size=large HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}".encode() in server.requests[0]


def test_a_chunked_body_and_a_body_without_length_come_back_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    for raw in (chunked, b"HTTP/1.0 200 OK\r\n\r\nhello world"):
        with scripted_server(lambda connection, _, raw=raw: connection.sendall(raw)) as server:
            assert local(server.url) == b"hello world"


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/a", "gopher://example.org", "http://", "photo.jpg", "http://[::1", ""],
)
def test_only_http_and_https_urls_are_fetched(url: str) -> None:
    with pytest.raises(BadInputError, match="URL"):
        fetch(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadInputError) as caught:
        fetch("http://user:hunter2@example.org/a.jpg")
    assert "hunter2" not in str(caught.value)


def test_a_signature_in_the_query_is_not_repeated_in_an_error() -> None:
    with scripted_server(reply("404 Not Found")) as server, pytest.raises(RemoteError) as caught:
        local(f"{server.url}/photo.jpg?sig=hunter2")
    assert "hunter2" not in str(caught.value)
    assert "/photo.jpg answered with status 404" in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]"),
        *("[fe80::1]", "224.0.0.1", "[ff02::1]", "[fc00::1]"),
    ],
)
def test_addresses_off_the_public_internet_are_refused(host: str) -> None:
    with pytest.raises(BadInputError, match="not a public address"):
        fetch(f"http://{host}:9/latest/meta-data", timeout_s=5)


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_a_private_address_stays_private_in_every_ipv6_form(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    forms = [f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"]
    forms.append(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert not any(urls.is_public(ipaddress.ip_address(form)) for form in [str(address), *forms])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert urls.is_public(ipaddress.ip_address(address))


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address first and to loopback afterwards (DNS rebinding) gains nothing."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    connected: list[str] = []

    def resolving(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connecting(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address[0])
        raise BadInputError("stop here")

    monkeypatch.setattr(urls.socket, "getaddrinfo", resolving)
    monkeypatch.setattr(exchange.socket, "create_connection", connecting)
    with pytest.raises(BadInputError, match="stop here"):
        fetch("http://rebinding.example/photo.jpg")
    assert connected == ["93.184.216.34"]


def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(urls.socket, "getaddrinfo", lambda *_, **__: rows)
    with pytest.raises(BadInputError, match=r"10\.0\.0\.1"):
        fetch("http://mixed.example/photo.jpg")


def test_a_resolver_that_never_answers_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls.socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    started = time.monotonic()
    with pytest.raises(RemoteError, match="in time"):
        fetch("http://slow.example/photo.jpg", timeout_s=0.2)
    assert time.monotonic() - started < 2


def test_redirects_are_followed_and_relative_ones_understood() -> None:
    with scripted_server(reply("302 Found", Location="/next"), reply(body=BODY)) as server:
        assert local(f"{server.url}/first") == BODY
    assert server.requests[1].startswith(b"GET /next ")


def test_every_redirect_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host counts as public here; it sends us to the machine's own metadata service."""
    real = urls.is_public
    monkeypatch.setattr(urls, "is_public", lambda address: str(address) == "127.0.0.1" or real(address))
    for target in ("http://169.254.169.254/latest", "http://[::1]/x", "http://10.0.0.1/x"):
        script = reply("302 Found", Location=target)
        with scripted_server(script) as server, pytest.raises(BadInputError, match="not a public address"):
            fetch(server.url)


def test_a_redirect_to_a_file_is_refused() -> None:
    script = reply("302 Found", Location="file:///etc/passwd")
    with scripted_server(script) as server, pytest.raises(BadInputError, match="not an http or https URL"):
        local(server.url)


def test_endless_redirects_end() -> None:
    script = reply("302 Found", Location="/again")
    with scripted_server(script) as server, pytest.raises(RemoteError, match="more than 3 redirects"):
        local(server.url, max_redirects=3)
    assert len(server.requests) == 4


def test_a_body_that_is_announced_too_large_is_refused_unread() -> None:
    with scripted_server(reply(body=BODY, length=10**12)) as server, pytest.raises(BadInputError, match="larger than"):
        local(server.url, max_bytes=1000)


def test_an_endless_body_is_cut_at_the_limit() -> None:
    endless = trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0.0)
    with scripted_server(endless) as server, pytest.raises(BadInputError, match="larger than 100,000 bytes"):
        local(server.url, max_bytes=100_000)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)
def test_a_trickling_answer_is_cut_at_the_deadline_and_never_taken_for_whole(head: bytes) -> None:
    started = time.monotonic()
    with scripted_server(trickle(head, b"x", 0.05)) as server, pytest.raises(RemoteError, match=r"longer than 0\.5 s"):
        local(server.url, timeout_s=0.5)
    assert time.monotonic() - started < 2


def test_a_short_body_is_an_error_not_a_partial_image() -> None:
    with scripted_server(reply(body=BODY[:100], length=len(BODY))) as server, pytest.raises(RemoteError):
        local(server.url)
    assert len(server.requests) == 4


def test_an_encoded_body_is_not_taken_for_the_file() -> None:
    script = reply(body=b"zipped", Content_Encoding="gzip")
    with scripted_server(script) as server, pytest.raises(RemoteError, match="encoded"):
        local(server.url)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad Gateway", "503 Unavailable", "504 Timeout"])
def test_a_busy_server_is_asked_again(status: str) -> None:
    with scripted_server(reply(status), hang_up, reply(body=BODY)) as server:
        assert local(server.url) == BODY
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["400 Bad", "401 Unauthorized", "403 Forbidden", "404 Not Found", "500 Error"])
def test_other_statuses_are_not_asked_again(status: str) -> None:
    with scripted_server(reply(status)) as server, pytest.raises(RemoteError, match=f"status {status[:3]}"):
        local(server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wish",
    ["3600", formatdate(time.time() + 3600, usegmt=True), "99999999999999", "soon"],
    ids=["seconds", "date", "ages", "no number"],
)
def test_what_retry_after_asks_for_is_capped(wish: str) -> None:
    started = time.monotonic()
    with scripted_server(reply("503 Unavailable", Retry_After=wish), reply(body=BODY)) as server:
        assert local(server.url) == BODY
    assert time.monotonic() - started < 2


def test_a_dead_host_is_a_remote_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RemoteError, match="refused"):
        local(f"http://127.0.0.1:{port}/")
