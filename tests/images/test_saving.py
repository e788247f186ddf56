"""Where pictures are saved, under which names, and that each file is whole or not there, whoever else writes beside."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import re
import stat
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx
import pytest
from platforms import needs_links, needs_linux, needs_posix, needs_replaceable

from images_api import DownloadError, GeneratedImage, HTTPInfo, ImagesClient, ImagesResult, InvalidRequestError
from images_api._http.downloads import NoSource
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

    @pytest.mark.parametrize("path", ["~/otter.png", "~/new/", "~", "~/{index}.png", "~/{index}/"])
    @needs_posix
    def test_a_tilde_is_the_home_of_the_user(
        self, image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        home = tmp_path / "home {x}"  # whose braces are no template
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.chdir(tmp_path)
        for given in (path, Path(path) if path[-1] != "/" else path):
            assert home in image.save(given).parents
        assert [each.name for each in tmp_path.iterdir()] == [home.name]

    def test_one_of_nobody_is_a_name(self, image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert image.save("~no such user/x.png") == Path("~no such user/x.png")

    @pytest.mark.parametrize(
        "path", ["a\0b.png", "\0", "new/\0/", "{subject}\0", "\ud800.png", "a\udfff/x.png", "~/\ude00{index}"]
    )
    def test_what_can_be_no_path_is_refused(
        self, three: ImagesResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for call in (lambda: three.save(path), lambda: asyncio.run(three[0].asave(path))):
            with pytest.raises(InvalidRequestError, match=r"^path must hold no NUL and no lone surrogate, got '"):
                call()
        assert list(tmp_path.iterdir()) == []

    @needs_linux
    def test_but_not_a_name_that_is_no_utf_8(self, image: GeneratedImage, tmp_path: Path) -> None:
        assert os.fsencode(image.save(tmp_path / os.fsdecode(b"\xff.png"))).endswith(b"/\xff.png")

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

    def test_nor_if_it_comes_at_the_last_moment(
        self, image: GeneratedImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = Path.hardlink_to

        def hardlink_to(target: Path, source: Path) -> None:
            target.write_bytes(b"old")
            link(target, source)

        monkeypatch.setattr(Path, "hardlink_to", hardlink_to)
        with pytest.raises(FileExistsError, match=r"otter\.png"):
            image.save(tmp_path / "otter.png", overwrite=False)
        assert (tmp_path / "otter.png").read_bytes() == b"old"
        assert listed(tmp_path) == ["otter.png"]

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

    @needs_posix
    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_the_mask_of_the_moment_counts(self, draw: DrawPicture, tmp_path: Path, mask: int) -> None:
        made = GeneratedImage(draw())
        before = os.umask(mask)
        try:
            file = made.save(tmp_path / "otter.png")
        finally:
            os.umask(before)
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask

    @needs_posix
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
    def test_a_file_that_is_replaced_keeps_its_permissions(self, image: GeneratedImage, tmp_path: Path, mode: int) -> None:
        target = tmp_path / "otter.png"
        target.touch()
        target.chmod(mode)
        image.save(target)
        assert stat.S_IMODE(target.stat().st_mode) == mode
        assert target.read_bytes() == image.read()

    @needs_links
    def test_a_link_is_replaced_not_followed(self, image: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "other").write_bytes(b"other")
        (tmp_path / "other").chmod(0o600)
        (tmp_path / "otter.png").symlink_to(tmp_path / "other")
        file = image.save(tmp_path / "otter.png")
        assert (file.is_symlink(), (tmp_path / "other").read_bytes()) == (False, b"other")
        assert file.stat().st_mode & 0o044

    @needs_linux
    def test_the_default_acl_of_the_folder_counts(self, image: GeneratedImage, tmp_path: Path) -> None:
        # A version, and entries of kind, permissions and user: all of them for user 1, on whatever is made in the folder.
        entries = ((0x01, 7, -1), (0x02, 7, 1), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1))
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        try:
            os.setxattr(tmp_path, "system.posix_acl_default", value)
        except OSError:
            pytest.skip("this file system has no ACLs")
        (tmp_path / "any").touch()
        files = [image.save(tmp_path / "otter"), image.save(f"{tmp_path}/"), image.save(tmp_path / "new", overwrite=False)]
        acls = {os.getxattr(file, "system.posix_acl_access") for file in (tmp_path / "any", *files)}
        assert len(acls) == 1


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

    @pytest.mark.parametrize("path", ["otter", "otter.png", "{subject}.{ext}", "otter-{index}", "new-{index}/../otter-{index}"])
    @pytest.mark.parametrize("there", ["file", "folder", "link to nowhere"])
    def test_if_one_is_there_none_is_written(self, three: ImagesResult, tmp_path: Path, path: str, there: str) -> None:
        taken = tmp_path / ("an-otter-2.png" if "subject" in path else "otter-2.png")
        for number in (1, 2, 3):
            (tmp_path / f"new-{number}").mkdir()
        if there == "file":
            taken.write_bytes(b"old")
        elif there == "folder":
            taken.mkdir()
        else:
            taken.symlink_to(tmp_path / "gone")
        before = sorted(tmp_path.iterdir())
        for save_all in (three.save, lambda *a, **k: asyncio.run(three.asave(*a, **k))):
            with pytest.raises(FileExistsError) as caught:
                save_all(tmp_path / path, overwrite=False)
            assert caught.value.filename is not None
            assert Path(caught.value.filename).name == taken.name
            assert sorted(tmp_path.iterdir()) == before
        assert there != "file" or taken.read_bytes() == b"old"

    def test_a_folder_in_place_of_a_file_is_seen_before(self, three: ImagesResult, tmp_path: Path) -> None:
        (tmp_path / "otter-3.png").mkdir()
        with pytest.raises(FileExistsError, match=r"otter-3\.png"):
            three.save(tmp_path / "otter.png")
        assert listed(tmp_path) == []

    def test_a_link_that_cannot_be_read_is_seen_before(self, draw: DrawPicture, tmp_path: Path) -> None:
        images = GeneratedImage(draw()), GeneratedImage(None, url="https://images.example/x.png", source=NoSource())
        result = ImagesResult(images, HTTPInfo(200, httpx.Headers(), 0.0))
        with pytest.raises(DownloadError):
            result.save(tmp_path / "otter")
        with pytest.raises(DownloadError):
            asyncio.run(result.asave(tmp_path / "otter"))
        assert listed(tmp_path) == []

    def test_none_at_all_is_no_error(self, tmp_path: Path) -> None:
        assert ImagesResult((), HTTPInfo(200, httpx.Headers(), 0.0)).save(tmp_path / "otter") == []

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_an_error_in_the_middle_says_what_was_written(
        self, three: ImagesResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, overwrite: bool
    ) -> None:
        # Another process makes the second name its own, between the look at it and the move.
        rename, link = Path.replace, Path.hardlink_to

        def refuse(path: Path) -> None:
            if path.name == "otter-2.png":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        def replace(source: Path, target: Path) -> Path:
            refuse(target)
            return rename(source, target)

        def hardlink_to(target: Path, source: Path) -> None:
            refuse(target)
            link(target, source)

        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(Path, "hardlink_to", hardlink_to)
        monkeypatch.setattr(Path, "touch", lambda path, **_: refuse(path))
        with pytest.raises(PermissionError) as caught:
            three.save(tmp_path / "otter", overwrite=overwrite)
        written = [tmp_path / "otter-1.png"]
        assert vars(caught.value)["written"] == written
        assert caught.value.filename == str(tmp_path / "otter-2.png")
        assert f"(written before it: {written[0]})" in str(caught.value)
        assert listed(tmp_path) == ["otter-1.png"]
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  made here
        assert (str(again), again.written) == (str(caught.value), written)

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
            ("con", "image-con"),
            ("COM¹", "image-com¹"),
            ("lpt", "image-lpt"),
            ("console", "console"),
            ("con 1", "con-1"),
            ("half \ud800 a pair", "half-a-pair"),
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
            ("{{index}}.png", ["{index}-1.png", "{index}-2.png", "{index}-3.png"]),
            ("{index!s}.{ext!s}", ["1.png", "2.png", "3.png"]),
            ("{index:_>3d}", ["__1.png", "__2.png", "__3.png"]),
            ("{subject}/", ["an-otter/an-otter-1.png", "an-otter/an-otter-2.png", "an-otter/an-otter-3.png"]),
            ("{ext}/{index}/", ["png/1/an-otter-1.png", "png/2/an-otter-2.png", "png/3/an-otter-3.png"]),
            ("gpt-image-1.5-{index}", ["gpt-image-1.5-1.png", "gpt-image-1.5-2.png", "gpt-image-1.5-3.png"]),
            ("otter-{index}", ["otter-1.png", "otter-2.png", "otter-3.png"]),
        ],
    )
    def test_it_is_filled_in(self, three: ImagesResult, tmp_path: Path, template: str, names: list[str]) -> None:
        files = three.save(f"{tmp_path}/{template}")
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
            "{index.__class__}",
            "{index!a:d}",
            "{index:d!}",
            "{index:2000}",
            "{subject:_>99999999999}",
            "{index:.9999}",
            "{subject:{index}}",
            "{ index }",
            "{INDEX}",
            "}{index}",
        ],
    )
    def test_one_that_cannot_be_filled_in_is_refused_with_its_fields(
        self, image: GeneratedImage, tmp_path: Path, template: str
    ) -> None:
        path = str(tmp_path / "new" / template)
        with pytest.raises(InvalidRequestError, match=r"^path may hold \{index\}, \{ext\} and \{subject\}, got '") as caught:
            save([(1, Content(image.read()))], path, subject="", overwrite=True)
        assert [(each.parameter, each.value) for each in caught.value.problems] == [("path", path)]
        with pytest.raises(ValueError, match=r"\{index\}, \{ext\} and \{subject\}"):
            image.save(path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("subject", ["con", "NUL", "Aux", "prn!", "COM", "lpt", "com1", "lpt³"])
    def test_no_subject_becomes_a_device_of_windows(self, draw: DrawPicture, tmp_path: Path, subject: str) -> None:
        images = tuple(GeneratedImage(draw(8 + place), index=place, subject=subject) for place in range(2))
        for template in ("{subject}.{ext}", "{subject}{index}.{ext}", "{subject}/x"):
            for file in ImagesResult(images, HTTPInfo(200, httpx.Headers(), 0.0)).save(tmp_path / template):
                names = [name.partition(".")[0] for name in file.relative_to(tmp_path).parts]
                assert not any(re.fullmatch(r"con|prn|aux|nul|(com|lpt)[\d¹²³]", name, re.IGNORECASE) for name in names)

    @pytest.mark.parametrize("template", ["{index:.0e}.png", "{ext}/{index!s:.0}x", "{subject}{index!r:.0}"])
    def test_one_that_leads_two_images_to_one_file_is_refused(self, draw: DrawPicture, tmp_path: Path, template: str) -> None:
        images = tuple(GeneratedImage(draw(8 + place), index=100 + place) for place in range(2))
        with pytest.raises(InvalidRequestError, match="path must give each image a file of its own"):
            ImagesResult(images, HTTPInfo(200, httpx.Headers(), 0.0)).save(tmp_path / template)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_with_braces_in_its_name_is_one(self, three: ImagesResult, tmp_path: Path) -> None:
        folder = tmp_path / "{x}"
        folder.mkdir()
        assert [file.parent for file in three.save(folder)] == [folder] * 3

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
    print(error.errno, error.filename, error.written)
"""
SEVERAL_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from images_api import GeneratedImage, ImagesResult

contents = [Path(sys.argv[1], f"source-{number}").read_bytes() for number in (1, 2)]
images = tuple(GeneratedImage(content, index=index) for index, content in enumerate(contents))
limit = len(contents[0]) + 1
assert limit < len(contents[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    ImagesResult(images, None).save(sys.argv[2])
except OSError as error:
    print(error.errno, error.filename, error.written)
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
        number, name, written = printed.split()
        assert (number, written) == (str(errno.EFBIG), "[]")
        assert name in {str(folder / "otter.png"), str(folder / "otter-1.png"), str(folder / "1.png")}
        assert listed(folder) == ["otter.png"]
        assert (folder / "otter.png").read_bytes() == b"old"

    def test_of_several_that_no_longer_fit_none_is_written(self, draw: DrawPicture, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "otter-1.png").write_bytes(b"old")
        for number, side in enumerate((1, 200), 1):
            (tmp_path / f"source-{number}").write_bytes(draw(side, side))
        printed = script(SEVERAL_ON_A_FULL_DISK, tmp_path, folder / "otter.png", cwd=tmp_path)
        assert printed.split() == [str(errno.EFBIG), str(folder / "otter-2.png"), "[]"]
        assert listed(folder) == ["otter-1.png"]
        assert (folder / "otter-1.png").read_bytes() == b"old"

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
