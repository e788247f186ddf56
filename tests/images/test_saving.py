"""Where pictures are saved, under which names, and that each file is whole or not there, whoever else writes beside."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx
import pytest
from platforms import needs_links, needs_posix, needs_replaceable

from images_api import GeneratedImage, HTTPInfo, ImagesClient, ImagesResult
from images_api._images.saving import save
from images_api._images.spool import Content

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import DrawPicture

T = TypeVar("T")
EXTENSIONS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif", "svg": ".svg"}
THREADS = 16
NAME_MAX = 255


def made(client: ImagesClient, kind: str) -> GeneratedImage:
    """A picture of a format, from the sandbox."""
    if kind == "svg":
        return client.generate("x", size="64x64", model="gpt-image-next", output_format="svg", svg={"model": "gpt-5"})[0]
    return client.generate("x", size="64x64", model="gpt-image-next", output_format=kind)[0]


def listed(folder: Path) -> list[str]:
    """All that is in a folder, hidden files included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def together(work: Callable[[int], T]) -> list[T]:
    """What each of the threads returns, all set going at the same moment."""
    start = threading.Barrier(THREADS)

    def one(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def script(code: str, *arguments: object, cwd: Path) -> str:
    """What a Python process of its own prints."""
    command = [sys.executable, "-B", "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, timeout=120).stdout  # noqa: S603  ours


@pytest.fixture
def image(draw: DrawPicture) -> GeneratedImage:
    return GeneratedImage(draw(), subject="An otter")


@pytest.fixture
def three(draw: DrawPicture) -> ImagesResult:
    images = tuple(GeneratedImage(draw(8 + place), index=place, subject="An otter") for place in range(3))
    return ImagesResult(images, HTTPInfo(200, httpx.Headers(), 0.0))


NO_FOLDER = """
import sys
from pathlib import Path
from images_api import GeneratedImage

try:
    GeneratedImage(Path("source.png").read_bytes()).save(sys.argv[1])
except OSError:
    print("refused")
"""


class TestFile:
    @pytest.mark.parametrize(("kind", "extension"), EXTENSIONS.items())
    def test_an_extension_that_is_left_out_follows_the_bytes(
        self, client: ImagesClient, tmp_path: Path, kind: str, extension: str
    ) -> None:
        image = made(client, kind)
        file = image.save(tmp_path / "otter")
        assert file == tmp_path / f"otter{extension}"
        assert file.read_bytes() == image.read()
        assert listed(tmp_path) == [file.name]

    @pytest.mark.parametrize(("kind", "extension"), [*EXTENSIONS.items(), ("jpeg", ".jpeg"), ("jpeg", ".JPG"), ("png", ".Png")])
    def test_one_that_fits_is_kept_without_a_word(self, client: ImagesClient, tmp_path: Path, kind: str, extension: str) -> None:
        assert made(client, kind).save(tmp_path / f"otter{extension}").name == f"otter{extension}"

    @pytest.mark.parametrize(
        ("kind", "extension"), [("png", ".jpg"), ("jpeg", ".png"), ("webp", ".PNG"), ("gif", ".jpeg"), ("svg", ".xml")]
    )
    def test_one_that_contradicts_is_kept_with_a_warning(
        self, client: ImagesClient, tmp_path: Path, kind: str, extension: str
    ) -> None:
        image = made(client, kind)
        with pytest.warns(UserWarning, match=rf"otter\{extension} .*\{EXTENSIONS[kind]}$") as caught:
            file = image.save(tmp_path / f"otter{extension}")
        assert file.name == f"otter{extension}"
        assert file.read_bytes() == image.read()
        assert [warning.filename for warning in caught] == [__file__]

    def test_the_warning_for_a_result_points_to_the_caller_as_well(self, three: ImagesResult, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"\.jpg") as caught:
            three.save(tmp_path / "otter.jpg")
        assert [warning.filename for warning in caught] == [__file__] * 3

    @pytest.mark.parametrize("name", ["gpt-image-1.5", "otter 2.5", "v1.0.0", "2026.11.22", "otter.", "wait..."])
    def test_a_dot_in_a_name_begins_no_extension(self, image: GeneratedImage, tmp_path: Path, name: str) -> None:
        assert image.save(tmp_path / name).name == f"{name}.png"

    @pytest.mark.parametrize("as_path", [str, Path])
    def test_missing_folders_are_made(self, image: GeneratedImage, tmp_path: Path, as_path: type) -> None:
        file = image.save(as_path(tmp_path / "a" / "b" / "otter.png"))
        assert isinstance(file, Path)
        assert file.read_bytes() == image.read()

    def test_a_relative_path_is_one(self, image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert image.save("otter.png") == Path("otter.png")
        assert listed(tmp_path) == ["otter.png"]

    def test_a_file_that_is_there_is_replaced(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "otter.png").write_bytes(b"old" * 10_000)
        image.save(tmp_path / "otter.png")
        assert (tmp_path / "otter.png").read_bytes() == image.read()

    def test_unless_the_caller_minds(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "otter.png").write_bytes(b"old")
        for name in ("otter", "otter.png"):
            with pytest.raises(FileExistsError):
                image.save(tmp_path / name, overwrite=False)
        assert (tmp_path / "otter.png").read_bytes() == b"old"
        assert listed(tmp_path) == ["otter.png"]
        assert image.save(tmp_path / "new", overwrite=False).name == "new.png"

    @pytest.mark.parametrize("path", ["otter/x.png", "otter/", "otter/new/", "otter/{index}.png"])
    def test_a_file_in_place_of_a_folder_is_an_error(self, draw: DrawPicture, tmp_path: Path, path: str) -> None:
        (tmp_path / "source.png").write_bytes(draw())
        (tmp_path / "otter").write_bytes(b"old")
        # In a process of its own, which can be ended if it goes on to look for a name for ever.
        assert script(NO_FOLDER, path, cwd=tmp_path) == "refused\n"
        assert listed(tmp_path) == ["otter", "source.png"]

    @pytest.mark.parametrize("letter", ["x", "é", "漢", "🦦"])
    def test_a_name_may_be_as_long_as_the_system_allows(self, image: GeneratedImage, tmp_path: Path, letter: str) -> None:
        name = letter * ((NAME_MAX - len(".png")) // len(letter.encode())) + ".png"
        assert image.save(tmp_path / name).name == name
        assert image.save(tmp_path / name).name == name

    @needs_posix
    def test_others_may_read_it_as_they_may_any_new_file(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "any").touch()
        file = image.save(tmp_path / "otter.png")
        assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((tmp_path / "any").stat().st_mode)


class TestSeveral:
    def test_into_one_file_name_they_are_numbered(self, three: ImagesResult, tmp_path: Path) -> None:
        files = three.save(tmp_path / "otter")
        assert files == [tmp_path / f"otter-{number}.png" for number in (1, 2, 3)]
        assert [file.read_bytes() for file in files] == [image.read() for image in three]

    def test_before_the_extension(self, three: ImagesResult, tmp_path: Path) -> None:
        assert [file.name for file in three.save(tmp_path / "gpt-image-1.5")] == [f"gpt-image-1.5-{n}.png" for n in (1, 2, 3)]
        assert [file.name for file in three.save(tmp_path / "a.b.png")] == [f"a.b-{n}.png" for n in (1, 2, 3)]

    def test_one_alone_is_not(self, client: ImagesClient, tmp_path: Path) -> None:
        result = client.generate("x", size="64x64", model="gpt-image-next", n=1)
        assert result.save(tmp_path / "otter") == [tmp_path / "otter.png"]

    def test_nor_one_of_several_that_is_saved_by_itself(self, three: ImagesResult, tmp_path: Path) -> None:
        assert three[1].save(tmp_path / "otter") == tmp_path / "otter.png"

    def test_each_has_the_extension_of_its_own_bytes(self, draw: DrawPicture, tmp_path: Path) -> None:
        kinds = ("PNG", "JPEG", "WEBP")
        images = tuple(GeneratedImage(draw(mode="RGB", kind=kind), index=place) for place, kind in enumerate(kinds))
        files = ImagesResult(images, HTTPInfo(200, httpx.Headers(), 0.0)).save(tmp_path / "otter")
        assert [file.name for file in files] == ["otter-1.png", "otter-2.jpg", "otter-3.webp"]

    def test_overwriting_is_refused_for_each(self, three: ImagesResult, tmp_path: Path) -> None:
        (tmp_path / "otter-2.png").write_bytes(b"old")
        with pytest.raises(FileExistsError):
            three.save(tmp_path / "otter", overwrite=False)
        assert (tmp_path / "otter-2.png").read_bytes() == b"old"

    def test_asynchronously_likewise(self, three: ImagesResult, tmp_path: Path) -> None:
        files = asyncio.run(three.asave(tmp_path / "otter"))
        assert [file.read_bytes() for file in files] == [image.read() for image in three]
        assert asyncio.run(three[0].asave(tmp_path / "one")) == tmp_path / "one.png"


class TestFolder:
    def test_one_that_is_there(self, three: ImagesResult, tmp_path: Path) -> None:
        assert [file.name for file in three.save(tmp_path)] == ["an-otter-1.png", "an-otter-2.png", "an-otter-3.png"]

    def test_one_that_is_made_for_it(self, three: ImagesResult, tmp_path: Path) -> None:
        files = three.save(f"{tmp_path}/new/folder/")
        assert files == [tmp_path / "new" / "folder" / f"an-otter-{number}.png" for number in (1, 2, 3)]

    def test_the_working_directory(self, image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for number, here in enumerate((".", "./", "")):
            assert image.save(here) == Path(f"an-otter-{number + 1}.png")

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_nothing_in_it_is_ever_replaced(self, three: ImagesResult, tmp_path: Path, *, overwrite: bool) -> None:
        (tmp_path / "an-otter-2.png").write_bytes(b"old")
        first = three.save(tmp_path, overwrite=overwrite)
        second = three.save(tmp_path, overwrite=overwrite)
        assert [file.name for file in first] == ["an-otter-1.png", "an-otter-3.png", "an-otter-4.png"]
        assert [file.name for file in second] == ["an-otter-5.png", "an-otter-6.png", "an-otter-7.png"]
        assert (tmp_path / "an-otter-2.png").read_bytes() == b"old"
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second] == [one.read() for one in three]

    @needs_links
    def test_not_even_a_link_to_nowhere(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "an-otter-1.png").symlink_to(tmp_path / "gone")
        assert image.save(tmp_path).name == "an-otter-2.png"
        assert not (tmp_path / "gone").exists()

    @pytest.mark.parametrize(
        ("prompt", "name"),
        [
            ("A baby sea otter!", "a-baby-sea-otter"),
            ("", "image"),
            ("   ", "image"),
            ("?!*", "image"),
            ("🦦🦦", "image"),
            ("ÉTÉ à Zürich", "été-à-zürich"),
            ("水彩画のカワウソ", "水彩画のカワウソ"),
            ("snake_case", "snake-case"),
            ("word " * 100, "-".join(["word"] * 9 + ["wor"])),
            ("x" * 1000, "x" * 48),
            ("../../x", "x"),
            ("/etc/passwd", "etc-passwd"),
            (r"..\..\x", "x"),
            ("C:x", "c-x"),
            ("a/b\\c:d", "a-b-c-d"),
            (".hidden", "hidden"),
            ("-rf", "rf"),
            ("NUL\x00byte", "nul-byte"),
            ("line\nbreak\ttab", "line-break-tab"),
            ("con", "con"),
            ("{index}{0}%s$HOME", "index-0-s-home"),
        ],
    )
    def test_names_come_from_the_prompt_and_stay_inside(self, draw: DrawPicture, tmp_path: Path, prompt: str, name: str) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        assert GeneratedImage(draw(), subject=prompt).save(folder) == folder / f"{name}-1.png"
        assert listed(tmp_path) == [str(Path("in", f"{name}-1.png"))]

    @pytest.mark.parametrize("letter", ["漢", "\U00020000", "x"])
    def test_a_long_prompt_fits_any_file_system(self, draw: DrawPicture, tmp_path: Path, letter: str) -> None:
        file = GeneratedImage(draw(), subject=letter * 5000).save(tmp_path)
        assert len(file.name.encode()) <= NAME_MAX

    def test_each_method_names_its_subject(self, client: ImagesClient, draw: DrawPicture, tmp_path: Path) -> None:
        source = tmp_path / "My Otter.png"
        source.write_bytes(draw(256, 256))
        folder = tmp_path / "out"
        client.generate("Blue sky", size="64x64", model="gpt-image-next").save(f"{folder}/")
        client.edit(source, "A beret", size="64x64", model="gpt-image-next").save(f"{folder}/")
        client.create_variation(source, size="256x256").save(f"{folder}/")
        assert listed(folder) == ["a-beret-1.png", "blue-sky-1.png", "my-otter-1.png"]


class TestTemplate:
    @pytest.mark.parametrize(
        ("template", "names"),
        [
            ("{index}.{ext}", ["1.png", "2.png", "3.png"]),
            ("{subject}-{index:03}.{ext}", ["an-otter-001.png", "an-otter-002.png", "an-otter-003.png"]),
            ("{index}/otter.{ext}", ["1/otter.png", "2/otter.png", "3/otter.png"]),
            ("{index}/{subject}/{index}.{ext}", ["1/an-otter/1.png", "2/an-otter/2.png", "3/an-otter/3.png"]),
            ("{{x}}{index}.png", ["{x}1.png", "{x}2.png", "{x}3.png"]),
            ("gpt-image-1.5-{index}", ["gpt-image-1.5-1.png", "gpt-image-1.5-2.png", "gpt-image-1.5-3.png"]),
            ("otter-{index}", ["otter-1.png", "otter-2.png", "otter-3.png"]),
        ],
    )
    def test_it_is_filled_in(self, three: ImagesResult, tmp_path: Path, template: str, names: list[str]) -> None:
        files = three.save(tmp_path / template)
        assert [str(file.relative_to(tmp_path)) for file in files] == [str(Path(name)) for name in names]
        assert [file.read_bytes() for file in files] == [image.read() for image in three]

    def test_one_without_a_number_loses_no_picture(self, three: ImagesResult, tmp_path: Path) -> None:
        files = three.save(tmp_path / "{subject}.{ext}")
        assert [file.read_bytes() for file in files] == [image.read() for image in three]

    def test_an_extension_in_it_that_contradicts_is_kept_with_a_warning(self, image: GeneratedImage, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match=r"\.png"):
            file = image.save(tmp_path / "{subject}.jpg")
        assert file.name == "an-otter.jpg"

    def test_the_prompt_cannot_lead_out(self, draw: DrawPicture, tmp_path: Path) -> None:
        file = GeneratedImage(draw(), subject="../../{ext}/x").save(f"{tmp_path}/in/{{subject}}.{{ext}}")
        assert file == tmp_path / "in" / "ext-x.png"

    @pytest.mark.parametrize(
        "template",
        [
            "{prompt}.png",
            "{}.png",
            "{0}.png",
            "{index",
            "index}.png{",
            "{index:zz}",
            "{index!x}",
            "{index.x}",
            "{ext[0][x]}",
            "{index[0]}",
        ],
    )
    def test_one_that_cannot_be_filled_in_is_refused_with_its_fields(
        self, image: GeneratedImage, tmp_path: Path, template: str
    ) -> None:
        path = str(tmp_path / "new" / template)
        says = f"the path may hold {{index}}, {{ext}} and {{subject}}, got {path!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(says)}$") as caught:
            save(Content.of(image.read()), path, number=1, of=1, subject="", overwrite=True)
        assert type(caught.value) is ValueError
        with pytest.raises(ValueError, match=r"\{index\}, \{ext\} and \{subject\}"):
            image.save(path)
        assert list(tmp_path.iterdir()) == []

    def test_overwriting_is_refused_in_it_as_well(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(b"old")
        with pytest.raises(FileExistsError):
            image.save(tmp_path / "{index}.png", overwrite=False)
        assert (tmp_path / "1.png").read_bytes() == b"old"


# A disk that is full is imitated by a process that may write small files only.
FULL_DISK = """
import resource, sys
from pathlib import Path
from images_api import GeneratedImage

image = GeneratedImage(Path(sys.argv[1]).read_bytes(), subject="otter")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    image.save(sys.argv[2])
except OSError as error:
    print(error.errno)
"""
# Root may write anywhere, so that it has to become somebody else first, who may enter no folder but this.
READ_ONLY = """
import os
from images_api import GeneratedImage

with open("source.png", "rb") as file:
    image = GeneratedImage(file.read(), subject="otter")
if os.geteuid() == 0:
    os.setuid(65534)
for path in ("otter.png", ".", "new/otter.png"):
    try:
        image.save(path)
    except PermissionError:
        print(path)
"""


@needs_posix
class TestFailures:
    @pytest.mark.parametrize("target", ["otter.png", "", "{index}.png"], ids=["file", "folder", "template"])
    def test_on_a_full_disk_nothing_is_half_written(self, draw: DrawPicture, tmp_path: Path, target: str) -> None:
        (tmp_path / "source.png").write_bytes(draw())
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "otter.png").write_bytes(b"old")
        printed = script(FULL_DISK, tmp_path / "source.png", folder / target, cwd=tmp_path)
        assert printed.split() == [str(errno.EFBIG)]
        assert listed(folder) == ["otter.png"]
        assert (folder / "otter.png").read_bytes() == b"old"

    def test_in_a_folder_that_may_not_be_written_to_nothing_changes(self, draw: DrawPicture, tmp_path: Path) -> None:
        (tmp_path / "source.png").write_bytes(draw())
        (tmp_path / "source.png").chmod(0o644)
        tmp_path.chmod(0o555)
        try:
            printed = script(READ_ONLY, cwd=tmp_path)
        finally:
            tmp_path.chmod(0o755)
        assert printed.split() == ["otter.png", ".", "new/otter.png"]
        assert listed(tmp_path) == ["source.png"]


class TestTogether:
    def test_many_into_one_folder_lose_nothing(self, draw: DrawPicture, tmp_path: Path) -> None:
        def work(number: int) -> list[Path]:
            images = [GeneratedImage(draw(1 + number, 1 + place), subject="otter") for place in range(8)]
            return [image.save(f"{tmp_path}/new/") for image in images]

        files = [file for saved in together(work) for file in saved]
        expected = {draw(1 + number, 1 + place) for number in range(THREADS) for place in range(8)}
        assert len(set(files)) == len(files) == len(expected)
        assert {file.read_bytes() for file in files} == expected
        assert len(listed(tmp_path)) == len(files)

    def test_of_many_into_one_new_file_one_wins(self, draw: DrawPicture, tmp_path: Path) -> None:
        def work(number: int) -> bytes | None:
            image = GeneratedImage(draw(1 + number))
            try:
                image.save(tmp_path / "otter.png", overwrite=False)
            except FileExistsError:
                return None
            return image.read()

        winners = [content for content in together(work) if content]
        assert winners == [(tmp_path / "otter.png").read_bytes()]
        assert listed(tmp_path) == ["otter.png"]

    @needs_replaceable
    def test_a_reader_never_sees_a_part(self, draw: DrawPicture, tmp_path: Path) -> None:
        file = tmp_path / "otter.png"
        versions = [draw(400, 300), draw(300, 400)]
        file.write_bytes(versions[0])

        def work(number: int) -> set[bytes]:
            if number < 2:
                for _ in range(50):
                    GeneratedImage(versions[number]).save(file)
            return {file.read_bytes() for _ in range(50)}

        assert set().union(*together(work)) <= set(versions)
        assert listed(tmp_path) == ["otter.png"]


class TestWithoutLinks:
    """On a file system without hard links, such as that of a memory stick; none can be mounted by a test."""

    def without_links(self, monkeypatch: pytest.MonkeyPatch, before: Callable[[], object]) -> None:
        def refuse(path: Path, _: object) -> None:
            before()
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))

        monkeypatch.setattr(Path, "hardlink_to", refuse)

    def test_saving_is_the_same(self, three: ImagesResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.without_links(monkeypatch, before=list)
        assert [file.name for file in three.save(tmp_path)] == ["an-otter-1.png", "an-otter-2.png", "an-otter-3.png"]
        old = (tmp_path / "an-otter-1.png").read_bytes()
        with pytest.raises(FileExistsError):
            three[1].save(tmp_path / "an-otter-1.png", overwrite=False)
        assert (tmp_path / "an-otter-1.png").read_bytes() == old
        assert listed(tmp_path) == ["an-otter-1.png", "an-otter-2.png", "an-otter-3.png"]

    def test_many_into_one_folder_lose_nothing(self, draw: DrawPicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        images = [GeneratedImage(draw(1 + number), subject="otter") for number in range(THREADS)]
        met, all_here = threading.local(), threading.Barrier(THREADS)

        def meet() -> None:
            # All want the first name at the same moment: a gap between looking and writing then shows in most rounds.
            if met.round != number:
                met.round = number
                with suppress(threading.BrokenBarrierError):
                    all_here.wait(timeout=5)

        def work(place: int) -> Path:
            met.round = None
            return images[place].save(tmp_path / str(number) / "")

        self.without_links(monkeypatch, before=meet)
        for number in range(30):
            (tmp_path / str(number)).mkdir()
            files = together(work)
            assert [file.read_bytes() for file in files] == [image.read() for image in images]
            assert len(listed(tmp_path / str(number))) == THREADS
