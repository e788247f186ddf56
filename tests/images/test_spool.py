"""Images too large for memory: the nameless temporary files that they wait in, from a response's first byte to a saved file."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import gzip
import os
import pickle
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import SEEK_CUR, SEEK_END, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

import pytest
from faulty_server import JSON, FaultyServer, answered, both_ways, pictures
from file_server import FileServer, Reply
from pictures import drawn, padded
from PIL import Image
from platforms import POSIX, needs_linux, needs_posix
from raw_server import END, Do, RawServer, chunk, head, reply
from waiting import wait_until

from images_api import APIConnectionError, AsyncImagesClient, GeneratedImage, ImagesClient, ResponseError
from images_api._images import spool as _spool
from images_api._images.spool import Content, Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from images_api import ImagesResult

SMALL, PAGE = _spool._SMALL, _spool._PAGE
LARGE = padded(drawn(), 3 * SMALL)
OTHER = padded(drawn(32, 32), 4 * SMALL + 1)
THREADS = 8
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  another file system, where there is one


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> deque[None]:
    """The pages of memory that a process has, all free: what other tests left behind takes none, and gives no file."""
    pages = deque([None] * (_spool._MEMORY // PAGE))
    monkeypatch.setattr(_spool, "_FREE_PAGES", pages)
    monkeypatch.setattr(_spool, "_FILES", WeakValueDictionary[Any, Any]())
    return pages


@pytest.fixture
def no_memory(memory: deque[None]) -> None:
    """No page is free: what isn't small goes to a file."""
    memory.clear()


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which none is ever seen, but on Windows, where they have names while they are open."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not POSIX or not folder.exists() or list(folder.iterdir()) == []


@pytest.fixture
def elsewhere(temp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files on another file system than the tests' own."""
    if not POSIX or not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == temp.stat().st_dev:
        pytest.skip("there is no other file system")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture(params=["by position", "with a lock"])
def _positions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files read and written in both ways that there are."""
    if request.param == "with a lock":
        for name in ("pread", "pwrite"):
            monkeypatch.delattr(os, name, raising=False)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Nobody looks for circles of objects, as in some servers."""
    gc.disable()
    yield
    gc.enable()


def noise(size: int, seed: object = 0) -> bytes:
    return random.Random(str(seed)).randbytes(size)  # noqa: S311  no secrets


def written(*contents: bytes, step: int = 50_000) -> list[Content]:
    """Return the images of one response, each as it came, in chunks."""
    store = Spool()
    made = [store.new() for _ in contents]
    for content, each in zip(contents, made, strict=True):
        for start in range(0, len(content), step):
            each.write(content[start : start + step])
        each.close()
    return made


def is_filed(content: Content) -> bool:
    return content._file is not None


def filed(*contents: bytes) -> list[Content]:
    """Return the images of one response, each in its file."""
    _spool._FREE_PAGES.clear()
    made = written(*contents)
    assert all(is_filed(each) for each in made)
    return made


def open_files(folder: Path, process: object = "self") -> list[str]:
    """Return the nameless files of a folder that a process has open."""
    found: list[str] = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing itself, or what another thread closed
            found.append(str(link.readlink()))
    return [path for path in found if path.startswith(f"{folder.resolve()}/") and path.endswith(" (deleted)")]


def child(code: str, temp: Path, *arguments: object, python: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a Python process whose temporary files are elsewhere than ours."""
    command = [sys.executable, "-B", "-W", "error", *python, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "TMPDIR": str(temp)}
    return subprocess.Popen(  # noqa: S603  ours
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed(code: str, temp: Path, *arguments: object, python: tuple[str, ...] = ()) -> str:
    """Return what such a process prints, if it ends well and without a warning."""
    out, errors = child(code, temp, *arguments, python=python).communicate(timeout=120)
    assert errors == ""
    return out


def together(work: Callable[[int], object]) -> None:
    """Have threads do it, all set going at the same moment."""
    start = threading.Barrier(THREADS)

    def one(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(THREADS)))


class TestContent:
    @pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE, PAGE + 1, SMALL, SMALL + 1, SMALL + 3 * PAGE, SMALL + 3 * PAGE + 1])
    @pytest.mark.parametrize("step", [1000, PAGE - 1, PAGE, PAGE + 1, SMALL + 9 * PAGE])
    @pytest.mark.usefixtures("_positions")
    def test_is_in_memory_while_there_is_some_and_in_a_file_beyond(
        self, size: int, step: int, tmp_path: Path, memory: deque[None]
    ) -> None:
        while len(memory) > 3:
            memory.pop()
        content = noise(size)
        made = Spool().new()
        for start in range(0, size, step):
            made.write(content[start : start + step])
            assert made.read() == content[: start + step]
        made.close()
        assert is_filed(made) is (size > SMALL + 3 * PAGE)
        assert made.size == size
        made.copy_to(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == made.read() == content

    @pytest.mark.usefixtures("_positions")
    @pytest.mark.parametrize("size", [0, 1, PAGE, 3 * PAGE + 7])
    def test_is_read_like_any_file(self, size: int) -> None:
        content = noise(size)
        store = Spool()
        before, late = store.new(), store.new()
        for each, bytes_ in ((before, LARGE), (late, content + LARGE)):
            _spool._FREE_PAGES.clear()
            each.write(bytes_)
        assert is_filed(late)
        dice = random.Random(size)  # noqa: S311  no secrets
        made: Content
        for made, expected in ((written(content)[0], content), (Content(content), content), (late, content + LARGE)):
            with made.open() as file, BytesIO(expected) as ours:
                assert file.readable()
                assert file.seekable()
                for _ in range(300):
                    target = dice.choice([dice.randrange(-2, 3), dice.randrange(len(expected) + 1), len(expected) + 3])
                    act = dice.choice(list(ACTS))
                    found = [_done(each, act, target) for each in (file, ours)]
                    assert found[0] == found[1], (act, target)
                    assert file.tell() == ours.tell()
            with pytest.raises(ValueError, match="closed"):
                file.read()

    def test_that_is_whole_already_is_not_copied(self) -> None:
        assert Content(LARGE).read() is LARGE
        with Content(LARGE).open() as file:
            assert file.read() is LARGE

    @pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda content: pickle.loads(pickle.dumps(content))])  # noqa: S301  ours
    @pytest.mark.parametrize("content", [b"", b"few", LARGE])
    @pytest.mark.parametrize("make", [written, Content])
    @pytest.mark.usefixtures("no_memory")
    def test_is_copied_with_its_bytes(
        self, made: Callable[[Content], Content], content: bytes, make: Callable[[bytes], Content | list[Content]]
    ) -> None:
        first = make(content)
        again = made(first[0] if isinstance(first, list) else first)
        del first
        assert (again.read(), again.size, is_filed(again)) == (content, len(content), False)


ACTS: dict[str, Callable[[Any, int], object]] = {
    "seek": lambda file, target: file.seek(target),
    "ahead": lambda file, target: file.seek(max(target, 0) // 2, SEEK_CUR),
    "end": lambda file, target: file.seek(min(target, 0), SEEK_END),
    "read": lambda file, target: file.read(max(target, -1)),
    "all": lambda file, _: file.read(),
    "line": lambda file, _: file.readline(),
    "into": lambda file, target: file.readinto(buffer := bytearray(max(target, 0))) and buffer,
}


def _done(file: Any, act: str, target: int) -> object:
    """Do something with a file, and return what came of it."""
    try:
        return ACTS[act](file, target)
    except (OSError, ValueError):  # as other files have it, and as BytesIO has it
        return "refused"


class TestMemory:
    def test_is_given_back_to_the_page(self, memory: deque[None]) -> None:
        free = len(memory)
        made = written(noise(SMALL + 2 * PAGE), noise(SMALL + 1), noise(SMALL), b"")
        assert free - len(memory) == 2 + 1
        with made[0].open() as file:
            del made[0]
            assert free - len(memory) == 1
            assert file.read() == noise(SMALL + 2 * PAGE)
        made.clear()
        assert len(memory) == free

    def test_is_given_back_at_once_by_what_goes_to_a_file(self, memory: deque[None]) -> None:
        free = len(memory)
        made = written(noise(SMALL + free * PAGE + 1), LARGE)
        assert [is_filed(each) for each in made] == [True, False]
        assert free - len(memory) == -(-(len(LARGE) - SMALL) // PAGE)

    def test_is_one_for_all_responses(self, memory: deque[None]) -> None:
        free = len(memory)
        held = written(*[noise(SMALL + PAGE)] * free)
        assert not any(is_filed(each) for each in held)
        (late,) = written(noise(SMALL + PAGE, "late"))
        assert is_filed(late)
        held.pop()
        (later,) = written(noise(SMALL + PAGE, "later"))
        assert not is_filed(later)
        assert [each.read() for each in (late, later)] == [noise(SMALL + PAGE, name) for name in ("late", "later")]

    def test_is_always_there_for_what_is_small(self, memory: deque[None]) -> None:
        memory.clear()
        assert not any(is_filed(each) for each in written(*[noise(SMALL)] * 100))

    def test_of_what_came_whole_is_not_counted(self, memory: deque[None]) -> None:
        free = len(memory)
        held = Content(noise(free * PAGE))
        assert len(memory) == free
        assert not is_filed(held)

    def test_is_a_few_megabytes(self) -> None:
        assert 4 << 20 <= _spool._MEMORY <= 8 << 20

    def test_is_counted_right_by_threads(self, memory: deque[None]) -> None:
        free = len(memory)

        def work(number: int) -> None:
            dice = random.Random(number)  # noqa: S311  no secrets
            held = deque[tuple[Content, bytes]](maxlen=3)
            for round_ in range(60):
                content = noise(dice.randrange(1, SMALL + 40 * PAGE), (number, round_))
                held.append((written(content)[0], content))
                for made, expected in held:
                    assert made.read() == expected

        together(work)
        assert len(memory) == free


LIST_OPEN = """
import os

links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
print([target for target in (os.readlink(link) for link in links if os.path.lexists(link)) if "deleted" in target])
"""


class TestFile:
    @needs_linux
    def test_is_one_a_response_and_goes_with_its_last_image(self, temp: Path) -> None:
        made = filed(LARGE, OTHER, LARGE)
        assert len(open_files(temp)) == 1
        assert [each.read() for each in made] == [LARGE, OTHER, LARGE]
        del made[:2]
        assert len(open_files(temp)) == 1
        file = made[0].open()
        made.clear()
        with file:
            assert file.read() == LARGE
        assert len(open_files(temp)) == 1
        del file
        assert open_files(temp) == []

    @needs_linux
    @pytest.mark.usefixtures("no_memory")
    def test_goes_while_its_response_lasts_if_nobody_holds_its_images(self, temp: Path) -> None:
        store = Spool()
        for content in (LARGE, OTHER, LARGE):
            made = store.new()
            made.write(content)
            made.close()
            assert (is_filed(made), made.read(), len(open_files(temp))) == (True, content, 1)
            del made
            assert open_files(temp) == []

    @needs_linux
    @pytest.mark.usefixtures("no_memory")
    def test_goes_with_an_image_that_never_came_whole(self, temp: Path) -> None:
        unfinished = Spool().new()
        unfinished.write(LARGE)
        assert len(open_files(temp)) == 1
        del unfinished
        assert open_files(temp) == []

    @needs_linux
    @pytest.mark.usefixtures("no_memory")
    def test_is_one_of_a_few_however_many_results_are_held(self, temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_spool, "_MOST_FILES", 8)
        sizes = range(SMALL + 1, SMALL + 21)
        held = [written(noise(size))[0] for size in sizes]
        assert len(open_files(temp)) == 8
        assert [is_filed(each) for each in held] == [True] * 8 + [False] * 12
        assert all(each.read() == noise(size) for each, size in zip(held, sizes, strict=True))
        held.clear()
        assert open_files(temp) == []
        assert is_filed(written(LARGE)[0])

    @needs_posix
    @pytest.mark.usefixtures("no_memory")
    def test_mixes_up_no_images_that_are_written_in_turns(self) -> None:
        store = Spool()
        made = [store.new() for _ in range(3)]
        wanted = [noise(5 * SMALL + 1, number) for number in range(3)]
        for start in range(0, 5 * SMALL + 1, 50_000):
            for each, content in zip(made, wanted, strict=True):
                each.write(content[start : start + 50_000])
        for each in made:
            each.close()
        assert [each.read() for each in made] == wanted
        late = store.new()
        late.write(LARGE)
        late.close()
        assert (is_filed(late), late.read()) == (True, LARGE)
        assert [each.read() for each in made] == wanted

    def test_has_no_name(self, temp: Path) -> None:
        (made,) = filed(LARGE)
        assert list(temp.iterdir()) == []
        assert made.read() == LARGE

    @needs_posix
    def test_is_nobody_elses(self) -> None:
        (made,) = filed(LARGE)
        assert made._file is not None
        status = os.fstat(made._file._descriptor)
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (stat.S_IRUSR | stat.S_IWUSR, os.geteuid())
        assert not os.get_inheritable(made._file._descriptor)

    @needs_linux
    def test_is_not_open_in_other_programs(self, temp: Path) -> None:
        made = filed(LARGE)
        command = [sys.executable, "-c", LIST_OPEN]
        found = subprocess.run(command, close_fds=False, capture_output=True, text=True, check=True)  # noqa: S603  ours
        assert found.stdout == "[]\n"
        assert len(open_files(temp)) == len(made)

    @needs_posix  # on Windows nobody can delete an open file
    def test_loses_nothing_when_its_folder_is_emptied_or_goes(self, temp: Path) -> None:
        _spool._FREE_PAGES.clear()
        store = Spool()
        made = store.new()
        made.write(LARGE)
        shutil.rmtree(temp)
        made.write(OTHER)
        made.close()
        second = store.new()
        second.write(OTHER)
        assert (is_filed(made), made.read(), is_filed(second), second.read()) == (True, LARGE + OTHER, True, OTHER)
        (late,) = written(LARGE)
        assert (is_filed(late), late.read()) == (False, LARGE)
        temp.mkdir()
        (later,) = written(LARGE)
        assert (is_filed(later), later.read()) == (True, LARGE)

    @pytest.mark.usefixtures("_positions")
    def test_is_read_by_many_threads_at_once(self, tmp_path: Path) -> None:
        contents = [noise(3 * SMALL + number, number) for number in range(4)]
        made = filed(*contents)

        def work(number: int) -> None:
            dice = random.Random(number)  # noqa: S311  no secrets
            for round_ in range(40):
                index = dice.randrange(4)
                offset = dice.randrange(len(contents[index]))
                with made[index].open() as file:
                    file.seek(offset)
                    assert file.read(70_000) == contents[index][offset : offset + 70_000]
                target = tmp_path / f"{number}-{round_}"
                made[index].copy_to(target)
                assert target.read_bytes() == made[index].read() == contents[index]

        together(work)

    @pytest.mark.usefixtures("_positions")
    def test_is_read_while_the_next_image_is_written(self) -> None:
        _spool._FREE_PAGES.clear()
        store = Spool()
        first = store.new()
        first.write(LARGE)
        first.close()

        def work(number: int) -> None:
            if number:
                assert all(first.read() == LARGE for _ in range(100))
                return
            for _ in range(20):
                content = store.new()
                for start in range(0, len(OTHER), 10_000):
                    content.write(OTHER[start : start + 10_000])
                content.close()
                assert content.read() == OTHER

        together(work)


# Several processes read a picture of 1 MB at once, at places of their own; the parent, too.
FORKS = """
import os, random, sys
from images_api._images import spool

spool._FREE_PAGES.clear()
store, whole = spool.Spool(), random.Random(0).randbytes(1 << 20)
images = [store.new(), store.new()]
for image in images:
    image.write(whole)
    image.close()
    assert image._file

def read(seed):
    dice = random.Random(seed)
    with images[1].open() as file:
        for _ in range(300):
            offset = dice.randrange(len(whole))
            file.seek(offset)
            assert file.read(9000) == whole[offset : offset + 9000]
    assert images[0].read() == whole

children = []
for seed in range(4):
    child = os.fork()
    if not child:
        try:
            read(seed)
            del images[:]  # which the others have still
        except BaseException:
            os._exit(1)
        os._exit(0)
    children.append(child)
read(9)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], all(each.read() == whole for each in images))
"""


@needs_posix
def test_forks_read_at_once(temp: Path) -> None:
    assert printed(FORKS, temp) == "[0, 0, 0, 0] True\n"


# A parent and its child go on making images, while each holds those that were made before.
FORKS_THAT_WRITE = """
import os, random
from images_api._images import spool

spool._FREE_PAGES.clear()

def make(number):
    content = random.Random(number).randbytes(200_000)
    image = spool.Spool().new()
    image.write(content)
    image.close()
    assert image._file
    return image, content

held = [make(number) for number in range(3)]
child = os.fork()
held += [make(number) for number in (range(10, 20) if child else range(20, 40))]
right = all(image.read() == content for image, content in held)
if not child:
    os._exit(0 if right else 1)
print(os.waitpid(child, 0)[1], right, all(image.read() == content for image, content in held))
"""


@needs_posix
def test_forks_write_to_files_of_their_own(temp: Path) -> None:
    assert printed(FORKS_THAT_WRITE, temp) == "0 True True\n"


NO_SPACE = """
import os, resource, sys
from images_api._images import spool

spool._FREE_PAGES.clear()
whole = bytes(range(256)) * 4096
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
image = spool.Spool().new()
for start in range(0, len(whole), 50_000):
    image.write(whole[start:start + 50_000])
    assert image.read() == whole[:start + 50_000]
image.close()
print(image._file is not None, image.size, image.read() == whole)
"""
NO_DESCRIPTOR = """
import os, resource
from images_api._images import spool

spool._FREE_PAGES.clear()

def written():
    image = spool.Spool().new()
    image.write(bytes(1 << 20))
    image.close()
    return image._file is not None, image.read() == bytes(1 << 20)

free = os.dup(0)
os.close(free)
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
first = written()
resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
second = written()
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(first, second, written())
"""
# None is left when the first response's headers have come: other calls have taken them.
NO_DESCRIPTOR_IN_A_RESPONSE = """
import os, resource, sys
import httpx
from images_api import ImagesClient
from images_api._images import spool

spool._FREE_PAGES.clear()

def take_all(response):
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

with httpx.Client(event_hooks={"response": [take_all]}) as connections:
    client = ImagesClient(base_url=sys.argv[1], http_client=connections)
    if sys.argv[2] == "stream":
        with client.stream_generate("an otter") as stream:
            print(*(len(event.image.read()) for event in stream))
    else:
        print(len(client.generate("an otter")[0].read()))
"""
NO_DESCRIPTOR_IN_A_LOOP = """
import asyncio, os, resource, sys
import httpx
from images_api import AsyncImagesClient

async def take_all(response):
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

async def main():
    async with httpx.AsyncClient(event_hooks={"response": [take_all]}) as connections:
        client = AsyncImagesClient(base_url=sys.argv[1], http_client=connections)
        print(len((await client.generate("an otter"))[0].read()))

asyncio.run(main())
"""
# On a disk of 1 MB: a picture fits, the next doesn't and gives back what it had taken, so that a third fits again.
FULL_DISK = """
import os, random
from images_api._images import spool

spool._FREE_PAGES.clear()
store, images, contents = spool.Spool(), [], [random.Random(size).randbytes(size) for size in (500_000, 700_000, 400_000)]
for content in contents:
    image = store.new()
    for start in range(0, len(content), 50_000):
        image.write(content[start:start + 50_000])
    image.close()
    images.append(image)
print([image._file is not None for image in images], [image.read() == content for image, content in zip(images, contents)])
"""


@needs_posix
class TestShortage:
    @pytest.mark.parametrize("limit", [0, 1, SMALL, 300_001, 1_000_000])
    def test_of_space_loses_nothing(self, limit: int, temp: Path) -> None:
        assert printed(NO_SPACE, temp, limit) == "False 1048576 True\n"

    @needs_linux
    def test_of_a_full_disk_loses_nothing(self, tmp_path: Path) -> None:
        def run(*command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([*own, *command], env=environment, check=False, capture_output=True, text=True)  # noqa: S603  ours

        mount = 'mount -t tmpfs -o size=1m tmpfs "$TMPDIR" && exec "$@"'
        own = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        if not shutil.which("unshare") or run("true").returncode:
            pytest.skip("no disk of our own can be mounted here")
        done = run(sys.executable, "-B", "-W", "error", "-c", FULL_DISK)
        assert (done.stdout, done.stderr) == ("[True, False, True] [True, True, True]\n", "")

    def test_of_descriptors_loses_nothing(self, temp: Path) -> None:
        assert printed(NO_DESCRIPTOR, temp) == "(True, True) (False, True) (True, True)\n"

    @pytest.mark.parametrize("content", [drawn(), LARGE, b"<svg>" + b" " * SMALL + b"</svg>"], ids=["small", "large", "svg"])
    @pytest.mark.parametrize("way", ["call", "stream"])
    def test_of_descriptors_in_the_middle_of_a_first_response_loses_nothing(self, content: bytes, way: str, temp: Path) -> None:
        with RawServer(reply(pictures(content))) as server:
            assert printed(NO_DESCRIPTOR_IN_A_RESPONSE, temp, server.base_url, way) == f"{len(content)}\n"

    def test_of_descriptors_in_an_event_loop_loses_nothing(self, temp: Path) -> None:
        with RawServer(reply(pictures(LARGE))) as server:
            assert printed(NO_DESCRIPTOR_IN_A_LOOP, temp, server.base_url) == f"{len(LARGE)}\n"


# What a process may hold when it ends: images that are finished, one that isn't, one in a circle, one saved.
HOLDING = """
import os, signal, sys
from pathlib import Path
from images_api._images import spool

spool._FREE_PAGES.clear()

def written():
    image = spool.Spool().new()
    image.write(bytes(1 << 20))
    assert image._file
    return image

done, open_, circle = written(), written(), [written()]
done.close()
circle[0].itself = circle
circle[0].close()
done.copy_to(Path(sys.argv[1]))
reader = done.open()
del circle
"""
GOOD_ENDS = {
    "at its end": "",
    "by an exception": "raise SystemExit(3)",
    "by sys.exit": "sys.exit(3)",
    "in a thread": "import threading; threading.Thread(target=lambda: globals().update(more=written())).start()",
    "with a collected circle": "import gc; gc.collect()",
    "by os._exit": "os._exit(3)",
    "by another program": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "by SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "by SIGHUP": "os.kill(os.getpid(), signal.SIGHUP)",
    "by SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "after a fork that ended": "pid = os.fork()\nif not pid: sys.exit()\nos.waitpid(pid, 0); assert len(done.read()) == 1 << 20",
    "after a fork that made its own": (
        "pid = os.fork()\nif not pid: more = written(); sys.exit()\nos.waitpid(pid, 0); assert len(done.read()) == 1 << 20"
    ),
    "after a fork that dropped all": (
        "pid = os.fork()\n"
        "if not pid: del done, open_, reader; os._exit(0)\n"
        "os.waitpid(pid, 0); assert len(done.read()) == len(reader.read()) == 1 << 20"
    ),
    "in the background": "if os.fork(): os._exit(0)\nos.setsid(); more = written(); assert len(done.read()) == 1 << 20",
    "after a worker": (
        "import multiprocessing\n"
        "def work(): global more; more = written()\n"
        "worker = multiprocessing.get_context('fork').Process(target=work)\n"
        "worker.start(); worker.join(); assert len(done.read()) == 1 << 20"
    ),
}
LOUD_ENDS = {
    "by an error": ("1 / 0", "ZeroDivisionError: division by zero\n"),
    "by an interrupt": (
        "signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), signal.SIGINT)",
        "KeyboardInterrupt\n",
    ),
    "by abort": ("import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()", ""),
}
# What is started in the background may have to pass over interrupts.
RECEIVING = """
import asyncio, signal, sys
from images_api import AsyncImagesClient, ImagesClient
from images_api._images import spool

spool._FREE_PAGES.clear()
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
CALLS = {
    "sync": "ImagesClient(base_url=sys.argv[1]).generate('an otter')",
    "async": "asyncio.run(AsyncImagesClient(base_url=sys.argv[1]).generate('an otter'))",
    "stream": "with ImagesClient(base_url=sys.argv[1]).stream_generate('an otter') as stream: print(list(stream))",
}
HALF = pictures(LARGE, OTHER)[: -2 * SMALL]


@needs_posix
class TestEnd:
    @pytest.mark.parametrize("how", GOOD_ENDS)
    def test_of_a_process_leaves_nothing_but_what_it_saved(self, how: str, tmp_path: Path, temp: Path) -> None:
        process = child(HOLDING + GOOD_ENDS[how], temp, tmp_path / "saved", python=("-X", "dev"))
        _, errors = process.communicate(timeout=120)
        assert errors == ""
        assert list(temp.iterdir()) == []
        assert (tmp_path / "saved").read_bytes() == bytes(1 << 20)

    @pytest.mark.parametrize("how", LOUD_ENDS)
    def test_in_noise_leaves_nothing_either(self, how: str, tmp_path: Path, temp: Path) -> None:
        code, says = LOUD_ENDS[how]
        _, errors = child(HOLDING + code, temp, tmp_path / "saved").communicate(timeout=120)
        assert errors.endswith(says)
        assert list(temp.iterdir()) == []
        assert (tmp_path / "saved").read_bytes() == bytes(1 << 20)

    @needs_linux
    @pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "SIGKILL"])
    @pytest.mark.parametrize("call", CALLS)
    def test_in_the_middle_of_a_response_leaves_nothing(self, call: str, end: str, temp: Path) -> None:
        event = b'data: {"b64_json":"' + base64.b64encode(LARGE)
        began = [head(), chunk(event)] if call == "stream" else [head("application/json"), chunk(HALF)]
        with RawServer([*began, Do.STALL]) as server:
            process = child(RECEIVING + CALLS[call], temp, server.base_url)
            wait_until(lambda: len(open_files(temp, process.pid)) == 1, unless=lambda: process.poll() is not None)
            assert list(temp.iterdir()) == []
            process.send_signal(signal.Signals[end])
            _, errors = process.communicate(timeout=120)
        assert errors.endswith("KeyboardInterrupt\n" if end == "SIGINT" else "")
        assert list(temp.iterdir()) == []

    @needs_linux
    @pytest.mark.usefixtures("no_memory")
    def test_of_waiting_leaves_nothing(self, temp: Path) -> None:
        async def give_up(base_url: str) -> None:
            async with AsyncImagesClient(base_url=base_url) as client:
                call = asyncio.create_task(client.generate("an otter"))
                await asyncio.to_thread(wait_until, lambda: len(open_files(temp)) == 1)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call

        with RawServer([head("application/json"), chunk(HALF), Do.STALL]) as server:
            asyncio.run(give_up(server.base_url))
        gc.collect()
        assert open_files(temp) == []


SAVING = """
import sys
from pathlib import Path
from images_api import GeneratedImage
from images_api._images import spool

spool._FREE_PAGES.clear()
images = []
for source in sys.argv[1:3]:
    content = spool.Spool().new()
    content.write(Path(source).read_bytes())
    content.close()
    assert content._file
    images.append(GeneratedImage(content))
images[0].save(sys.argv[3])
print("ready", flush=True)
while True:
    for image in images:
        image.save(sys.argv[3])
"""
NO_SPACE_TO_SAVE = """
import errno, resource, sys
from pathlib import Path
from images_api import GeneratedImage
from images_api._images import spool

if sys.argv[3] == "file":
    spool._FREE_PAGES.clear()
content = spool.Spool().new()
content.write(Path(sys.argv[1]).read_bytes())
content.close()
assert (content._file is not None) == (sys.argv[3] == "file")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2)
try:
    GeneratedImage(content).save(sys.argv[2])
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def edited_in_place(path: Path) -> None:
    """Edit a file as `rsync --inplace --times` does: its name, size and times stay."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"edited" * 100)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(params=["memory", "file"])
def large(request: pytest.FixtureRequest) -> GeneratedImage:
    """An image that waits in memory, and one that waits in a file behind another."""
    if request.param == "file":
        return GeneratedImage(filed(OTHER, LARGE)[1])
    (content,) = written(LARGE)
    assert not is_filed(content)
    return GeneratedImage(content)


class TestSaving:
    @pytest.mark.parametrize(
        "change",
        [
            edited_in_place,
            lambda path: path.write_bytes(b"other"),
            lambda path: path.write_bytes(b""),
            lambda path: path.open("ab").close() or path.write_bytes(path.read_bytes() + b"more"),
            Path.unlink,
            lambda path: path.rename(path.with_name("elsewhere.png")),
            lambda path: GeneratedImage(OTHER).save(path),
            lambda path: Image.new("RGB", (9, 9)).save(path),
            pytest.param(lambda path: path.chmod(0), marks=needs_posix),
        ],
        ids=["edited", "written", "emptied", "longer", "deleted", "moved", "replaced", "drawn", "closed"],
    )
    def test_does_not_tie_the_image_to_its_file(
        self, change: Callable[[Path], object], large: GeneratedImage, tmp_path: Path
    ) -> None:
        first, second = large.save(tmp_path / "first.png"), large.save(tmp_path / "second.png")
        change(first)
        assert large.read() == second.read_bytes() == LARGE
        assert large.save(tmp_path / "third.png").read_bytes() == LARGE
        assert large.save(tmp_path / "first.png").read_bytes() == LARGE
        assert {path.stat().st_nlink for path in tmp_path.glob("*.png")} == {1}

    def test_outlasts_the_image(self, large: GeneratedImage, tmp_path: Path) -> None:
        saved = large.save(tmp_path / "otter.png")
        del large
        gc.collect()
        assert saved.read_bytes() == LARGE

    def test_copies_to_another_file_system(self, elsewhere: Path, tmp_path: Path) -> None:
        (content,) = filed(LARGE)
        assert GeneratedImage(content).save(tmp_path / "otter.png").read_bytes() == LARGE
        assert list(elsewhere.iterdir()) == []

    def test_into_a_file_that_is_there_is_refused(self, large: GeneratedImage, tmp_path: Path) -> None:
        (tmp_path / "otter.png").write_bytes(b"old")
        assert large._content
        with pytest.raises(FileExistsError):
            large._content.copy_to(tmp_path / "otter.png")
        assert (tmp_path / "otter.png").read_bytes() == b"old"

    @needs_posix
    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
    def test_gives_files_the_permissions_of_the_time(self, umask: int, large: GeneratedImage, tmp_path: Path) -> None:
        before = os.umask(umask)
        try:
            saved = large.save(tmp_path / "otter.png")
        finally:
            os.umask(before)
        assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~umask

    @needs_posix
    def test_gives_files_the_group_of_a_folder_that_asks_for_it(self, large: GeneratedImage, tmp_path: Path) -> None:
        folder = tmp_path / "shared"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, -1, 12345)
        folder.chmod(folder.stat().st_mode | stat.S_ISGID)
        assert large.save(folder / "otter.png").stat().st_gid == folder.stat().st_gid

    @needs_linux
    def test_gives_files_the_access_list_of_their_folder(self, large: GeneratedImage, tmp_path: Path) -> None:
        nobody, anybody = 65534, 0xFFFFFFFF
        entries = [(1, 7, anybody), (2, 6, nobody), (4, 5, anybody), (16, 7, anybody), (32, 5, anybody)]
        wanted = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        try:
            os.setxattr(tmp_path, "system.posix_acl_default", wanted)
        except OSError:
            pytest.skip("this file system has no access lists")
        (tmp_path / "any").touch()
        lists = [os.getxattr(path, "system.posix_acl_access") for path in (tmp_path / "any", large.save(tmp_path / "otter.png"))]
        assert lists[0] == lists[1]
        assert struct.pack("<HHI", 2, 6, nobody) in lists[0]

    def test_twice_under_one_name_leaves_one_file(self, large: GeneratedImage, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        for _ in range(3):
            assert large.save(folder / "otter.png").read_bytes() == LARGE
            assert list(folder.iterdir()) == [folder / "otter.png"]

    def test_does_not_overwrite_when_that_is_minded(self, large: GeneratedImage, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        large.save(folder / "otter.png", overwrite=False)
        for each in (large, GeneratedImage(OTHER)):
            with pytest.raises(FileExistsError):
                each.save(folder / "otter.png", overwrite=False)
        assert list(folder.iterdir()) == [folder / "otter.png"]
        assert (folder / "otter.png").read_bytes() == LARGE

    @needs_posix
    @pytest.mark.parametrize("where", ["temp", "elsewhere"])
    def test_that_is_killed_leaves_the_old_file_or_the_new_one(
        self, where: str, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        contents = [padded(drawn(side, side), 4 << 20) for side in (8, 9)]
        sources = [tmp_path / "8", tmp_path / "9"]
        for source, content in zip(sources, contents, strict=True):
            source.write_bytes(content)
        target = tmp_path / "otter.png"
        for number in range(4):
            process = child(SAVING, request.getfixturevalue(where), *sources, target)
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.0137 * number)  # to meet it at different work; any will do
            process.kill()
            process.communicate()
            assert target.read_bytes() in contents

    @needs_posix
    @pytest.mark.parametrize("where", ["memory", "file"])
    def test_on_a_full_disk_leaves_nothing(self, where: str, elsewhere: Path, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        (tmp_path / "source").write_bytes(LARGE)
        assert printed(NO_SPACE_TO_SAVE, elsewhere, tmp_path / "source", folder / "otter.png", where) == "EFBIG\n"
        assert list(folder.iterdir()) == list(elsewhere.iterdir()) == []


# What a process opens of the folder for temporary files while it makes and saves a picture.
TEMPORARY_FILES = """
import os, sys
from images_api import ImagesClient

seen = []

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(os.environ["TMPDIR"]) or event.startswith("tempfile."):
        seen.append((event, *arguments))

sys.addaudithook(watch)
with ImagesClient(base_url=sys.argv[1]) as client:
    saved = client.generate("an otter").save(sys.argv[2])
print(saved[0].stat().st_size, seen)
"""


def test_an_image_of_two_megabytes_is_made_and_saved_without_a_temporary_file(temp: Path, tmp_path: Path) -> None:
    with RawServer(reply(pictures(padded(drawn(), 2_000_000)))) as server:
        assert printed(TEMPORARY_FILES, temp, server.base_url, tmp_path / "otter.png") == "2000000 []\n"


def generate(client: Any) -> Any:
    return client.generate("an otter", n=2)


def contents(result: ImagesResult) -> list[bytes]:
    return [image.read() for image in result]


def are_in_files(images: Sequence[GeneratedImage]) -> bool:
    return all(image._content and is_filed(image._content) for image in images)


BODY = pictures(LARGE, OTHER)
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "": bytes,
}


@pytest.mark.usefixtures("no_memory")
class TestResponses:
    @both_ways
    @pytest.mark.parametrize("coding", CODINGS)
    def test_in_any_coding_give_their_pictures(self, run: Callable[..., ImagesResult], coding: str) -> None:
        act = answered(CODINGS[coding](BODY), headers=JSON | {"Content-Encoding": coding}, chunked=True)
        with FaultyServer(act) as server:
            result = run(generate, base_url=server.base_url)
        assert are_in_files(result)
        assert contents(result) == [LARGE, OTHER]

    @both_ways
    @pytest.mark.parametrize("coding", ["deflate, gzip", "br"])
    def test_in_codings_that_nobody_asked_for_stay_on_the_error(self, run: Callable[..., ImagesResult], coding: str) -> None:
        body = gzip.compress(zlib.compress(BODY))
        with (
            FaultyServer(answered(body, headers=JSON | {"Content-Encoding": coding})) as server,
            pytest.raises(ResponseError, match="isn't JSON") as caught,
        ):
            run(generate, base_url=server.base_url)
        assert caught.value.body == body

    @both_ways
    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
    def test_in_no_coding_though_they_say_so_give_their_pictures(self, run: Callable[..., ImagesResult], coding: str) -> None:
        with FaultyServer(answered(BODY, headers=JSON | {"Content-Encoding": coding})) as server:
            assert contents(run(generate, base_url=server.base_url)) == [LARGE, OTHER]

    @both_ways
    def test_in_tiny_chunks_give_their_pictures(self, run: Callable[..., ImagesResult]) -> None:
        chunks = b"".join(chunk(BODY[start : start + 61]) for start in range(0, len(BODY), 61))
        with RawServer([head("application/json"), chunks, END]) as server:
            assert contents(run(generate, base_url=server.base_url)) == [LARGE, OTHER]

    @both_ways
    @pytest.mark.parametrize("chunked", [True, False])
    @pytest.mark.parametrize("missing", [1, SMALL])
    def test_cut_short_are_on_the_error_as_far_as_they_came(
        self, run: Callable[..., ImagesResult], missing: int, *, chunked: bool
    ) -> None:
        with (
            FaultyServer(answered(BODY, missing=missing, chunked=chunked)) as server,
            pytest.raises(APIConnectionError) as caught,
        ):
            run(generate, base_url=server.base_url)
        assert caught.value.body == BODY[:-missing]

    @both_ways
    @pytest.mark.parametrize(
        "tail",
        [b"x", b"}", b',{"b64_json":"' + base64.b64encode(LARGE[:-9]) + b'"}', b"\xff", b"]"],
        ids=["a letter", "a bracket", "a cut image", "no UTF-8", "the end of a list"],
    )
    def test_that_are_no_json_keep_the_pictures_that_came_whole(self, run: Callable[..., ImagesResult], tail: bytes) -> None:
        body = BODY[:-2] + tail
        with FaultyServer(answered(body)) as server, pytest.raises(ResponseError) as caught:
            run(generate, base_url=server.base_url)
        assert caught.value.body == body
        assert [image.read() for image in caught.value.images] == [LARGE, OTHER]

    @both_ways
    def test_with_a_broken_picture_keep_the_good_ones(self, run: Callable[..., ImagesResult]) -> None:
        body = pictures(LARGE, OTHER[:-20], base64.b64encode(LARGE).decode() + "!", OTHER)
        with FaultyServer(answered(body)) as server, pytest.raises(ResponseError) as caught:
            run(generate, base_url=server.base_url)
        assert "image 2 of 4 is cut short" in str(caught.value)
        assert "image 3 of 4 isn't base64" in str(caught.value)
        assert caught.value.body == body
        assert [(image.index, image.read()) for image in caught.value.images] == [(0, LARGE), (3, OTHER)]

    @both_ways
    def test_that_are_an_image_alone_wait_in_a_file(self, run: Callable[..., ImagesResult]) -> None:
        with FaultyServer(answered(LARGE, headers={"Content-Type": "image/png"})) as server:
            result = run(generate, base_url=server.base_url)
        assert are_in_files(result)
        assert contents(result) == [LARGE]

    def test_to_a_hundred_calls_at_once_are_each_its_own(self) -> None:
        large = [padded(drawn(8, 1 + number), SMALL + number + 200) for number in range(100)]

        async def call(client: AsyncImagesClient) -> bytes:
            return await (await client.generate("an otter"))[0].aread()

        async def work(base_url: str) -> list[bytes]:
            async with AsyncImagesClient(base_url=base_url) as client:
                return await asyncio.gather(*(call(client) for _ in large))

        with RawServer(*(reply(pictures(each)) for each in large)) as server:
            assert sorted(asyncio.run(work(server.base_url))) == sorted(large)

    @both_ways
    @needs_linux
    @pytest.mark.usefixtures("no_collection")
    def test_that_nobody_holds_are_gone_at_once(self, run: Callable[..., ImagesResult], temp: Path) -> None:
        for _ in range(3):
            with FaultyServer(answered(BODY)) as server:
                assert contents(run(generate, base_url=server.base_url)) == [LARGE, OTHER]
            assert open_files(temp) == []

    @both_ways
    def test_with_links_are_fetched_into_files(
        self, run: Callable[..., ImagesResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.001)

        def fetched(client: Any) -> Any:
            if isinstance(client, AsyncImagesClient):
                return _afetched(client, tmp_path / "otter.png")
            result: ImagesResult = client.generate("an otter", n=2)
            return result, result.save(tmp_path / "otter.png")

        with FileServer() as server:
            cut = Reply(OTHER[: 2 * SMALL], headers={"Content-Length": str(len(OTHER))})
            moved = Reply(OTHER, 302, {"Location": "/second"})
            url = server.answer("/first", cut, moved)
            server.answer("/second", Reply(status=503, body=OTHER), Reply(LARGE, headers={"Content-Type": "image/png"}))
            coded = server.answer("/coded", Reply(gzip.compress(OTHER), headers={"Content-Encoding": "gzip"}))
            server.answer_calls({"url": url}, {"url": coded})
            result, saved = cast("tuple[ImagesResult, list[Path]]", run(fetched, base_url=f"{server.url}/v1"))
        assert [path.read_bytes() for path in saved] == [LARGE, OTHER]
        assert are_in_files(result)
        assert contents(result) == [LARGE, OTHER]


async def _afetched(client: AsyncImagesClient, target: Path) -> tuple[ImagesResult, list[Path]]:
    result = await client.generate("an otter", n=2)
    return result, await result.asave(target)


def grained(kind: str, mode: str, **settings: Any) -> bytes:
    """Return an image that can't be made small."""
    side = 600
    pixels = noise(side * side * len(mode), kind)
    file = BytesIO()
    Image.frombytes(mode, (side, side), pixels).save(file, kind, **settings)
    return file.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg">' + b'<path d="M0 0h9"/>' * 10_000 + b"</svg>"
FORMATS = {
    "png": grained("PNG", "RGBA"),
    "jpeg": grained("JPEG", "RGB", quality=95),
    "webp": grained("WEBP", "RGB", lossless=True),
    "gif": grained("GIF", "L"),
    "svg": SVG,
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.usefixtures("no_memory")
class TestFormats:
    def test_are_told_and_shown_from_a_file(self, kind: str, tmp_path: Path) -> None:
        content = FORMATS[kind]
        with FaultyServer(answered(pictures(content))) as server, ImagesClient(base_url=server.base_url) as client:
            (image,) = result = client.generate("an otter")
        assert image._content
        assert is_filed(image._content)
        sides = (None, None) if kind == "svg" else (600, 600)
        assert (image.format, image.width, image.height) == (kind, *sides)
        assert base64.b64decode(image.b64_json) == content
        shown = content.decode() if kind == "svg" else content
        bundle = image._repr_mimebundle_()
        assert base64.b64encode(content).decode() in bundle.pop("text/html", image.b64_json)
        assert bundle == {"text/plain": repr(image)} | ({} if kind in {"webp", "gif"} else {image.media_type: shown})
        assert f"{kind}{'' if kind == 'svg' else ' 600x600'} {len(content)} bytes" in repr(image)
        assert (image._repr_png_(), image._repr_jpeg_(), image._repr_svg_()) == tuple(
            shown if kind == each else None for each in ("png", "jpeg", "svg")
        )
        assert base64.b64encode(content).decode() in result._repr_html_()
        assert image.save(tmp_path / "otter").read_bytes() == content
        if kind != "svg":
            with Image.open(BytesIO(content)) as expected:
                assert image.to_pil().tobytes() == expected.tobytes()

    def test_cut_short_are_refused_from_a_file(self, kind: str) -> None:
        content = FORMATS[kind]
        last = len(content) - (kind == "gif")  # which is whole without its last byte
        for cut in (*range(SMALL + 1, last, 40_009), *range(last - 8, last)):
            with (
                FaultyServer(answered(pictures(LARGE, content[:cut]))) as server,
                ImagesClient(base_url=server.base_url) as client,
            ):
                with pytest.raises(ResponseError, match="image 2 of 2 is cut short after") as caught:
                    client.generate("an otter", n=2)
                assert [image.read() for image in caught.value.images] == [LARGE]


@needs_posix
class TestInThisProcess:
    """What only other processes see, once more where the coverage is measured."""

    def test_a_full_disk_loses_nothing(self) -> None:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        _spool._FREE_PAGES.clear()
        store = Spool()
        first, second = store.new(), store.new()
        for each in (first, second):
            each.write(LARGE)
            assert is_filed(each)
            if each is first:
                each.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * len(LARGE) + 1000, limits[1]))
        try:
            second.write(LARGE)
            third = store.new()
            third.write(LARGE + LARGE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [is_filed(each) for each in (first, second, third)] == [True, False, False]
        second.write(OTHER)
        assert [each.read() for each in (first, second, third)] == [LARGE, LARGE + LARGE + OTHER, LARGE + LARGE]
        assert first._file is not None
        assert os.fstat(first._file._descriptor).st_size == len(LARGE)

    @pytest.mark.usefixtures("no_memory")
    def test_what_makes_files_may_be_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tempfile", None)
        (made,) = written(LARGE)
        assert (is_filed(made), made.read()) == (False, LARGE)
