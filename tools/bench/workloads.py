"""What is measured, with what is aimed at: the only list of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MB = 1_000_000


class Client(Protocol):
    """What each of `tools.bench.clients` does, as an app would; the numbers it returns are the bytes of the pictures it got."""

    def __init__(self, base_url: str) -> None: ...
    def call(self) -> int:
        """Generate pictures, and read them."""
        ...

    def save(self, folder: Path) -> None:
        """Generate pictures, and save them."""
        ...

    def edit(self, paths: Sequence[Path]) -> int:
        """Edit pictures that are given as paths, and read what comes back."""
        ...

    def watch(self, partial_images: int) -> int:
        """Generate a picture as events, and read them all."""
        ...


class BulkClient(Client, Protocol):
    """One of these that can do a job."""

    def bulk(self, lines: int, folder: Path) -> None:
        """Write a job of so many lines, and do it, eight calls at once, from the file to pictures in the folder."""
        ...


class AsyncClient(Protocol):
    """Likewise, for asyncio."""

    def __init__(self, base_url: str) -> None: ...
    async def call(self) -> int:
        """Generate pictures, and read them."""
        ...

    async def save(self, folder: Path) -> None:
        """Generate pictures, and save them."""
        ...


class Metric(StrEnum):
    """What a sample measures."""

    CPU = "CPU"
    WALL = "time"
    INSTRUCTIONS = "instructions"
    PEAK = "peak memory"
    STALL = "longest stall of the loop"


# These say something of the machine, so that they are compared with bare httpx; the others are what they are.
RELATIVE = frozenset({Metric.CPU, Metric.INSTRUCTIONS})


@dataclass(frozen=True)
class Contestant:
    """One of `tools.bench.clients`.

    Attributes:
        module: Its name there.
        title: For the report.
        imports: What an app writes first; nothing where there is nothing to import.
        asynchronous: Whether it works in an event loop, too.
        bulk: Whether it can do a job.
    """

    module: str
    title: str
    imports: str = ""
    asynchronous: bool = True
    bulk: bool = False


RAW = Contestant("raw_sockets", "raw sockets", asynchronous=False)
HTTPX = Contestant("bare_httpx", "bare httpx", "import httpx", bulk=True)
SDK = Contestant("official_sdk", "official SDK", "from openai import OpenAI")
FACADE = Contestant("facade", "this library", "from images_api import ImagesClient", bulk=True)
CONTESTANTS = (RAW, HTTPX, SDK, FACADE)


@dataclass(frozen=True)
class Reply:
    """What the server sends: pictures of so many bytes, as JSON or as events."""

    pictures: int
    size: int
    kind: Literal["json", "events"] = "json"

    @property
    def path(self) -> str:
        """Return the base URL's path that asks the server for it."""
        return f"/{self.kind}/{self.pictures}/{self.size}/v1"


@dataclass(frozen=True)
class Workload:
    """One piece of work.

    Attributes:
        name: For the command line.
        title: For the report.
        work: `import`, `first-call` and `command` are measured from outside, as processes; the others are methods of the clients.
        targets: What is measured, and the most of it that this library may need: times bare httpx where that is
            relative, else MiB and milliseconds.
        reply: What comes back.
        uploads: How many files go out, and how large each is, in bytes.
        at_once: How many calls run at once in an event loop; None without one.
        lines: How many lines a job has.
        rounds: How often a sample does it, so that there is something to measure.
        samples: How many samples are worth their time.
        argv: What the interpreter is given, for a `command`.
    """

    name: str
    title: str
    work: Literal["import", "first-call", "command", "call", "save", "edit", "watch", "bulk"]
    targets: Mapping[Metric, float] = field(hash=False)
    reply: Reply = Reply(1, 1000)
    uploads: tuple[int, int] = (0, 0)
    at_once: int | None = None
    lines: int = 1
    rounds: int = 1
    samples: int = 5
    argv: tuple[str, ...] = ()

    @property
    def from_outside(self) -> bool:
        """Tell whether a whole process is measured."""
        return self.work in {"import", "first-call", "command"}

    @property
    def calls(self) -> int:
        """Return how many calls a sample makes."""
        return self.rounds * (self.at_once or 1) * self.lines

    def suits(self, contestant: Contestant) -> bool:
        """Tell whether a client can take part."""
        if self.from_outside:
            return bool(contestant.imports)
        if self.work == "bulk":
            return contestant.bulk
        return self.at_once is None or contestant.asynchronous

    def quick(self) -> Workload:
        """Return it a hundred times smaller, to see that everything works."""
        files, size = self.uploads
        return replace(
            self,
            reply=replace(self.reply, size=max(self.reply.size // 100, 1000)),
            uploads=(files, size // 100),
            at_once=self.at_once and -(-self.at_once // 10),
            lines=-(-self.lines // 100),
            rounds=-(-self.rounds // 100),
            samples=1,
        )


BIG_REPLY = Workload(
    "big-reply",
    "reply of 10 pictures of 20 MB, to disk",
    "save",
    {Metric.CPU: 0.25, Metric.PEAK: 8},
    reply=Reply(10, 20 * MB),
)
AT_ONCE = Workload("at-once", "100 async calls at once", "call", {Metric.CPU: 0.9}, at_once=100, rounds=10)

WORKLOADS = (
    Workload("import", "import", "import", {Metric.CPU: 1.15}, samples=15),
    Workload("first-call", "import, construct, first call", "first-call", {Metric.CPU: 1.3}, samples=15),
    Workload("small-call", "small call", "call", {Metric.INSTRUCTIONS: 1.0}, rounds=200, samples=1),
    Workload("small-async-call", "small async call", "call", {Metric.INSTRUCTIONS: 1.0}, at_once=1, rounds=200, samples=1),
    AT_ONCE,
    Workload(
        "saved",
        "one picture of 2 MB, generated and saved",
        "save",
        {Metric.CPU: 0.4},
        reply=Reply(1, 2 * MB),
        rounds=20,
        samples=15,
    ),
    BIG_REPLY,
    Workload(
        "uploads",
        "edit with 16 files of 45 MB by path",
        "edit",
        {Metric.CPU: 0.6, Metric.PEAK: 4},
        uploads=(16, 45 * MB),
    ),
    Workload(
        "stream",
        "event stream, 3 partials and a final of 1 MB",
        "watch",
        {Metric.CPU: 0.4},
        reply=Reply(4, MB, "events"),
        rounds=20,
    ),
    Workload(
        "replies-at-once",
        "32 async replies of 4 pictures of 4 MB, to disk",
        "save",
        {Metric.CPU: 0.4, Metric.PEAK: 24, Metric.STALL: 100},
        reply=Reply(4, 4 * MB),
        at_once=32,
    ),
    Workload(
        "bulk",
        "bulk: 2,000 lines of a job, checked, journalled and synced; of httpx, sent and saved",
        "bulk",
        {Metric.CPU: 1.3},
        lines=2000,
        samples=3,
    ),
)
# This library alone, to show what grows with the work and what doesn't.
GROWTH = (
    *(
        replace(BIG_REPLY, name=f"{n}-pictures", title=f"pictures of 20 MB, to disk: {n}", reply=Reply(n, 20 * MB), samples=3)
        for n in (1, 10, 30)
    ),
    *(
        replace(AT_ONCE, name=f"{n}-at-once", title=f"async calls at once: {n}", at_once=n, rounds=1, samples=3)
        for n in (10, 100, 1000)
    ),
)
BARE = Workload("bare", "a bare interpreter", "command", {}, argv=("-c", "pass"), samples=15)
# At most twice a bare interpreter's start and 0.1 s.
PROMPT = (
    BARE,
    *(
        replace(BARE, name=f"prompt-{name}", title=f"images-api {command}", argv=("-m", "images_api.cli", *command.split()))
        for name, command in (
            ("version", "--version"),
            ("help", "--help"),
            ("command-help", "generate --help"),
            ("models", "models"),
        )
    ),
)
