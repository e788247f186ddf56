"""The sandbox's page in real Chromium, looked at, heard and used by keyboard as people do. `make test-browser` runs it."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from browsing import CONTRASTS, Page
from chromium import driver_fixture
from PIL import Image
from selenium.webdriver.common.keys import Keys  # pyright: ignore[reportMissingImports]  only `make test-browser` installs it
from waiting import wait_until

from images_api.sandbox import Fault, ReceivedImage, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome  # pyright: ignore[reportMissingImports]

# pytest finds it by its name, here.
FIXTURES = (driver_fixture,)
SMALL = {"model": "gpt-image-next", "size": "64x64"}
HOSTILE = "<img src=x onerror=hacked=1><script>hacked=1</script>\x00\x1b[31m\u202egnp.exe\u2066 \u2028\u200bend" + "x" * 600


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of the test's own: a page tells of all that was asked."""
    with Sandbox(any_model=True) as sandbox:
        yield sandbox


@pytest.fixture
def page(driver: Chrome, sandbox: Sandbox) -> Iterator[Page]:
    """The sandbox's page, open. Whatever a test does with it, it runs nothing foreign and asks nobody else."""
    page = Page(driver, sandbox.base_url.removesuffix("/v1"))
    page.open()
    yield page
    page.check_that_it_kept_to_itself()
    page.close()


def generate(sandbox: Sandbox, prompt: str = "an otter", **more: Any) -> httpx.Response:
    request = {"prompt": prompt, **SMALL, **more}
    return httpx.post(f"{sandbox.base_url}/images/generations", json=request, trust_env=False)


def note(sandbox: Sandbox, **said: Any) -> int:
    """Note a request that nobody sent."""
    asked = {"method": "POST", "path": "/v1/images/generations", "query": "", "headers": {}, "body": b""}
    return sandbox._journal.add(**(asked | {"received_at": datetime.now(UTC), **said}))


def picture(color: str | tuple[int, ...], side: int = 64, clear: tuple[int, int, int, int] | None = None) -> bytes:
    """A picture of one colour, but where it is clear."""
    image = Image.new("RGBA", (side, side), color)
    if clear:
        image.paste((0, 0, 0, 0), clear)
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def colours(image: Image.Image) -> set[tuple[int, int, int]]:
    content = image.tobytes()
    return set(zip(content[::3], content[1::3], content[2::3], strict=True))


def fill(sandbox: Sandbox) -> None:
    """Let there be some of everything."""
    for prompt in ("an otter", HOSTILE, "مرحبا بالعالم", "moderation_blocked"):
        generate(sandbox, prompt, n=2)
    files = {"image": ("a.png", picture("gray")), "mask": ("m.png", picture("black", clear=(0, 0, 32, 64)))}
    httpx.post(f"{sandbox.base_url}/images/edits", data={"prompt": "x", **SMALL}, files=files, trust_env=False)
    note(sandbox)
    number = note(sandbox, status=200, seconds=0.1, fault="cut body; at=0.5")
    sandbox._faults.arm(Fault.parse("cut body"), 2)
    assert number == len(sandbox.requests)


class TestLive:
    def test_a_request_shows_without_a_reload_newest_first(self, page: Page, sandbox: Sandbox) -> None:
        assert page.run("document.getElementById('empty').checkVisibility()")
        for prompt in ("an otter", "a fox"):
            assert generate(sandbox, prompt, n=2, quality="low").status_code == 200
        page.wait("document.querySelectorAll('.card .status[data-kind=good]').length === 2")
        assert page.texts(".about") == ["a fox", "an otter"]
        assert page.texts(".status") == ["200", "200"]
        assert page.text("#count") == "2"
        assert not page.run("document.getElementById('empty').checkVisibility()")
        page.click(".card:first-child summary")
        shown = zip(page.texts(".card:first-child dt"), page.texts(".card:first-child dd"), strict=True)
        assert dict(shown) == {"prompt": "a fox", "n": "2", "quality": "low", **SMALL}
        page.wait("Array.from(document.querySelectorAll('.made img')).filter((each) => each.naturalWidth === 64).length === 4")

    def test_a_card_changes_in_place(self, page: Page, sandbox: Sandbox) -> None:
        number = note(sandbox, operation="createImage", parameters={"prompt": "an otter"})
        assert page.wait("document.querySelector('.card.waiting')")
        page.run("document.querySelector('.card').mine = document.querySelector('summary').mine = true")
        page.click("summary")
        sandbox._journal.note(number, status=200, seconds=0.2)
        page.wait("document.querySelector('.card:not(.waiting)')")
        assert page.run("document.querySelector('.card').mine && document.querySelector('summary').mine")
        assert page.run("document.querySelector('details').open")

    def test_what_is_forgotten_goes(self, page: Page, sandbox: Sandbox) -> None:
        generate(sandbox)
        page.wait("document.querySelector('.card')")
        page.run("document.querySelector('.card summary').focus()")
        sandbox.clear()
        page.wait("!document.querySelector('.card') && document.getElementById('empty').checkVisibility()")
        assert page.run("document.activeElement.id") == "requests"

    def test_it_comes_back_with_the_sandbox(self, driver: Chrome) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with Sandbox(port=port, any_model=True) as sandbox:
            page = Page(driver, sandbox.base_url.removesuffix("/v1"))
            page.open()
            generate(sandbox, "before")
            page.wait("document.querySelector('.card')")
        page.wait("document.getElementById('connection').dataset.state === 'lost'")
        with Sandbox(port=port, any_model=True) as sandbox:
            generate(sandbox, "after")
            page.wait("document.querySelector('.about')?.innerText === 'after'")
            assert page.texts(".about") == ["after"]
            assert page.text("#connection") == "Live"
            page.close()

    def test_only_what_asks_for_images_is_shown_first(self, page: Page, sandbox: Sandbox) -> None:
        httpx.get(f"{sandbox.base_url}/models", trust_env=False)
        httpx.get(f"{sandbox.base_url}/nothing", trust_env=False)
        generate(sandbox)
        page.wait("document.querySelectorAll('.card:not(.waiting)').length === 3")
        seen = "Array.from(document.querySelectorAll('.card')).filter((each) => each.checkVisibility()).length"
        assert [page.run(seen), page.text("#count")] == [2, "2"]
        page.run("document.querySelector('[name=show]:checked').focus()")
        page.press(Keys.ARROW_RIGHT)
        assert [page.run(seen), page.text("#count")] == [1, "1"]
        page.press(Keys.ARROW_RIGHT)
        assert [page.run(seen), page.text("#count")] == [3, "3"]

    def test_the_snippet_runs_as_it_stands(self, page: Page, tmp_path: Path) -> None:
        snippet = page.text("#snippet")
        assert len(snippet.splitlines()) == 2
        subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True)  # noqa: S603  what the page tells people to run
        assert (tmp_path / "otter.png").exists()
        page.wait("document.querySelector('.about')?.innerText === 'an otter'")

    @pytest.mark.parametrize("what", ["base-url", "snippet"])
    def test_it_can_be_copied(self, page: Page, driver: Chrome, what: str) -> None:
        driver.execute_cdp_cmd(
            "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": page.origin}
        )
        page.click(f"[data-copy={what}]")
        page.wait(f"document.querySelector('[data-copy={what}]').innerText === 'Copied'")
        assert page.run("navigator.clipboard.readText()") == page.text(f"#{what}")


class TestImages:
    def test_a_mask_marks_its_transparent_part(self, page: Page, sandbox: Sandbox) -> None:
        grey = (128, 128, 128)
        image = ReceivedImage("a.png", "image/png", 64, 64, picture(grey))
        mask = ReceivedImage("m.png", "image/png", 64, 64, picture("black", clear=(0, 0, 32, 64)))
        note(sandbox, status=200, seconds=0.1, images={"image": [image], "mask": [mask]})
        page.wait("document.querySelector('.sent img')?.naturalWidth")
        assert page.texts(".sent figcaption") == ["image + mask"]

        def is_marked() -> bool:
            shown = page.screenshot(".sent .picture")
            middle, bottom = shown.width // 2, shown.height - 4
            left, right = (
                colours(shown.crop((4, 4, middle - 4, bottom))),
                colours(shown.crop((middle + 4, 4, 2 * middle - 4, bottom))),
            )
            return right == {grey} and grey not in left and any(red > green + 60 for red, green, _ in left)

        wait_until(is_marked)
        page.click(".sent button")
        page.wait("document.querySelector('dialog[open] .mask')")

    def test_each_keeps_its_shape(self, page: Page, sandbox: Sandbox) -> None:
        sides = [(64, 256), (256, 64), (100, 100)]
        for width, height in sides:
            generate(sandbox, size=f"{width}x{height}", n=2)
        page.wait("Array.from(document.querySelectorAll('.made img')).filter((each) => each.naturalWidth).length === 6")
        boxes = page.run(
            "Array.from(document.querySelectorAll('.made img'), (each) => ({own: each.naturalWidth / each.naturalHeight,"
            " ...each.getBoundingClientRect().toJSON(), frame: each.closest('.made').getBoundingClientRect().toJSON()}))"
        )
        for box in boxes:
            assert box["width"] / box["height"] == pytest.approx(box["own"], rel=0.05)
            assert box["top"] >= box["frame"]["top"] - 1
            assert box["bottom"] <= box["frame"]["bottom"] + 1
            assert max(box["width"] / box["frame"]["width"], box["height"] / box["frame"]["height"]) > 0.45

    def test_one_opens_large_by_keyboard_and_closes_again(self, page: Page, sandbox: Sandbox) -> None:
        generate(sandbox)
        page.wait("document.querySelector('.made button')")
        page.run("document.querySelector('.made button').focus()")
        page.press(Keys.ENTER)
        page.wait("document.querySelector('dialog[open] img')?.naturalWidth")
        assert "made for: an otter · png, 64 \u00d7 64" in page.text("#viewer-caption")
        assert page.run("document.activeElement.id") == "viewer-close"
        assert httpx.get(page.run("document.getElementById('viewer-link').href"), trust_env=False).status_code == 200
        page.press(Keys.ESCAPE)
        page.wait("!document.querySelector('dialog[open]')")
        assert page.run("document.activeElement === document.querySelector('.made button')")

    def test_one_that_is_gone_says_so(self, page: Page, sandbox: Sandbox) -> None:
        note(sandbox, status=200, seconds=0.1, images_made=["gone.png"])
        page.wait("document.querySelector('.missing')")
        assert "Not kept any more" in page.text(".missing")

    def test_two_hundred_requests_are_shown_and_no_more(self, page: Page, sandbox: Sandbox) -> None:
        for _ in range(30):
            note(sandbox, status=200, seconds=0.1)
        for index in range(200):
            generate(sandbox, f"otter {index}")
        told = "document.querySelector('.about')?.innerText === 'otter 199' && document.querySelectorAll('.card').length === 200"
        page.wait(f"{told} && !document.querySelector('.card.waiting')")
        assert page.texts(".about") == [f"otter {index}" for index in reversed(range(200))]
        page.open()
        page.wait(f"{told} && document.querySelector('.made img').naturalWidth")
        loaded = page.run("Array.from(document.querySelectorAll('.made img')).filter((each) => each.naturalWidth).length")
        assert loaded < 100  # those that are in sight, or soon will be
        page.run("document.querySelectorAll('.card').forEach((each) => (each.mine = true))")
        generate(sandbox, "one more")
        page.wait("document.querySelector('.about')?.innerText === 'one more'")
        page.wait("document.querySelectorAll('.card').length === 200")
        assert page.run("Array.from(document.querySelectorAll('.card')).filter((each) => each.mine).length") == 199
        page.run("document.querySelector('.card:last-child').scrollIntoView()")
        page.wait("document.querySelector('.card:last-child img').naturalWidth")


class TestFaults:
    def test_one_is_armed_by_keyboard_alone(self, page: Page, sandbox: Sandbox) -> None:
        page.press(Keys.TAB)
        assert page.run("document.activeElement.className") == "skip"
        while page.run("document.activeElement.id") != "fault-kind":
            page.press(Keys.TAB)
        page.press(*"cut b")
        page.wait("document.getElementById('fault-words').value === 'cut body'")
        assert page.text("#fault-help")
        page.press(Keys.TAB)
        assert page.run("document.activeElement.id") == "fault-words"
        page.press(Keys.TAB, Keys.BACKSPACE, "2", Keys.TAB)
        assert page.run("document.activeElement.innerText") == "Arm"
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.press(Keys.ENTER)
        page.wait("document.getElementById('armed').checkVisibility()")
        assert [str(fault) for fault in sandbox._faults.armed] == ["cut body"] * 2
        assert page.text("#armed-list") == "cut body \u00d7 2"
        assert page.text("#news") == "Armed: cut body, for 2 requests."
        page.press(Keys.TAB, Keys.ENTER)
        page.wait("!document.getElementById('armed').checkVisibility()")
        assert not sandbox._faults.armed
        assert page.run("document.activeElement.id") == "fault-kind"

    def test_one_that_is_carried_out_is_marked(self, page: Page, sandbox: Sandbox) -> None:
        page.run("(document.getElementById('fault-words').value = '429')")
        page.click("#fault-form button")
        page.wait("document.getElementById('armed').checkVisibility()")
        assert generate(sandbox).status_code == 429
        page.wait("document.querySelector('.card.faulted:not(.waiting)')")
        assert page.text(".fault") == "fault: 429"
        assert page.text(".status").startswith("429")
        page.wait("!document.getElementById('armed').checkVisibility()")

    def test_one_that_there_is_not_is_refused(self, page: Page, sandbox: Sandbox) -> None:
        page.run("(document.getElementById('fault-words').value = '<b>no such</b>')")
        page.click("#fault-form button")
        page.wait("document.getElementById('fault-error').innerText.includes('<b>no such</b>')")
        assert not sandbox._faults.armed

    def test_what_the_app_arms_shows(self, page: Page, sandbox: Sandbox) -> None:
        sandbox._faults.arm(Fault.parse("429"))
        page.wait("document.getElementById('armed').checkVisibility()")
        assert page.texts("#armed-list li") == ["429"]


class TestHostileRequests:
    def test_nothing_that_a_request_says_is_run(self, page: Page, sandbox: Sandbox) -> None:
        image = ReceivedImage(HOSTILE, "image/png", 64, 64, picture("gray"))
        script = ReceivedImage("a.svg", "image/svg+xml", 9, 9, b"<svg xmlns='http://www.w3.org/2000/svg' onload='hacked=1'/>")
        said = {"operation": "createImage", "parameters": {"prompt": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}}}
        note(sandbox, status=400, seconds=0.1, **said, images={HOSTILE: [image, script]}, error=HOSTILE, fault=HOSTILE)
        note(sandbox, status=400, seconds=0.1, path=f"/{HOSTILE}")
        page.wait("document.querySelectorAll('.card').length === 2")
        for selector in (".card:last-child summary", ".card:last-child .sent button"):
            page.click(selector)
        page.wait("document.querySelector('.sent img').complete")
        page.wait("document.querySelector('dialog[open]')")
        assert page.run("window.hacked === undefined")
        assert page.run("document.querySelectorAll('script, [onerror], [onload], img[src=x]').length") == 1
        page.press(Keys.ESCAPE)
        shown = [page.text(f".card:last-child {selector}") for selector in (".about", ".fault", ".status")]
        assert all("<script>hacked=1</script>␀␛[31m[U+202E]gnp.exe[U+2066]" in text for text in shown)
        everything = page.run("document.body.textContent")
        assert not {*everything} & {"\x00", "\x1b", "\u200b", "\u202e", "\u2066", "\u2028"}
        alts = page.run("Array.from(document.querySelectorAll('.card img'), (each) => each.alt)")
        assert all(not {*alt} & {"\x00", "\x1b", "\u202e", "\u2066"} for alt in alts)
        assert (
            page.run("Array.from(document.querySelectorAll('.about'), (each) => [each.tagName, each.dir])")
            == [["BDI", "auto"]] * 2
        )

    def test_each_script_is_read_in_its_direction(self, page: Page, sandbox: Sandbox) -> None:
        generate(sandbox, "مرحبا بالعالم")
        page.wait("document.querySelector('.about')")
        assert page.run("getComputedStyle(document.querySelector('.about')).direction") == "rtl"
        assert page.run("getComputedStyle(document.querySelector('.facts')).direction") == "ltr"
        assert page.texts(".control") == []


class TestLooks:
    def test_light_and_dark(self, page: Page) -> None:
        grounds = list[int]()
        for scheme in ("light", "dark"):
            page.look(scheme=scheme)
            grounds.append(sum(page.screenshot("body").resize((1, 1)).getpixel((0, 0))))  # type: ignore[arg-type]
        light, dark = grounds
        assert light > 600
        assert dark < 150

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("is_filled", [False, True], ids=["empty", "filled"])
    def test_every_text_stands_out(self, page: Page, sandbox: Sandbox, scheme: str, *, is_filled: bool) -> None:
        page.look(scheme=scheme)
        if is_filled:
            fill(sandbox)
            page.wait("document.querySelectorAll('.card').length === 7")
            page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        texts = page.run(CONTRASTS)
        assert len(texts) > (40 if is_filled else 12)
        assert [(text, contrast) for text, contrast in texts if contrast < 4.5] == []

    @pytest.mark.parametrize("width", [320, 375, 768, 1920])
    def test_nothing_is_wider_than_the_window(self, page: Page, sandbox: Sandbox, width: int) -> None:
        page.look(width)
        widths = "[document.documentElement.scrollWidth, innerWidth]"
        assert page.run(widths) == [width, width]
        fill(sandbox)
        page.wait("document.querySelectorAll('.card').length === 7 && document.getElementById('armed').checkVisibility()")
        page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        page.run("document.querySelectorAll('.card').forEach((each) => (each.style.contentVisibility = 'visible'))")
        assert page.run(widths) == [width, width]
        wider = page.run(
            "Array.from(document.querySelectorAll('body *')).filter((each) => each.checkVisibility()"
            " && !each.closest('.skip, .unseen') && each.getBoundingClientRect().right > innerWidth + 1)"
            ".map((each) => each.outerHTML.slice(0, 80))"
        )
        assert wider == []
        page.click(".made button")
        page.wait("document.querySelector('dialog[open]')")
        right, height = page.run(
            "(({right, height}) => [right, height])(document.querySelector('dialog').getBoundingClientRect())"
        )
        assert right <= width
        assert height <= 900

    def test_nothing_moves_for_those_who_want_that(self, page: Page, sandbox: Sandbox) -> None:
        note(sandbox)
        page.wait("document.getAnimations().length === 1")
        page.look(motion="reduce")
        page.wait("document.getAnimations().length === 0")


class TestScreenReaders:
    def test_everything_has_a_name(self, page: Page, sandbox: Sandbox) -> None:
        fill(sandbox)
        page.wait("document.querySelectorAll('.card').length === 7")
        page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        nodes = page.accessible()
        controls = {"button", "link", "combobox", "textbox", "spinbutton", "radio", "DisclosureTriangle", "image", "heading"}
        assert controls - {"DisclosureTriangle"} <= {node["role"] for node in nodes}
        assert [node for node in nodes if node["role"] in controls and not node["name"].strip()] == []
        assert page.run("document.querySelectorAll('img:not([alt])').length") == 0
        alts = set(page.run("Array.from(document.querySelectorAll('.card img'), (each) => each.alt)"))
        assert {"Image 1 made for: an otter", "Image 2 made for: an otter", "Sent as image + mask: a.png"} <= alts
        assert max(map(len, alts)) < 200

    def test_it_has_landmarks_headings_and_a_language(self, page: Page, sandbox: Sandbox) -> None:
        generate(sandbox)
        page.wait("document.querySelector('.card')")
        nodes = page.accessible()
        roles = [node["role"] for node in nodes]
        assert (roles.count("banner"), roles.count("main")) == (1, 1)
        regions = {node["name"].split()[0] for node in nodes if node["role"] == "region"}
        assert {"Next", "Requests"} <= regions
        assert [node["level"] for node in nodes if node["role"] == "heading"] == [1, 2, 2, 3]
        assert [node["name"] for node in nodes if node["role"] == "article"] == ["an otter"]
        assert page.run("[document.documentElement.lang, document.title]") == ["en", "Images sandbox"]
        ids = page.run("Array.from(document.querySelectorAll('[id]'), (each) => each.id)")
        assert len(ids) == len(set(ids))

    def test_news_is_told_politely_and_in_few_words(self, page: Page, sandbox: Sandbox) -> None:
        generate(sandbox, "an otter")
        page.wait("document.getElementById('news').innerText.startsWith('Request 1, an otter: 200, 1 image')")
        page.run("(document.getElementById('news').innerText = '')")
        for index in range(20):
            note(sandbox, status=429 if index % 2 else 200, seconds=0.0, operation="createImage")
        page.wait("document.getElementById('news').innerText === '20 requests answered, 10 of them failed.'")
        assert {node["live"] for node in page.accessible() if node["role"] == "status"} == {"polite"}

    def test_what_was_before_is_no_news(self, page: Page, sandbox: Sandbox) -> None:
        note(sandbox, status=200, seconds=0.0, operation="createImage", received_at=datetime(2026, 1, 1, tzinfo=UTC))
        note(sandbox, status=200, seconds=0.0, operation="createImage", received_at=datetime(2126, 1, 1, tzinfo=UTC))
        page.wait("document.getElementById('news').innerText.startsWith('Request 2,')")

    def test_controls_are_large_enough(self, page: Page, sandbox: Sandbox) -> None:
        page.look(320)
        fill(sandbox)
        page.wait("document.querySelectorAll('.card').length === 7 && document.getElementById('armed').checkVisibility()")
        small = page.run(
            "Array.from(document.querySelectorAll('button, select, input, summary, #filter label'))"
            ".filter((each) => each.checkVisibility({contentVisibilityAuto: true}))"
            ".map((each) => [each.outerHTML.slice(0, 60), each.getBoundingClientRect()])"
            ".filter(([, box]) => box.width < 24 || box.height < 24).map(([what, box]) => `${what} ${box.width} ${box.height}`)"
        )
        assert small == []
