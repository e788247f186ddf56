from __future__ import annotations

import hashlib
import re
import sys
from base64 import b64decode, b64encode
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pictures import drawn, half_clear, turned
from PIL import Image

from images_api import InvalidRequestError
from images_api.bulk import Journal, State, write_sheet
from images_api.bulk._journal import Entry, SavedFile

if TYPE_CHECKING:
    from pathlib import Path

PNG = drawn(60, 40)
HOSTILE = "<img src=x onerror=hacked=1></h2></ol><script>hacked=1</script>\"'&amp;\x00\x1b[31m\u202egnp.exe\u2028@cards@"


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in names]


def line(number: int, state: State = State.DONE, files: tuple[SavedFile, ...] = (), **said: Any) -> Entry:
    fields: dict[str, Any] = {"custom_id": f"cat-{number}", "digest": f"d{number}", "subject": "a cat"} | said
    return Entry(number=number, state=state, files=files, **fields)


def saved(folder: Path, path: str, content: bytes = PNG) -> SavedFile:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    return SavedFile(path, "0" * 64, len(content))


def sheet(folder: Path, *entries: Entry, **said: Any) -> str:
    with Journal(folder) as journal:
        with journal.new_job():
            pass
        journal.record(entries)
    return write_sheet(folder, **said).read_text(encoding="utf-8")


def cards(page: str) -> list[str]:
    return re.findall(r"<li .*?</li>", page, re.DOTALL)


def words(html: str) -> str:
    return unescape(re.sub("<[^>]*>", " ", html))


def test_shows_each_line_with_its_images_and_what_became_of_it(tmp_path: Path) -> None:
    files = (saved(tmp_path, "a/1.png"), saved(tmp_path, "a/2.png", drawn(9, 9)))
    page = sheet(
        tmp_path,
        line(1, files=(saved(tmp_path, "cat.png"),), usage={"total_tokens": 1200}, cost=0.5),
        line(2, files=files, error="1 of 3 was refused", error_code="x"),
        line(3, State.REFUSED, error="400: not allowed", error_code="moderation_blocked", subject=""),
        line(4, State.AMBIGUOUS, error="it may have run", links=("https://x/secret-link",)),
        line(5, State.PENDING),
        line(6, State.SENDING),
        line(7),
    )
    one, two, three, four, *rest = map(words, cards(page))
    assert [part for part in ("a cat", "cat-1", "done", "60 \u00d7 40, 1 kB") if part not in one] == []
    assert [part for part in ("2 images, 60 \u00d7 40 or 9 \u00d7 9", "1 of 3 was refused") if part not in two] == []
    assert [part for part in ("cat-3", "refused", "400: not allowed", "moderation_blocked") if part not in three] == []
    assert [part for part in ("ambiguous", "it may have run") if part not in four] == []
    assert [part for part, card in zip(("Not sent yet", "On its way", "No image"), rest, strict=True) if part not in card] == []
    assert "secret-link" not in page
    assert [each["src"] for each in Tags(page).of("img") if "src" in each] == ["cat.png", "a/1.png", "a/2.png"]
    assert [each["alt"] for each in Tags(page).of("img")][1:3] == ["cat-2, 1 of 2", "cat-2, 2 of 2"]
    assert "3 images of 7 lines: 1 pending, 1 sending, 3 done, 1 refused, 1 ambiguous \u00b7 1,200 tokens" in words(page)
    assert "\u00b7 cost 0.50 \u00b7 written 20" in words(page)
    states = [each["value"] for each in Tags(page).of("input") if each.get("name") == "state"]
    assert states == ["", "pending", "sending", "done", "refused", "ambiguous"]


def test_has_the_columns_that_images_need(tmp_path: Path) -> None:
    file = saved(tmp_path, "cat.png")
    page = sheet(tmp_path, *(line(count, files=(file,) * count) for count in (1, 2, 4, 5, 9, 10, 17)))
    assert re.findall(r'<div class="made" data-columns="(\d)"', page) == ["1", "2", "2", "3", "3", "4", "4"]


def test_asks_nobody_and_runs_nothing_but_its_own(tmp_path: Path) -> None:
    page = sheet(tmp_path, line(1, files=(saved(tmp_path, "cat.png"),)))
    tags = Tags(page)
    (policy,) = (each["content"] or "" for each in tags.of("meta") if each.get("http-equiv"))
    for tag, rule in {"style": "style-src", "script": "script-src"}.items():
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src 'self' file: data:; ")
    addresses = [each.get(name) for _, each in tags.found for name in ("src", "href") if each.get(name)]
    assert addresses == ["data:,", "#cards", "cat.png", "cat.png"]


def test_shows_hostile_texts_as_what_they_are(tmp_path: Path) -> None:
    path = "x/%41 #1?\"'<b>&é.png"
    file = saved(tmp_path, path)
    error = line(2, State.FAILED, subject=HOSTILE, error=HOSTILE, error_code=HOSTILE, custom_id=HOSTILE)
    folder = tmp_path / "x"
    page = sheet(tmp_path, line(1, subject=HOSTILE, files=(file,), error=HOSTILE), error)
    plain = sheet(folder, line(1, files=(saved(folder, "1.png"),), error="x"), line(2, State.FAILED, error="x"))
    assert [tag for tag, _ in Tags(page).found] == [tag for tag, _ in Tags(plain).found]
    assert not re.search("[\x00\x1b\u202e\u2028]", page)
    assert "\u2400\u241b[31m[U+202E]gnp.exe[U+2028]@cards@" in words(page)
    (image,) = (each for each in Tags(page).of("img") if "src" in each)
    assert unquote(image["src"] or "") == path
    assert re.fullmatch("[!-~]*", image["src"] or "")


def test_keeps_what_scripts_need_of_what_can_not_be_seen(tmp_path: Path) -> None:
    text = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f469 a\u00a0b\nc"
    assert text in words(sheet(tmp_path, line(1, subject=text)))


def test_says_which_file_is_missing_or_can_not_be_read(tmp_path: Path) -> None:
    gone = SavedFile("gone.png", "0" * 64, 5)
    page = sheet(tmp_path, line(1, files=(gone,)), line(2, files=(saved(tmp_path, "2.bin", b"?" * 2_500_000),)))
    missing, strange = cards(page)
    assert "cat-1: the file is missing" in words(missing)
    assert "2.5 MB" in words(strange)
    assert "width" not in strange


def test_says_that_there_is_nothing(tmp_path: Path) -> None:
    page = sheet(tmp_path)
    assert cards(page) == []
    assert "0 images of 0 lines" in words(page)
    assert "The journal has no line of a job yet." in words(page)


def test_is_written_while_a_run_goes_on_and_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        with journal.new_job():
            pass
        journal.record([line(1, State.SENDING)])
        first = write_sheet(tmp_path)
        journal.record([line(1, State.REFUSED)])
        assert write_sheet(tmp_path) == first == tmp_path / "sheet.html"
    assert "refused" in words(cards(first.read_text(encoding="utf-8"))[0])


def test_refuses_a_folder_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="has no journal of a run"):
        write_sheet(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sheet(tmp_path, line(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("images_api.bulk._sheet.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_sheet(tmp_path)
    assert (tmp_path / "sheet.html").read_text(encoding="utf-8") == before
    assert list(tmp_path.glob(".sheet*")) == []


class TestThumbnails:
    def test_are_in_the_sheet(self, tmp_path: Path) -> None:
        wide = saved(tmp_path, "wide.png", drawn(1600, 800, mode="RGB"))
        upright = saved(tmp_path, "upright.jpg", turned(900, 600, 6))
        clear = saved(tmp_path, "clear.png", half_clear("PNG"))
        page = sheet(tmp_path, line(1, files=(wide, upright, clear)), thumbnails=True)
        sources = [each["src"] or "" for each in Tags(page).of("img") if "src" in each]
        images = [Image.open(BytesIO(b64decode(each.removeprefix("data:image/webp;base64,")))) for each in sources]
        assert [(image.size, image.mode) for image in images] == [((384, 192), "RGB"), ((256, 384), "RGB"), ((20, 12), "RGBA")]
        assert [each["href"] for each in Tags(page).of("a") if "href" in each][1:] == ["wide.png", "upright.jpg", "clear.png"]

    def test_are_the_images_themselves_where_they_can_not_be_made(self, tmp_path: Path) -> None:
        files = saved(tmp_path, "1.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), saved(tmp_path, "2.png", PNG[:60])
        page = sheet(tmp_path, line(1, files=files), thumbnails=True)
        assert [each["src"] for each in Tags(page).of("img") if "src" in each] == ["1.svg", "2.png"]

    def test_need_pillow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sheet(tmp_path, line(1))
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(ImportError, match="thumbnails need Pillow, which isn't installed: pip install pillow"):
            write_sheet(tmp_path, thumbnails=True)
