"""The page at / in a real browser: photos in, bars out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flowerops.io.http import send
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.page import page_headers, page_text
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService
from helpers.chromium import Page, browser, require
from helpers.served import served, wait_until
from helpers.tiny_bundle import COLOURS, photo

KEY = "page-key"


@pytest.fixture(scope="module")
def service(tiny_bundle: Path) -> ScoringService:
    service = ScoringService(ModelName("flower_classifier", 3), Limits(), workers=2)
    service.become_ready(Scorer.load(tiny_bundle))
    return service


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(("daisy", "roses")):
        (folder / f"{name}.jpg").write_bytes(photo(COLOURS[number], 320, 240, seed=number))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    return [folder / f"{name}.jpg" for name in ("daisy", "roses", "broken")]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab of a browser that has a camera, if only Chromium's own test picture."""
    scratch = tmp_path_factory.mktemp("browser")
    camera = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
    (scratch / "chromium").write_text(f'#!/bin/sh\nexec "{require()}" {camera} "$@"\n')
    (scratch / "chromium").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHROMIUM", str(scratch / "chromium"))
        with browser(scratch) as page:
            yield page


def choose(tab: Page, photos: list[Path]) -> None:
    """What a person does with the file dialog."""
    document = tab.call("DOM.getDocument")["root"]["nodeId"]
    node = tab.call("DOM.querySelector", nodeId=document, selector="#files")["nodeId"]
    tab.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in photos])


def results(tab: Page) -> list[dict[str, Any]]:
    """Title, file, bars and refusal of each result, newest first."""
    found: list[dict[str, Any]] = tab.run(
        """[...document.querySelectorAll("#results > li")].map((one) => ({
            title: one.querySelector("h2").textContent,
            file: one.querySelector(".file").textContent,
            bars: [...one.querySelectorAll("progress")].map((bar) => bar.value),
            labels: [...one.querySelectorAll("dt")].map((label) => label.textContent),
            refused: one.querySelector(".refused")?.textContent ?? null,
            shown: one.querySelector("img").naturalWidth,
        }))"""
    )
    return found


def state(tab: Page) -> str:
    return str(tab.run('document.getElementById("state").textContent'))


def opened(tab: Page, url: str) -> None:
    tab.console.clear()
    tab.requested.clear()
    tab.open(f"{url}/")
    wait_until(lambda: "flower_classifier" in tab.run("document.title"), "the model's name", 60)


def test_photos_that_are_chosen_get_bars_and_the_page_says_which_model_it_is(
    service: ScoringService, tab: Page, photos: list[Path], tmp_path: Path
) -> None:
    with served(build_app(service)) as url:
        opened(tab, url)
        assert tab.run('document.querySelector("h1").textContent') == "flower_classifier · version 3"
        identity = tab.run('document.getElementById("identity").textContent')
        assert service.scorer().digest[:12] in identity
        assert "tiny:1" in identity
        assert tab.run('document.getElementById("key-form").hidden')
        choose(tab, photos[:2])
        wait_until(lambda: state(tab) == "2 photos scored", "both scores", 60)
        roses, daisy = results(tab)
        assert (roses["title"], roses["file"], daisy["title"]) == ("roses", "roses.jpg", "daisy")
        assert roses["labels"] == ["roses", "daisy"]
        assert sum(roses["bars"]) == pytest.approx(1, abs=1e-3)
        wait_until(lambda: all(one["shown"] > 0 for one in results(tab)), "the pictures", 60)
        tab.size(390, 800)
        assert tab.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert tab.console == []
        assert all(one.startswith((url, "blob:")) for one in tab.requested)


def test_a_photo_that_is_refused_says_why(service: ScoringService, tab: Page, photos: list[Path]) -> None:
    with served(build_app(service)) as url:
        opened(tab, url)
        choose(tab, photos[2:])
        wait_until(lambda: bool(results(tab)) and results(tab)[0]["title"] == "refused", "the refusal", 60)
        assert "rejected" in results(tab)[0]["refused"]


def test_a_photo_that_is_dropped_or_pasted_is_scored(service: ScoringService, tab: Page) -> None:
    event = """(async (kind, member) => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 64;
        const paint = canvas.getContext("2d");
        paint.fillStyle = "rgb(200, 30, 60)";
        paint.fillRect(0, 0, 64, 64);
        const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
        const moved = new DataTransfer();
        moved.items.add(new File([blob], kind + ".png", { type: "image/png" }));
        const make = kind === "drop" ? DragEvent : ClipboardEvent;
        window.dispatchEvent(new make(kind, { [member]: moved, bubbles: true, cancelable: true }));
    })"""
    with served(build_app(service)) as url:
        opened(tab, url)
        for number, (kind, member) in enumerate((("drop", "dataTransfer"), ("paste", "clipboardData")), 1):
            tab.run(f'{event}("{kind}", "{member}")')
            wait_until(lambda n=number: len(results(tab)) == n and results(tab)[0]["bars"], kind, 60)  # type: ignore[misc]
            assert (results(tab)[0]["title"], results(tab)[0]["file"]) == ("roses", f"{kind}.png")
        assert tab.console == []


def test_a_photo_of_the_camera_is_scored(service: ScoringService, tab: Page) -> None:
    with served(build_app(service)) as url:
        opened(tab, url)
        tab.run('document.getElementById("camera").click()')
        wait_until(lambda: tab.run('document.getElementById("video").videoWidth') > 0, "the camera", 60)
        tab.run('document.getElementById("shoot").click()')
        wait_until(lambda: bool(results(tab)) and bool(results(tab)[0]["bars"]), "its score", 60)
        assert results(tab)[0]["file"] == "camera.jpg"
        assert not tab.run('document.getElementById("viewfinder").open')
        assert tab.run('document.getElementById("video").srcObject.active') is False  # the camera is let go
        assert tab.console == []


def test_a_server_with_a_key_asks_for_it_and_then_scores_what_waited(
    service: ScoringService, tab: Page, photos: list[Path]
) -> None:
    with served(build_app(service, KEY)) as url:
        opened(tab, url)
        assert not tab.run('document.getElementById("key-form").hidden')
        choose(tab, photos[:1])
        wait_until(lambda: "wants its API key" in state(tab), "the question", 60)
        for key, said in (("wrong", "did not accept"), (KEY, "1 photo scored")):
            tab.run(f'document.getElementById("key").value = "{key}"')
            tab.run('document.getElementById("key-form").requestSubmit()')
            wait_until(lambda words=said: words in state(tab), said, 60)  # type: ignore[misc]
        (result,) = results(tab)
        assert (result["title"], len(result["bars"])) == ("daisy", 2)
        assert all("401" in line for line in tab.console)  # the browser's own remark on the refusals
        assert not any(KEY in address for address in tab.requested)


class Outline(HTMLParser):
    """What a page loads, and which fields and buttons it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.styled: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.styled += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "label":
            self.labelled.add(given.get("for") or "")
        if tag == "input" and "hidden" not in given:
            self.inputs.add(given.get("id") or "")


def test_the_page_is_one_file_that_loads_nothing_and_runs_under_its_own_policy() -> None:
    text = page_text()
    outline = Outline()
    outline.feed(text)
    assert set(outline.links) == {"data:,", "openapi.json"}
    assert outline.styled == []  # the policy would block them
    assert outline.inputs <= outline.labelled
    assert not re.search(r"https?://|@import|url\(", text)
    assert len(text) < 20_000
    policy = page_headers(text)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert len(re.findall("'sha256-", policy)) == 2
    assert "unsafe" not in policy


def test_programs_get_json_and_browsers_the_page(service: ScoringService) -> None:
    with served(build_app(service)) as url:
        page = send("GET", f"{url}/", headers={"Accept": "text/html,application/xhtml+xml"})
        assert (page.status, page.media_type) == (200, "text/html")
        assert page.headers["content-security-policy"] == page_headers(page_text())["Content-Security-Policy"]
        about = send("GET", f"{url}/", headers={"Accept": "application/json"}).json()
        assert about["model"]["name"] == "flower_classifier"
        assert about["endpoints"]["score"] == "POST /score"
