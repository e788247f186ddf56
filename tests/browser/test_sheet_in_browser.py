"""The contact sheet in real Chromium, looked at, heard and used by keyboard as people do. `make test-browser` runs it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from browsing import CONTRASTS, WIDTH, FilePage, served
from chromium import driver_fixture
from pictures import drawn
from selenium.webdriver.common.keys import Keys  # pyright: ignore[reportMissingImports]  only `make test-browser` installs it

from images_api.bulk import Journal, State, write_sheet
from images_api.bulk._journal import Entry, SavedFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome  # pyright: ignore[reportMissingImports]

# pytest finds it by its name, here.
FIXTURES = (driver_fixture,)
HOSTILE = "<img src=x onerror=hacked=1><script>hacked=1</script>\x00\x1b[31m\u202egnp.exe\u2066 \u2028end" + "x" * 200
SHOWN = "Array.from(document.querySelectorAll('#cards > li:not([hidden]) .id'), (each) => each.textContent)"


class Sheet(FilePage):
    """A sheet in a browser."""


def line(number: int, state: State = State.DONE, *files: SavedFile, subject: str = "an otter", **said: Any) -> Entry:
    return Entry(f"cat-{number}", f"d{number}", number=number, state=state, files=files, subject=subject, **said)


def some_of_everything(folder: Path) -> list[Entry]:
    sides = {"wide": (300, 100), "high": (100, 300), "square": (200, 200)}
    files = [SavedFile(f"{name} #1.png", "", 1) for name in sides]
    for file, (width, height) in zip(files, sides.values(), strict=True):
        (folder / file.path).write_bytes(drawn(width, height))
    return [
        line(1, State.DONE, files[0], subject="an otter in a red beret"),
        line(2, State.DONE, *files, subject="a fox", error="1 of 4 was refused"),
        line(3, State.REFUSED, error="400 moderation_blocked: not allowed", error_code="moderation_blocked"),
        line(4, State.FAILED, error=HOSTILE, error_code="x", subject=HOSTILE),
        line(5, State.AMBIGUOUS, error="the run ended before the answer came; it may be billed"),
        line(6, State.PENDING, subject="مرحبا بالعالم"),
        line(7, State.SENDING),
        line(8, State.DONE, files[1], subject="a cat"),
        line(9, State.DONE, SavedFile("gone.png", "", 1)),
    ]


def written(folder: Path, entries: list[Entry], **said: Any) -> Path:
    with Journal(folder) as journal:
        with journal.new_job():
            pass
        journal.record(entries)
    return write_sheet(folder, **said)


@pytest.fixture
def sheet(driver: Chrome, tmp_path: Path) -> Iterator[Sheet]:
    """A sheet with some of everything, open. Whatever a test does with it, it runs nothing foreign and asks nobody."""
    path = written(tmp_path, some_of_everything(tmp_path))
    sheet = Sheet(driver, "file://", path.as_uri())
    sheet.open()
    yield sheet
    assert sheet.run("typeof hacked") == "undefined"
    sheet.check_that_it_kept_to_itself()
    sheet.close()


class TestLooks:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1280, 390, 320])
    def test_all_fits_and_can_be_read(self, sheet: Sheet, width: int, scheme: str) -> None:
        sheet.look(width, 700, scheme)
        scrolled, seen = sheet.run(WIDTH)
        assert scrolled <= seen
        texts = sheet.run(CONTRASTS)
        assert [text for text in texts if text[1] < 4.5] == []
        assert {"refused", "ambiguous", "Not sent yet"} <= {text for text, _ in texts}

    def test_each_image_keeps_its_shape_within_its_square(self, sheet: Sheet) -> None:
        sheet.wait("Array.from(document.querySelectorAll('.made img')).every((each) => each.naturalWidth)")
        boxes = sheet.run(
            "Array.from(document.querySelectorAll('.made img'), (each) => ({fit: getComputedStyle(each).objectFit,"
            " ...each.getBoundingClientRect().toJSON(), frame: each.closest('.made').getBoundingClientRect().toJSON()}))"
        )
        assert len(boxes) == 5
        for box in boxes:
            assert box["fit"] == "contain"
            assert box["frame"]["height"] == pytest.approx(box["frame"]["width"], abs=1)
            assert box["top"] >= box["frame"]["top"] - 1
            assert box["bottom"] <= box["frame"]["bottom"] + 1

    def test_an_empty_one_says_so(self, driver: Chrome, tmp_path: Path) -> None:
        sheet = Sheet(driver, "file://", written(tmp_path, []).as_uri())
        sheet.open()
        assert sheet.run("document.getElementById('none').checkVisibility()")
        assert not sheet.run("document.getElementById('filter').checkVisibility()")
        sheet.close()

    def test_on_paper_there_are_images_and_no_controls(self, sheet: Sheet) -> None:
        paper = base64.b64decode(sheet._command("Page.printToPDF", printBackground=True)["data"])
        assert paper.startswith(b"%PDF")
        assert paper.count(b"/Subtype /Image") >= 3
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        sheet._command("Emulation.setEmulatedMedia", media="print", features=dark)
        assert not sheet.run("document.getElementById('filter').checkVisibility()")
        assert [text for text in sheet.run(CONTRASTS) if text[1] < 4.5] == []
        sheet._command("Emulation.setEmulatedMedia", media="")

    def test_without_scripts_it_can_still_be_read(self, driver: Chrome, sheet: Sheet) -> None:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            driver.get(sheet.address)
            names = [each["name"] for each in sheet.accessible() if each["role"] == "image"]
        finally:
            driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        assert names == ["cat-1", "cat-2, 1 of 3", "cat-2, 2 of 3", "cat-2, 3 of 3", "cat-8"]
        sheet.open()

    def test_it_is_the_same_on_a_server(self, driver: Chrome, tmp_path: Path) -> None:
        written(tmp_path, some_of_everything(tmp_path))
        with served(tmp_path) as origin:
            sheet = Sheet(driver, origin, f"{origin}/sheet.html")
            sheet.open()
            sheet.wait("Array.from(document.querySelectorAll('.made img')).every((each) => each.naturalWidth)")
            sheet.check_that_it_kept_to_itself()
            sheet.close()

    def test_thumbnails_are_shown_without_the_folder(self, driver: Chrome, tmp_path: Path) -> None:
        entries = some_of_everything(tmp_path)
        path = written(tmp_path, entries, thumbnails=True)
        for image in tmp_path.glob("*.png"):
            image.unlink()
        sheet = Sheet(driver, "file://", path.as_uri())
        sheet.open()
        sheet.wait("Array.from(document.querySelectorAll('.made img')).every((each) => each.naturalWidth)")
        sheet.close()


class TestFilter:
    def test_by_state_with_the_keyboard(self, sheet: Sheet) -> None:
        assert sheet.text("#count") == "9 lines"
        sheet.run("document.querySelector('[name=state]').focus()")
        sheet.press(Keys.ARROW_RIGHT)
        sheet.wait(f"{SHOWN}.join() === 'cat-6'")
        assert sheet.text("#count") == "1 of 9 lines"
        sheet.press(Keys.ARROW_LEFT)
        sheet.wait(f"{SHOWN}.length === 9")

    @pytest.mark.parametrize(
        ("words", "ids"),
        [
            ("OTTER beret", "cat-1"),
            ("cat-8", "cat-8"),
            ("moderation", "cat-3"),
            ("مرحبا", "cat-6"),
            ("fox beret", ""),
            (".*", ""),
        ],
    )
    def test_by_text(self, sheet: Sheet, words: str, ids: str) -> None:
        sheet.click("#find")
        sheet.press(words)
        sheet.wait(f"{SHOWN}.join() === {ids!r}")
        assert sheet.run("document.getElementById('none').checkVisibility()") == (not ids)
        sheet.press(Keys.ENTER)  # which sends nothing
        assert sheet.run("location.search") == ""

    def test_by_both(self, sheet: Sheet) -> None:
        sheet.click("#find")
        sheet.press("cat-")
        sheet.driver.execute_script("document.querySelector('[name=state][value=refused]').click()")
        sheet.wait(f"{SHOWN}.join() === 'cat-3'")


class TestViewer:
    def test_it_goes_from_image_to_image_by_keyboard(self, sheet: Sheet) -> None:
        sheet.run("document.querySelector('.made a').focus()")
        sheet.press(Keys.ENTER)
        sheet.wait("document.querySelector('dialog[open] img')?.naturalWidth === 300")
        assert sheet.text("#viewer-about") == "an otter in a red beret"
        assert sheet.text("#viewer-place") == "cat-1 \u00b7 1 of 5"
        assert sheet.run("document.activeElement.id") == "close"
        assert sheet.run("document.getElementById('previous').disabled")
        for place in ("cat-2, 1 of 3 \u00b7 2 of 5", "cat-2, 2 of 3 \u00b7 3 of 5"):
            sheet.press(Keys.ARROW_RIGHT)
            sheet.wait(f"document.getElementById('viewer-place').textContent === {place!r}")
        sheet.wait("document.getElementById('viewer-image').naturalHeight === 300")
        sheet.press(Keys.ARROW_LEFT, Keys.ESCAPE)
        sheet.wait("!document.querySelector('dialog[open]')")
        assert sheet.run("document.activeElement.firstElementChild.alt") == "cat-2, 1 of 3"

    @pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
    def test_it_fits_and_can_be_read(self, sheet: Sheet, width: int, scheme: str) -> None:
        sheet.look(width, 640, scheme)
        sheet.click(".made a")
        sheet.wait("document.querySelector('dialog[open] img')?.naturalWidth")
        box = sheet.run("document.querySelector('dialog').getBoundingClientRect().toJSON()")
        assert box["left"] >= 0
        assert box["right"] <= width
        assert box["bottom"] <= 640
        assert [text for text in sheet.run(CONTRASTS) if text[1] < 4.5] == []
        sheet.click("#close")

    def test_it_shows_only_what_is_shown(self, sheet: Sheet) -> None:
        sheet.click("#find")
        sheet.press("cat-8")
        sheet.wait(f"{SHOWN}.length === 1")
        sheet.click("li:not([hidden]) .made a")
        sheet.wait("document.getElementById('viewer-place').textContent === 'cat-8 \u00b7 1 of 1'")
        assert sheet.run("document.getElementById('previous').disabled && document.getElementById('next').disabled")


def test_a_screen_reader_is_told_what_there_is(sheet: Sheet) -> None:
    told = {(each["role"], each["name"]) for each in sheet.accessible()}
    expected = {
        ("search", ""),
        ("list", "Lines of the job"),
        ("radio", "All 9"),
        ("radio", "Done 4"),
        ("searchbox", "Find in prompts, ids and errors"),
        ("link", "cat-2, 2 of 3"),
        ("image", "cat-2, 2 of 3"),
        ("heading", "a fox"),
        ("link", "Skip to the images"),
    }
    assert expected - told == set()
    assert len([each for each in sheet.accessible() if each["role"] == "listitem"]) == 9


def test_ten_thousand_lines_can_be_used(driver: Chrome, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(drawn(256, 256))
    entries: list[Entry] = []
    for number in range(10_000):
        (tmp_path / f"{number}.png").hardlink_to(image)
        entries.append(line(number, State.DONE, SavedFile(f"{number}.png", "", 1), subject=f"otter {number % 7}"))
    path = written(tmp_path, entries)
    assert path.stat().st_size < 6_000_000
    sheet = Sheet(driver, "file://", path.as_uri())
    sheet.open()
    assert sheet.text("#count") == "10,000 lines"
    held = "document.querySelectorAll('#cards img[src]').length"
    sheet.wait(f"{held} < 200")
    sheet.click("#find")
    sheet.press("otter cat-999")
    sheet.wait(f"{SHOWN}.length === 11")
    assert sheet.text("#count") == "11 of 10,000 lines"
    sheet.driver.execute_script("const find = document.getElementById('find'); find.value = ''")
    sheet.press("x", Keys.BACKSPACE)
    sheet.wait(f"{SHOWN}.length === 10000")
    sheet.driver.execute_script("document.querySelector('#cards > li:last-child').scrollIntoView()")
    sheet.wait("document.querySelector('#cards > li:last-child img').naturalWidth")
    sheet.wait(f"{held} < 200")
    sheet.close()
