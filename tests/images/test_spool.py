"""Pictures too large for memory: the temporary files that they wait in, from the first byte of a reply to the saved file."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import gzip
import multiprocessing.util
import os
import pickle
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from faulty_server import JSON, FaultyServer, answered, both_ways, pictures
from file_server import FileServer, Reply
from pictures import drawn, padded
from PIL import Image
from raw_server import END, Do, RawServer, chunk, head, reply

from images_api import APIConnectionError, AsyncImagesClient, GeneratedImage, ImagesClient, ResponseError, _spool
from images_api._images.spool import _MEMORY_LIMIT as LIMIT
from images_api._images.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from images_api import ImagesResult

LARGE = padded(drawn(), 3 * LIMIT)
OTHER = padded(drawn(32, 32), 4 * LIMIT + 1)
posix = pytest.mark.skipif(os.name != "posix", reason="limits, signals and permissions of this kind are POSIX's")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  another file system, where there is one


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files."""
    folder = tmp_path / "temp"
    folder.mkdir()
    _use(folder, monkeypatch)
    yield folder
    _spool._folder.cache_clear()


@pytest.fixture
def elsewhere(temp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files on another file system than the tests' own."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == temp.stat().st_dev:
        pytest.skip("there is no other file system")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        _use(Path(folder), monkeypatch)
        yield Path(folder)


def _use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    _spool._folder.cache_clear()


def listed(folder: Path) -> list[Path]:
    """All files in a folder and those within."""
    return [path for path in folder.rglob("*") if not path.is_dir()]


def spooled(content: bytes = LARGE) -> Spool:
    spool = Spool()
    spool.write(content)
    spool.close()
    return spool


def child(code: str, temp: Path, *arguments: object, python: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a Python process whose temporary files are elsewhere than ours."""
    command = [sys.executable, "-B", "-W", "error", *python, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "TMPDIR": str(temp)}
    return subprocess.Popen(  # noqa: S603  ours
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed(code: str, temp: Path, *arguments: object, python: tuple[str, ...] = ()) -> str:
    """Return what such a process prints, if it ends well and without a warning."""
    out, errors = child(code, temp, *arguments, python=python).communicate(timeout=30)
    assert errors == ""
    return out


class TestSpool:
    @pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 7])
    @pytest.mark.parametrize("step", [1000, LIMIT - 1, LIMIT, LIMIT + 1, 9 * LIMIT])
    def test_is_in_memory_up_to_a_limit_and_in_a_file_beyond(self, size: int, step: int, tmp_path: Path, temp: Path) -> None:
        content = random.Random(size).randbytes(size)  # noqa: S311  no secrets
        spool = Spool()
        for start in range(0, size, step):
            spool.write(content[start : start + step])
            assert spool.read() == content[: start + step]
        spool.close()
        assert spool.in_file is bool(listed(temp)) is (size > LIMIT)
        assert spool.size == size
        with spool.open() as file:
            file.seek(size // 2)
            assert (file.read(3), file.seek(0), file.read()) == (content[size // 2 :][:3], 0, content)
        spool.copy_to(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == spool.read() == content

    @pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda spool: pickle.loads(pickle.dumps(spool))])  # noqa: S301  ours
    @pytest.mark.parametrize("content", [b"", b"few", LARGE])
    def test_is_copied_with_its_bytes(self, made: Callable[[Spool], Spool], content: bytes) -> None:
        spool = spooled(content)
        again = made(spool)
        del spool
        gc.collect()
        assert (again.read(), again.size) == (content, len(content))

    def test_goes_with_its_last_reference(self, temp: Path) -> None:
        spools = [spooled() for _ in range(3)]
        unfinished = Spool()
        unfinished.write(LARGE)
        assert len(listed(temp)) == 4
        file = spools[0].open()
        del spools, unfinished
        gc.collect()
        assert listed(temp) == []
        with file:
            assert file.read() == LARGE

    @posix
    def test_is_nobody_elses(self, temp: Path) -> None:
        spool = spooled()
        (file,) = listed(temp)
        assert stat.S_IMODE(file.parent.stat().st_mode) == stat.S_IRWXU
        assert file.parent.stat().st_uid == os.getuid()
        assert spool.read() == LARGE

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed by Linux")
    def test_holds_no_file_open(self, tmp_path: Path) -> None:
        def count() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        before = count()
        spools = [spooled() for _ in range(50)]
        assert all(spool.read() == LARGE for spool in spools)
        assert count() == before
        spools[0].copy_to(tmp_path / "saved")
        (tmp_path / "saved").write_bytes(b"")
        with pytest.raises(OSError, match="changed"):  # which closes what it opened
            spools[0].open()
        assert count() == before

    def test_is_in_memory_where_there_is_no_folder_for_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _use(tmp_path / "nowhere", monkeypatch)
        spool = spooled()
        assert (spool.in_file, spool.read()) == (False, LARGE)
        spool.copy_to(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == LARGE

    def test_makes_its_folder_anew_when_it_was_cleaned_away(self, temp: Path) -> None:
        kept = spooled()
        shutil.rmtree(next(temp.iterdir()))
        with pytest.raises(FileNotFoundError):
            kept.read()
        spool = spooled(OTHER)
        assert (spool.in_file, spool.read()) == (True, OTHER)
        del kept
        assert spool.read() == OTHER

    @pytest.mark.parametrize("before", [LARGE, LARGE[:-1], b""], ids=["the same bytes", "fewer bytes", "none"])
    def test_that_was_changed_says_so(self, before: bytes, tmp_path: Path) -> None:
        spool = spooled()
        spool.copy_to(tmp_path / "saved")
        time.sleep(0.02)  # the clock of a file system ticks slowly
        (tmp_path / "saved").write_bytes(before)
        for read in (spool.read, spool.open, lambda: spool.copy_to(tmp_path / "again"), lambda: pickle.dumps(spool)):
            with pytest.raises(OSError, match="changed in the file that it had been saved as"):
                read()
        assert not (tmp_path / "again").exists()


NO_SPACE = """
import os, resource, sys
from images_api._images.spool import Spool

whole = bytes(range(256)) * 4096
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
spool = Spool()
for start in range(0, len(whole), 50_000):
    spool.write(whole[start:start + 50_000])
    assert spool.read() == whole[:start + 50_000]
spool.close()
left = [name for _, _, names in os.walk(os.environ["TMPDIR"]) for name in names]
print(spool.in_file, spool.size, spool.read() == whole, left)
"""
NO_DESCRIPTOR = """
import os, resource
from images_api._images.spool import Spool

def spooled():
    spool = Spool()
    spool.write(bytes(1 << 20))
    spool.close()
    return spool.in_file, spool.read() == bytes(1 << 20)

free = os.dup(0)
os.close(free)
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
first = spooled()
resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
second = spooled()
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(first, second, spooled())
"""
# None is left when the first reply's headers have come: other calls have taken them.
NO_DESCRIPTOR_IN_A_REPLY = """
import os, resource, sys
import httpx
from images_api import ImagesClient

def take_all(response):
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

with httpx.Client(event_hooks={"response": [take_all]}) as connections:
    print(len(ImagesClient(base_url=sys.argv[1], http_client=connections).generate("an otter")[0].read()))
"""


@posix
class TestShortage:
    @pytest.mark.parametrize("limit", [0, 1, LIMIT, 300_001, 1_000_000])
    def test_of_space_loses_nothing(self, limit: int, temp: Path) -> None:
        assert printed(NO_SPACE, temp, limit) == "False 1048576 True []\n"
        assert listed(temp) == []

    def test_of_descriptors_loses_nothing(self, temp: Path) -> None:
        assert printed(NO_DESCRIPTOR, temp) == "(True, True) (False, True) (True, True)\n"

    @pytest.mark.parametrize("content", [drawn(), LARGE], ids=["small", "large"])
    def test_of_descriptors_in_the_middle_of_a_first_reply_loses_nothing(self, content: bytes, temp: Path) -> None:
        with RawServer(reply(pictures(content))) as server:
            assert printed(NO_DESCRIPTOR_IN_A_REPLY, temp, server.base_url) == f"{len(content)}\n"


# What a process may hold when it ends: pictures that are finished, one that isn't, one in a circle, one saved.
HOLDING = """
import os, sys
from pathlib import Path
from images_api._images.spool import Spool

def spooled():
    spool = Spool()
    spool.write(bytes(1 << 20))
    return spool

done, open_, circle = spooled(), spooled(), [spooled()]
done.close()
circle[0].itself = circle
circle[0].close()
done.copy_to(Path(sys.argv[1]))
del circle
"""
ENDS = {
    "at its end": "",
    "by an exception": "raise SystemExit(3)",
    "by sys.exit": "sys.exit(3)",
    "in a thread": "import threading; threading.Thread(target=lambda: globals().update(more=spooled())).start()",
    "with a collected circle": "import gc; gc.collect()",
    "after a fork that ended": "pid = os.fork()\nif not pid: sys.exit()\nos.waitpid(pid, 0); assert len(done.read()) == 1 << 20",
    "after a fork that made its own": (
        "pid = os.fork()\nif not pid: more = spooled(); sys.exit()\nos.waitpid(pid, 0); assert len(done.read()) == 1 << 20"
    ),
    "after a fork that dropped all": (
        "pid = os.fork()\nif not pid: del done, open_; os._exit(0)\nos.waitpid(pid, 0); assert len(done.read()) == 1 << 20"
    ),
    "after a worker": (
        "import multiprocessing\n"
        "def work(): global more; more = spooled()\n"
        "worker = multiprocessing.get_context('fork').Process(target=work)\n"
        "worker.start(); worker.join(); assert len(done.read()) == 1 << 20"
    ),
}
# What is started in the background may have to pass over interrupts.
INTERRUPTED = """
import asyncio, signal, sys
from images_api import AsyncImagesClient, ImagesClient

signal.signal(signal.SIGINT, signal.default_int_handler)
"""
CALLS = {
    "sync": "ImagesClient(base_url=sys.argv[1]).generate('an otter')",
    "async": "asyncio.run(AsyncImagesClient(base_url=sys.argv[1]).generate('an otter'))",
    "stream": "with ImagesClient(base_url=sys.argv[1]).stream_generate('an otter') as stream: print(list(stream))",
}
# Threads that nobody waits for.
READING = """
import sys, threading, time
from images_api import ImagesClient, _spool

def work():
    while True:
        ImagesClient(base_url=sys.argv[1]).generate("an otter")

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
while not _spool._folder.cache_info().currsize:
    time.sleep(0.001)
time.sleep(float(sys.argv[2]))
"""
HALF = pictures(LARGE, OTHER)[: -2 * LIMIT]


@posix
class TestEnd:
    @pytest.mark.parametrize("how", ENDS)
    def test_of_a_process_leaves_nothing_but_what_it_saved(self, how: str, tmp_path: Path, temp: Path) -> None:
        process = child(HOLDING + ENDS[how], temp, tmp_path / "saved", python=("-X", "dev"))
        _, errors = process.communicate(timeout=30)
        assert errors == ""
        assert list(temp.iterdir()) == []
        assert (tmp_path / "saved").read_bytes() == bytes(1 << 20)

    def test_by_an_error_leaves_nothing(self, tmp_path: Path, temp: Path) -> None:
        _, errors = child(HOLDING + "1 / 0", temp, tmp_path / "saved").communicate(timeout=30)
        assert errors.endswith("ZeroDivisionError: division by zero\n")
        assert list(temp.iterdir()) == []

    @pytest.mark.parametrize("call", CALLS)
    def test_by_an_interrupt_in_the_middle_of_a_reply_leaves_nothing(self, call: str, temp: Path) -> None:
        code = INTERRUPTED + CALLS[call]
        event = b'data: {"b64_json":"' + base64.b64encode(LARGE)
        began = [head(), chunk(event)] if call == "stream" else [head("application/json"), chunk(HALF)]
        with RawServer([*began, Do.STALL]) as server:
            process = child(code, temp, server.base_url)
            _wait(lambda: len(listed(temp)) == (1 if call == "stream" else 2) or process.poll() is not None)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert errors.endswith("KeyboardInterrupt\n")
        assert list(temp.iterdir()) == []

    def test_leaves_nothing_of_the_replies_that_are_just_coming_in(self, temp: Path) -> None:
        body = pictures(*[LARGE] * 200)
        chunks = [chunk(body[start : start + 20_000]) for start in range(0, len(body), 20_000)]
        with RawServer([head("application/json"), *chunks, END]) as server:
            for number in range(5):
                process = child(READING, temp, server.base_url, 0.013 * number)
                process.communicate(timeout=30)
                assert list(temp.iterdir()) == []

    def test_of_waiting_leaves_nothing(self, temp: Path) -> None:
        async def give_up(base_url: str) -> None:
            async with AsyncImagesClient(base_url=base_url) as client:
                call = asyncio.create_task(client.generate("an otter"))
                await asyncio.to_thread(_wait, lambda: len(listed(temp)) == 2)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call

        with RawServer([head("application/json"), chunk(HALF), Do.STALL]) as server:
            asyncio.run(give_up(server.base_url))
        gc.collect()
        assert listed(temp) == []


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


SAVING = """
import sys
from pathlib import Path
from images_api import GeneratedImage
from images_api._images.spool import Spool

images = []
for source in sys.argv[1:3]:
    spool = Spool()
    spool.write(Path(source).read_bytes())
    spool.close()
    images.append(GeneratedImage(spool))
assert all(image._content.in_file for image in images)
print("ready", flush=True)
while True:
    for image in images:
        image.save(sys.argv[3])
"""
NO_SPACE_TO_SAVE = """
import errno, resource, sys
from pathlib import Path
from images_api import GeneratedImage
from images_api._images.spool import Spool

spool = Spool()
spool.write(Path(sys.argv[1]).read_bytes())
spool.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2)
try:
    GeneratedImage(spool).save(sys.argv[2])
except OSError as error:
    print(errno.errorcode[error.errno])
"""


class TestSaving:
    def test_moves_no_bytes_where_it_can_be_a_name_more(self, temp: Path, tmp_path: Path) -> None:
        image = GeneratedImage(spooled())
        saved = image.save(tmp_path / "otter.png")
        assert saved.samefile(listed(temp)[0])
        del image
        assert listed(temp) == []
        assert (saved.read_bytes(), saved.stat().st_nlink) == (LARGE, 1)

    def test_copies_to_another_file_system(self, elsewhere: Path, tmp_path: Path) -> None:
        image = GeneratedImage(spooled())
        saved = image.save(tmp_path / "otter.png")
        assert len(listed(elsewhere)) == 1
        assert (image.read(), saved.read_bytes(), saved.stat().st_nlink) == (LARGE, LARGE, 1)
        saved.write_bytes(b"edited")
        assert image.read() == LARGE

    @posix
    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
    def test_lets_others_read_it_as_any_new_file(self, umask: int, tmp_path: Path) -> None:
        before = os.umask(umask)
        try:
            saved = GeneratedImage(spooled()).save(tmp_path / "otter.png")
        finally:
            os.umask(before)
        assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~umask

    def test_gives_each_file_its_own_bytes(self, tmp_path: Path) -> None:
        image = GeneratedImage(spooled())
        first, second = image.save(tmp_path / "first.png"), image.save(tmp_path / "second.png")
        with first.open("r+b") as file:
            file.write(b"edited in place")
        assert second.read_bytes() == LARGE

    def test_that_was_edited_in_place_is_said_when_the_picture_is_read(self, tmp_path: Path) -> None:
        image = GeneratedImage(spooled())
        saved = image.save(tmp_path / "otter.png")
        assert image.read() == LARGE
        with saved.open("ab") as file:
            file.write(b"more")
        for use in (image.read, image.to_pil, image._repr_png_, lambda: image.b64_json, lambda: image.save(tmp_path / "again")):
            with pytest.raises(OSError, match="changed in the file that it had been saved as"):
                use()
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["otter.png"]

    @pytest.mark.parametrize("change", [Path.unlink, lambda path: GeneratedImage(spooled(OTHER)).save(path)])
    def test_that_was_undone_does_not_matter(self, change: Callable[[Path], object], tmp_path: Path) -> None:
        image = GeneratedImage(spooled())
        change(image.save(tmp_path / "otter.png"))
        assert image.read() == LARGE
        assert image.save(tmp_path / "otter.png").read_bytes() == LARGE

    def test_twice_under_one_name_leaves_one_file(self, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        image = GeneratedImage(spooled())
        for _ in range(3):
            assert image.save(folder / "otter.png").read_bytes() == LARGE
            assert listed(folder) == [folder / "otter.png"]

    def test_does_not_overwrite_when_that_is_minded(self, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        image, other = GeneratedImage(spooled()), GeneratedImage(spooled(OTHER))
        image.save(folder / "otter.png", overwrite=False)
        for each in (image, other):
            with pytest.raises(FileExistsError):
                each.save(folder / "otter.png", overwrite=False)
        assert listed(folder) == [folder / "otter.png"]
        assert (folder / "otter.png").read_bytes() == LARGE

    @posix
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
            time.sleep(0.05 + 0.0137 * number)
            process.kill()
            process.communicate()
            assert target.read_bytes() in contents

    @posix
    def test_on_a_full_disk_leaves_nothing(self, elsewhere: Path, tmp_path: Path) -> None:
        folder = tmp_path / "saved"
        (tmp_path / "source").write_bytes(LARGE)
        assert printed(NO_SPACE_TO_SAVE, elsewhere, tmp_path / "source", folder / "otter.png") == "EFBIG\n"
        assert listed(folder) == listed(elsewhere) == []


def generate(client: Any) -> Any:
    return client.generate("an otter", n=2)


def contents(result: ImagesResult) -> list[bytes]:
    return [image.read() for image in result]


BODY = pictures(LARGE, OTHER)
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "identity": bytes,
    "": bytes,
}


class TestReplies:
    @both_ways
    @pytest.mark.parametrize("coding", CODINGS)
    def test_in_any_coding_give_their_pictures(self, run: Callable[..., ImagesResult], coding: str, temp: Path) -> None:
        act = answered(CODINGS[coding](BODY), headers=JSON | {"Content-Encoding": coding}, chunked=True)
        with FaultyServer(act) as server:
            result = run(generate, base_url=server.base_url)
        assert len(listed(temp)) == 2
        assert contents(result) == [LARGE, OTHER]

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
    @pytest.mark.parametrize("missing", [1, LIMIT])
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
        "tail", [b"x", b"}", b',{"b64_json":"' + base64.b64encode(LARGE[:-9]) + b'"}', b"\xff", b"]"], ids=repr
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
        assert "picture 3 of 4 isn't base64" in str(caught.value)
        assert caught.value.body == body
        assert [(image.index, image.read()) for image in caught.value.images] == [(0, LARGE), (3, OTHER)]

    @both_ways
    def test_that_are_a_picture_alone_wait_in_a_file(self, run: Callable[..., ImagesResult], temp: Path) -> None:
        with FaultyServer(answered(LARGE, headers={"Content-Type": "image/png"})) as server:
            result = run(generate, base_url=server.base_url)
        assert len(listed(temp)) == 1
        assert contents(result) == [LARGE]

    def test_to_a_hundred_calls_at_once_are_each_its_own(self, temp: Path) -> None:
        large = [padded(drawn(8, 1 + number), LIMIT + number + 200) for number in range(100)]

        async def call(client: AsyncImagesClient) -> bytes:
            return await (await client.generate("an otter"))[0].aread()

        async def work(base_url: str) -> list[bytes]:
            async with AsyncImagesClient(base_url=base_url) as client:
                return await asyncio.gather(*(call(client) for _ in large))

        with RawServer(*(reply(pictures(each)) for each in large)) as server:
            assert sorted(asyncio.run(work(server.base_url))) == sorted(large)
        gc.collect()
        assert listed(temp) == []

    @both_ways
    def test_with_links_are_fetched_into_files(
        self, run: Callable[..., ImagesResult], temp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.001)

        def fetched(client: Any) -> Any:
            if isinstance(client, AsyncImagesClient):
                return _afetched(client, tmp_path / "otter.png")
            result: ImagesResult = client.generate("an otter", n=2)
            return result, result.save(tmp_path / "otter.png")

        with FileServer() as server:
            cut = Reply(OTHER[: 2 * LIMIT], headers={"Content-Length": str(len(OTHER))})
            moved = Reply(OTHER, 302, {"Location": "/second"})
            url = server.answer("/first", cut, moved)
            server.answer("/second", Reply(status=503, body=OTHER), Reply(LARGE, headers={"Content-Type": "image/png"}))
            coded = server.answer("/coded", Reply(gzip.compress(OTHER), headers={"Content-Encoding": "gzip"}))
            server.answer_calls({"url": url}, {"url": coded})
            result, saved = cast("tuple[ImagesResult, list[Path]]", run(fetched, base_url=f"{server.url}/v1"))
        assert [path.read_bytes() for path in saved] == [LARGE, OTHER]
        assert len(listed(temp)) == 2
        assert contents(result) == [LARGE, OTHER]


async def _afetched(client: AsyncImagesClient, target: Path) -> tuple[ImagesResult, list[Path]]:
    result = await client.generate("an otter", n=2)
    return result, await result.asave(target)


def noise(kind: str, mode: str, **settings: Any) -> bytes:
    """Return a picture that can't be made small."""
    side = 600
    pixels = random.Random(kind).randbytes(side * side * len(mode))  # noqa: S311  no secrets
    file = BytesIO()
    Image.frombytes(mode, (side, side), pixels).save(file, kind, **settings)
    return file.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg">' + b'<path d="M0 0h9"/>' * 10_000 + b"</svg>"
FORMATS = {
    "png": noise("PNG", "RGBA"),
    "jpeg": noise("JPEG", "RGB", quality=95),
    "webp": noise("WEBP", "RGB", lossless=True),
    "gif": noise("GIF", "L"),
    "svg": SVG,
}


@pytest.mark.parametrize("kind", FORMATS)
class TestFormats:
    def test_are_told_and_shown_from_a_file(self, kind: str, tmp_path: Path) -> None:
        content = FORMATS[kind]
        with FaultyServer(answered(pictures(content))) as server, ImagesClient(base_url=server.base_url) as client:
            (image,) = result = client.generate("an otter")
        assert image._content
        assert image._content.in_file
        sides = (None, None) if kind == "svg" else (600, 600)
        assert (image.format, image.width, image.height) == (kind, *sides)
        assert base64.b64decode(image.b64_json) == content
        shown = content.decode() if kind == "svg" else content
        assert image._repr_mimebundle_() == {"text/plain": repr(image), image.media_type: shown}
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
        for cut in (*range(LIMIT + 1, len(content), 40_009), *range(len(content) - 8, len(content))):
            with (
                FaultyServer(answered(pictures(LARGE, content[:cut]))) as server,
                ImagesClient(base_url=server.base_url) as client,
            ):
                with pytest.raises(ResponseError, match="image 2 of 2 is cut short after") as caught:
                    client.generate("an otter", n=2)
                assert [image.read() for image in caught.value.images] == [LARGE]


@posix
class TestInThisProcess:
    """What only other processes see, once more where the coverage is measured."""

    def test_a_full_disk_loses_nothing(self, temp: Path) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        spool = Spool()
        spool.write(LARGE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (spool.size + 1000, limits[1]))
        try:
            spool.write(LARGE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        spool.close()
        assert (spool.read(), spool.in_file, listed(temp)) == (LARGE * 2, False, [])

    def test_files_belong_to_the_group_of_a_folder_that_asks_for_it(self, tmp_path: Path) -> None:
        folder = tmp_path / "shared"
        folder.mkdir()
        folder.chmod(folder.stat().st_mode | stat.S_ISGID)
        for number in range(2):
            spooled().copy_to(folder / str(number))
            assert (folder / str(number)).stat().st_nlink == 1
            assert (folder / str(number)).stat().st_gid == folder.stat().st_gid

    @pytest.mark.parametrize("loaded", [True, False])
    def test_no_file_is_made_when_the_process_ends(self, temp: Path, monkeypatch: pytest.MonkeyPatch, *, loaded: bool) -> None:
        monkeypatch.setattr(_spool, "_PROCESS_ENDS", threading.Event())
        monkeypatch.setitem(sys.modules, "multiprocessing.util", multiprocessing.util)
        if not loaded:
            monkeypatch.delitem(sys.modules, "multiprocessing.util")
        spool = spooled()
        (folder,) = temp.iterdir()
        _spool._remove_folder(str(folder), os.getpid() + 1)
        assert spool.read() == LARGE
        _spool._remove_folder(str(folder), os.getpid())
        assert list(temp.iterdir()) == []
        late = spooled()
        assert (late.read(), late.in_file, list(temp.iterdir())) == (LARGE, False, [])

    def test_a_parents_file_is_left_alone(self, temp: Path) -> None:
        with (temp / "file").open("xb", buffering=0) as file:
            _spool._remove(cast("Any", file), str(temp / "file"), os.getpid() + 1)
            assert file.closed
            assert listed(temp) == [temp / "file"]
            _spool._remove(cast("Any", file), str(temp / "file"), os.getpid())
        assert listed(temp) == []
