"""What workers know of lines: a small record for each time a line is sent, made before its first byte goes out.

A record is a JSON file or object, named by the line and by how often it was sent: `lines/4f/4f...-....1.json`. Who wants to
send a line makes the record `sending` where there is none yet, which one alone can do, and later replaces it whole by what became
of it. A line is sent for the time k + 1 only by whom has read that the time k surely came to nothing, or may repeat it.

So no line is paid twice, whoever sends: a worker that was taken for lost and lives on, another one that has its lines, a second
driver, a scheduler that runs a task again. Take any two that would send a line. Either both want the same record: one gets it,
and the other, which reads `sending`, doesn't send. Or one wants a later record: then it has read that the earlier time came to
nothing, which only its owner writes, and only when the server has said so. Nobody's clock, lease or heartbeat counts.

A record that says `sending`, and whose owner is gone, is `ambiguous`: nobody can tell whether the server had begun. Should the
owner live, it still replaces the record; what an owner says counts for more than what others guess.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from images_api._secrets import Secret

from ._journal import GIVEN, Entry, SavedFile, State
from ._places import RECORDS
from ._saving import key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._places import Bucket, Folder

# The error code of a line that a worker had sent of which nothing more is known.
LOST = "lost"
_TOKEN = "token"  # noqa: S105  the worker's name
_LAST_WORD = {State.PENDING: 0, State.SENDING: 0, State.FAILED: 2, State.AMBIGUOUS: 2, State.REFUSED: 2, State.DONE: 3}


class Records:
    """The records of lines, as one worker writes them.

    Args:
        place: Where they are.
        token: What no other worker calls itself.
    """

    def __init__(self, place: Folder | Bucket, token: str) -> None:
        self._place, self._token = place, token

    def claim(self, entry: Entry) -> tuple[Entry, bool]:
        """Take a line for oneself before it is sent.

        Args:
            entry: The line, `sending`, with how often it will have been sent.

        Returns:
            The line and True where it may be sent: then its record is on disk. Else what has become of it, and False.

        Raises:
            OSError: The record can't be written.
        """
        while not self._place.create(_name(entry), written(entry, self._token)):
            if self._is_own(entry):
                break  # the store had written it, and didn't get through with saying so
            latest = self.look(entry)
            if latest and latest.state not in {State.PENDING, State.FAILED}:
                return latest, False
            entry = entry._replace(attempts=latest.attempts + 1 if latest else entry.attempts)
        return entry, True

    def note(self, entry: Entry) -> None:
        """Replace a line's record by what became of it.

        Raises:
            OSError: The record can't be written.
        """
        self._place.replace(_name(entry), written(entry, self._token))

    def look(self, entry: Entry) -> Entry | None:
        """Return what has become of a line by its latest record; None where nobody has sent it since the journal knows of it.

        Nothing is sent. Files that are whole and were not renamed get their names.

        Args:
            entry: The line.

        Raises:
            OSError: A record can't be read.
        """
        latest = None
        attempts = max(entry.attempts, 1)
        while (content := self._place.read(_name(entry._replace(attempts=attempts)))) is not None:
            latest = parsed(content) or Entry(entry.custom_id, entry.digest, state=State.SENDING, attempts=attempts)
            attempts += 1
        return latest and self._settled(entry._replace(attempts=latest.attempts), latest)

    def _settled(self, entry: Entry, found: Entry | None) -> Entry:
        """Return what a record means to others than its owner."""
        if found is None or found.state == State.SENDING:
            why = "a worker that was lost had sent it; it may be billed"
            return self._recovered(entry._replace(state=State.AMBIGUOUS, error_code=LOST, error=why))
        known = combined(entry, found)
        if known.state == State.DONE and not self._place.recover_line(known, lambda _: None):
            why = "a worker that was lost had made its images, and not all are there; it is billed"
            return known._replace(state=State.AMBIGUOUS, error_code=LOST, error=why)
        return self._recovered(known) if known.state == State.AMBIGUOUS else known

    def _recovered(self, entry: Entry) -> Entry:
        """Return a line with the images that were written whole, though nothing is noted of them."""
        noted = [entry]

        def record(entries: list[Entry]) -> None:
            self.note(entries[-1])
            noted.extend(entries)

        self._place.recover_line(entry, record)
        return noted[-1]

    def _is_own(self, entry: Entry) -> bool:
        content = self._place.read(_name(entry))
        found = parsed(content)
        return found is not None and found.state == State.SENDING and json.loads(content or b"")[_TOKEN] == self._token


def written(entry: Entry, token: str = "") -> bytes:
    """Return a line's record, as a line of JSON."""
    return json.dumps({**entry._asdict(), _TOKEN: token}, separators=(",", ":")).encode() + b"\n"


def parsed(content: bytes | None) -> Entry | None:
    """Return what a record says; None where it was cut."""
    try:
        said = json.loads(content or b"")
        fields: dict[str, Any] = {name: said[name] for name in Entry._fields}
        fields["files"] = tuple(SavedFile(*file) for file in said["files"])
        fields["links"] = tuple(map(Secret, said["links"]))
        fields["state"] = State(said["state"])
    except (ValueError, KeyError, TypeError):
        return None
    return Entry(**fields)


def journal_of(entries: Iterable[Entry]) -> bytes:
    """Return the journal of a chunk: JSON Lines."""
    return b"".join(map(written, entries))


def entries_of(journal: bytes) -> Iterator[Entry]:
    """Yield the lines of a chunk's journal, as far as it is whole."""
    return filter(None, map(parsed, journal.splitlines()))


def combined(known: Entry, said: Entry) -> Entry:
    """Return what is known of a line, and what another one says of it, as one.

    Of two times that a line was sent, the later one counts, and of the same time, what its owner says; but an image that is made
    stays so.
    """
    files = tuple(dict.fromkeys((*known.files, *said.files)))
    if _weight(said) < _weight(known):
        return known._replace(files=files)
    told = {name: getattr(said, name) for name in ("state", "request_id", "usage", "error_code", "error", "links", "cost")}
    return known._replace(**told, files=files, attempts=max(known.attempts, said.attempts))


def _weight(entry: Entry) -> tuple[bool, int, int]:
    if entry.state == State.SENDING and entry.error_code == GIVEN:
        return False, -1, 0
    word = 1 if entry.error_code == LOST else _LAST_WORD[entry.state]
    return entry.state == State.DONE, entry.attempts, word


def _name(entry: Entry) -> str:
    return f"{RECORDS}/{entry.digest[:2]}/{key(entry)}.{entry.attempts}.json"
