"""What became of each line of a job: an SQLite database in the folder of the images, and the folder's lock.

A row is a request: a line's `custom_id` and the hash of what it asks for. A line that is changed, or left out of the job, keeps
its old row, for what is paid stays known; the rows of the current job are those that its last check has seen.

What `record` has returned for is on disk (WAL, synchronous=FULL): whoever notes a line as `sending` before its first byte goes
out can't find it `pending` after a crash. A crash within `record` leaves all or nothing of what it was given.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from images_api._messages import short
from images_api._problems import refused
from images_api._secrets import Secret

from ._prices import added

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from images_api._problems import InvalidRequestError

FILE = "journal.sqlite"
LOCK = "journal.lock"
_APPLICATION = 0x696D6167
_VERSION = 1
# Rows that are read at once: a reader that stayed in the database would keep its write-ahead log from being cut.
_PAGE = 500
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE lines (
    id INTEGER PRIMARY KEY, custom_id TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL, offset INTEGER NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, request_id TEXT, files TEXT NOT NULL, usage TEXT, error_code TEXT, error TEXT,
    subject TEXT NOT NULL, updated REAL NOT NULL, images INTEGER NOT NULL, name TEXT NOT NULL, links TEXT NOT NULL, cost REAL,
    job INTEGER NOT NULL, UNIQUE (custom_id, digest)
);
CREATE INDEX lines_of_job ON lines (job, number);
CREATE TABLE names (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX names_of_line ON names (line);
CREATE TABLE jobs (id INTEGER PRIMARY KEY, begun REAL NOT NULL);
"""


class State(StrEnum):
    """What became of a line.

    `refused`: the server said no for good. `failed`: it surely didn't run. `ambiguous`: it may have run, and may be billed.
    """

    PENDING = "pending"
    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"


# The error code of a line that is `sending` because it was given to workers, whose own records say whether it was sent.
GIVEN = "given"
# What becomes of a line that has no files; if it gets any, it is sent first.
_WITHOUT_FILES = frozenset({State.PENDING, State.FAILED, State.REFUSED})


class SavedFile(NamedTuple):
    """An image that is saved.

    Attributes:
        path: Where, relative to the folder of the journal, with `/`.
        sha256: The hash of its bytes, in hexadecimal digits.
        size: How many bytes there are.
    """

    path: str
    sha256: str
    size: int


class Entry(NamedTuple):
    """What the journal says of a line.

    Attributes:
        custom_id: What the job calls it.
        digest: A hash of what it asks for.
        number: Where it stands in the job: its line, from 1.
        offset: Where it begins in the job, in bytes.
        state: What became of it.
        attempts: How often it was sent.
        request_id: The provider's id of the last answer.
        files: Its images.
        usage: The tokens used, as the server said them.
        error_code: A short name of what went wrong.
        error: What went wrong.
        subject: Its prompt, cut at 300 characters.
        updated: When the state became what it is, in seconds since 1970, by the clock of the machine.
        images: How many images it asks for.
        name: What its files are called, with `{index}` and `{ext}` in it.
        links: Where images lie that are made and couldn't be fetched yet; whoever has one can see the image.
        cost: What it cost, by the prices that were given or in the words of a gateway.
    """

    custom_id: str
    digest: str
    number: int = 0
    offset: int = 0
    state: State = State.PENDING
    attempts: int = 0
    request_id: str | None = None
    files: tuple[SavedFile, ...] = ()
    usage: Mapping[str, Any] | None = None
    error_code: str | None = None
    error: str | None = None
    subject: str = ""
    updated: float = 0.0
    images: int = 1
    name: str = ""
    links: tuple[str, ...] = ()
    cost: float | None = None


@dataclass
class Totals:
    """What a job has come to.

    Attributes:
        images: How many images are saved.
        usage: The tokens used, by kind, as servers say them.
        cost: What it cost, as far as that is known; None where nothing is.
    """

    images: int
    usage: dict[str, Any]
    cost: float | None

    def spend(self, entry: Entry) -> None:
        """Add what a line used and cost, as far as that is known."""
        added(self.usage, entry.usage or {})
        self.cost = self.cost if entry.cost is None else entry.cost + (self.cost or 0.0)


_FIELDS = ", ".join(Entry._fields)
_MARKS = ", ".join("?" for _ in Entry._fields)
_UPDATES = ", ".join(f"{name} = excluded.{name}" for name in Entry._fields if name not in {"custom_id", "digest"})


class Journal:
    """The journal of a folder; a context manager.

    One thread may read while another one writes.

    Args:
        folder: The folder of the images, which is made where it isn't there.
        read_only: Whether to look only, which may be done while a run goes on; else the folder is locked.

    Raises:
        InvalidRequestError: Another run has the folder, there is no journal to read, or it can't be read.
        OSError: The folder can't be made, or written to.
    """

    def __init__(self, folder: str | Path, *, read_only: bool = False) -> None:
        self.folder = Path(folder)
        self._lock: sqlite3.Connection | None = None
        self._connections: list[sqlite3.Connection] = []
        path = self.folder / FILE
        if not read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / LOCK).open("ab"):
                pass  # of what is wrong with the folder, the system speaks more clearly than SQLite
        elif not path.is_file():
            raise refused("the folder", str(folder), "has no journal of a run")
        try:
            if not read_only:
                self._take_lock()
            with self._readable():
                self._write = self._connected(path, read_only=read_only)
                self._read = self._write if read_only else self._connected(path, read_only=True)
                row = self._read.execute("SELECT max(id) FROM jobs").fetchone()
                self._job: int = row[0] or 0
        except BaseException:
            self.close()
            raise

    def entries(self, *states: State) -> Iterator[Entry]:
        """Yield the lines of the current job, in its order; those of some states, or all."""
        wanted = states or tuple(State)
        where = f"job = ? AND number > ? AND state IN ({', '.join('?' for _ in wanted)})"
        query = f"SELECT {_FIELDS} FROM lines WHERE {where} ORDER BY number LIMIT {_PAGE}"  # noqa: S608  of our own words
        last = -1
        while True:
            with self._readable():
                rows = self._read.execute(query, (self._job, last, *wanted)).fetchall()
            yield from map(_entry, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][2]

    def counts(self) -> dict[State, int]:
        """Return how many lines of the current job there are in each state, those included that none is in."""
        with self._readable():
            rows = self._read.execute("SELECT state, count(*) FROM lines WHERE job = ? GROUP BY state", (self._job,))
            found = dict(rows.fetchall())
        return {state: found.get(state, 0) for state in State}

    def find(self, custom_id: str, digest: str | None = None) -> Entry | None:
        """Return what is known of a line: of the current job, or of any where the hash of a request is given."""
        key, value = ("job", self._job) if digest is None else ("digest", digest)
        query = f"SELECT {_FIELDS} FROM lines WHERE custom_id = ? AND {key} = ?"  # noqa: S608  of our own words
        with self._readable():
            row = self._read.execute(query, (custom_id, value)).fetchone()
        return row and _entry(row)

    def with_digest(self, digest: str) -> list[Entry]:
        """Return the lines, of the current job or an earlier one, that ask for what a hash stands for."""
        with self._readable():
            rows = self._read.execute(f"SELECT {_FIELDS} FROM lines WHERE digest = ?", (digest,)).fetchall()  # noqa: S608  likewise
        return list(map(_entry, rows))

    def errors(self) -> dict[str, int]:
        """Return how many lines of the current job ended for each kind of error, the most frequent first."""
        query = "SELECT error_code, count(*) FROM lines WHERE job = ? AND error_code IS NOT NULL AND state NOT IN (?, ?)"
        with self._readable():
            told = self._job, State.PENDING, State.SENDING
            rows = self._read.execute(f"{query} GROUP BY error_code ORDER BY 2 DESC, 1", told).fetchall()
        return dict(rows)

    def totals(self) -> Totals:
        """Return what the current job has come to."""
        with self._readable():
            query = "SELECT total(json_array_length(files)), sum(cost) FROM lines WHERE job = ?"
            images, cost = self._read.execute(query, (self._job,)).fetchone()
            usage: dict[str, Any] = {}
            for (said,) in self._read.execute("SELECT usage FROM lines WHERE job = ? AND usage IS NOT NULL", (self._job,)):
                added(usage, json.loads(said))
        return Totals(int(images), usage, cost)

    def images(self, *states: State) -> int:
        """Return how many images the lines of the current job ask for that are in one of some states."""
        query = f"SELECT total(images) FROM lines WHERE job = ? AND state IN ({', '.join('?' for _ in states)})"  # noqa: S608
        with self._readable():
            return int(self._read.execute(query, (self._job, *states)).fetchone()[0])

    @property
    def most_images(self) -> int:
        """Return how many images a line of the current job asks for at most."""
        with self._readable():
            return self._read.execute("SELECT max(images) FROM lines WHERE job = ?", (self._job,)).fetchone()[0] or 0

    def record(self, entries: Iterable[Entry]) -> None:
        """Note what became of lines, of all or, if that fails, of none; it is on disk when this returns.

        A line that isn't there yet is added to the current job.

        Args:
            entries: What is to be known of each line; the time is noted here.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        with self._transaction():
            self._put(entries)

    def take_over(self, *, given: bool = True) -> None:
        """Note that the lines which are `sending`, in this job or an earlier one, may have run: nobody waits for them any more.

        Args:
            given: Whether that counts for those that were given to workers, too.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        query = "UPDATE lines SET state = ?, error_code = ?, error = ?, updated = ? WHERE state = ? AND error_code IS NOT ?"
        why = "the run ended before the answer came; it may be billed"
        with self._transaction():
            told = State.AMBIGUOUS, "interrupted", why, time.time(), State.SENDING, "" if given else GIVEN
            self._write.execute(query, told)

    def copy_to(self, folder: Path) -> None:
        """Write a copy of the journal into another folder, which has none."""
        with self._readable():
            self._read.execute("VACUUM INTO ?", (str(folder / FILE),))

    @contextmanager
    def new_job(self) -> Generator[JobEntries]:
        """Take the lines of a job, which becomes the current one; as it was before, if the block ends in an error.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        with self._transaction():
            cursor = self._write.execute("INSERT INTO jobs (begun) VALUES (?)", (time.time(),))
            old, self._job = self._job, cursor.lastrowid or 0
            try:
                yield JobEntries(self._write, self._job)
                # What was never sent, or surely never ran, needn't be known any more.
                forgotten = "SELECT id FROM lines WHERE job < ? AND state IN (?, ?)"
                told = self._job, State.PENDING, State.FAILED
                self._write.execute(f"DELETE FROM names WHERE line IN ({forgotten})", told)  # noqa: S608  of our own words
                self._write.execute(f"DELETE FROM lines WHERE id IN ({forgotten})", told)  # noqa: S608  likewise
            except BaseException:
                self._job = old
                raise

    def close(self) -> None:
        """Close the files, and let others have the folder."""
        for connection in (*reversed(self._connections), self._lock):  # the writer last, which writes its log back
            if connection is not None:
                with suppress(sqlite3.Error):  # such as a log that can't be written back on a full disk, and needn't be
                    connection.close()
        self._connections, self._lock = [], None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_lock(self) -> None:
        """Take the folder's lock, which the system gives back however the process ends."""
        self._lock = sqlite3.connect(self.folder / LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            why = f"can't be locked ({error})"
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                why = "is used by another run, which must end first"
            raise refused("the folder", str(self.folder), why) from None

    def _connected(self, path: Path, *, read_only: bool) -> sqlite3.Connection:
        # A folder that can't be written to, such as an archive's, has no log beside the journal either.
        modes = ["mode=ro", "mode=ro&immutable=1"] if read_only else ["mode=rwc"]
        uris = [f"{path.absolute().as_uri()}?{mode}" for mode in modes]
        connection = sqlite3.connect(uris[0], uri=True, isolation_level=None, check_same_thread=False, timeout=30)
        self._connections.append(connection)
        if read_only:
            try:
                connection.execute("SELECT 1 FROM jobs")
            except sqlite3.OperationalError:
                connection = sqlite3.connect(uris[1], uri=True, isolation_level=None, check_same_thread=False)
                self._connections.append(connection)
        elif connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its pages contradict each other")
        elif not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
        told = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if told[0] != _APPLICATION:
            raise sqlite3.DatabaseError("it is no journal of images-api")
        if told[1] != _VERSION:
            raise sqlite3.DatabaseError("it was made by another version of images-api")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._readable():
            self._write.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._write.execute("COMMIT")
            except BaseException:
                if self._write.in_transaction:
                    self._write.execute("ROLLBACK")
                raise

    def _put(self, entries: Iterable[Entry]) -> None:
        now = time.time()
        query = f"INSERT INTO lines ({_FIELDS}, job) VALUES ({_MARKS}, ?) ON CONFLICT DO UPDATE SET {_UPDATES}"  # noqa: S608
        self._write.executemany(query, ((*_row(entry._replace(updated=now)), self._job) for entry in entries))

    @contextmanager
    def _readable(self) -> Generator[None]:
        """Say in one way what is wrong with the database."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.Error) -> OSError | InvalidRequestError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_BUSY")):
            return OSError(f"the journal can't be written: {error} ({self.folder / FILE})")
        advice = "nothing was sent; bring back a copy of it, for without it what is paid isn't known"
        return refused("the journal", str(self.folder / FILE), f"can't be read ({short(error)}): {advice}")


class JobEntries:
    """The lines of a job on their way into the journal."""

    def __init__(self, connection: sqlite3.Connection, job: int) -> None:
        self._connection, self._job = connection, job

    def add(self, entry: Entry, keys: Sequence[str] = ()) -> State:
        """Take a line: as it stands in the journal, if it does, else as it is given; and return its state.

        Args:
            entry: The line, with its place in the job, its name and how many images it asks for.
            keys: What its files' names are alike to, where case and Unicode's forms make no difference; no other line of the job
                may have one. Where an earlier line, which isn't in the job any more, has one, the name gets the hash behind it.

        Raises:
            InvalidRequestError: The job has the id already, or a name.
        """
        query = "SELECT id, digest, job, state, name, number FROM lines WHERE custom_id = ?"
        known = self._connection.execute(query, (entry.custom_id,)).fetchall()
        for _, _, job, _, _, number in known:
            if job == self._job:
                raise refused("custom_id", entry.custom_id, f"must be of one line only, and is that of line {number}")
        found = next((each for each in known if each[1] == entry.digest), None)
        if found is None:
            fields = f"INSERT INTO lines ({_FIELDS}, job) VALUES ({_MARKS}, ?)"  # noqa: S608  of our own words
            line = self._connection.execute(fields, (*_row(entry._replace(updated=time.time())), self._job)).lastrowid or 0
            self._name(line, entry, keys)
            return entry.state
        line, _, _, state, name, _ = found
        place = "UPDATE lines SET number = ?, offset = ?, images = ?, subject = ?, job = ? WHERE id = ?"
        self._connection.execute(place, (entry.number, entry.offset, entry.images, entry.subject, self._job, line))
        is_named = self._connection.execute("SELECT 1 FROM names WHERE line = ?", (line,)).fetchone()
        if not is_named or (name != entry.name and state in _WITHOUT_FILES):
            self._connection.execute("DELETE FROM names WHERE line = ?", (line,))
            self._name(line, entry, keys)
        return State(state)

    def _name(self, line: int, entry: Entry, keys: Sequence[str]) -> None:
        name = entry.name
        for key in keys:
            owner = self._owner(key)
            if owner and owner[1] == self._job:
                why = f"gives its file the name of line {owner[3]}, {owner[2]}, on some systems"
                raise refused("custom_id", entry.custom_id, why)
            if owner and owner[4] in _WITHOUT_FILES:
                self._connection.execute("DELETE FROM names WHERE line = ?", (owner[0],))
            elif owner:
                name = _distinguished(entry)
        if name != entry.name:
            keys = [f"{key}\0{entry.digest}" for key in keys]
        # One line may have a name twice, where an index leads to none.
        self._connection.executemany("INSERT OR IGNORE INTO names (key, line) VALUES (?, ?)", ((key, line) for key in keys))
        self._connection.execute("UPDATE lines SET name = ? WHERE id = ?", (name, line))

    def _owner(self, key: str) -> tuple[int, int, str, int, str] | None:
        query = "SELECT line, job, custom_id, number, state FROM names JOIN lines ON lines.id = line WHERE key = ?"
        owner: tuple[int, int, str, int, str] | None = self._connection.execute(query, (key,)).fetchone()
        return owner


def _distinguished(entry: Entry) -> str:
    """Return a name that no other line has: with the hash of the request in it."""
    stem, extension, end = entry.name.rpartition(".{ext}")
    return f"{stem}-{entry.digest[:12]}{extension}{end}" if extension else f"{entry.name}-{entry.digest[:12]}"


def _row(entry: Entry) -> tuple[Any, ...]:
    """Return an entry as SQLite can hold it."""
    files = json.dumps(entry.files) if entry.files else "[]"
    usage = None if entry.usage is None else json.dumps(entry.usage)
    links = json.dumps(entry.links) if entry.links else "[]"
    said = entry._replace(files=files, usage=usage, links=links, state=entry.state.value)  # type: ignore[arg-type]
    # A server's words may hold lone surrogates, which SQLite doesn't take.
    return tuple(each.encode(errors="replace").decode() if isinstance(each, str) else each for each in said)


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry(*row)
    files, links = (json.loads(text) if text != "[]" else [] for text in (row[7], row[15]))
    return entry._replace(
        state=State(row[4]),
        files=tuple(SavedFile(*file) for file in files),
        usage=row[8] and json.loads(row[8]),
        links=tuple(map(Secret, links)),
    )
