"""Jobs for the tests of bulk, and what must hold of a folder that one was run in, whatever happened meanwhile."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from counting_server import image_of

from images_api.bulk import Journal, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

GENERATIONS, EDITS, VARIATIONS = (f"/v1/images/{each}" for each in ("generations", "edits", "variations"))
# A record a line, that a run is to stop, and what a worker that was killed had half written, in a folder or in `plain_store`.
OF_WORKERS = re.compile(r"\.images-api/(lines|stops|[0-9a-f]{16})/|(.*/)?\.[0-9a-f]{16}\Z")
MODEL = {"model": "gpt-image-next"}


def line(custom_id: str, body: Mapping[str, Any], url: str = GENERATIONS) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": {**MODEL, **body}}) + "\n"


def write_job(folder: Path, lines: int | Iterable[str], name: str = "job.jsonl") -> Path:
    """Write a job of so many lines, `0` with the prompt `image 0` and so on, or of these."""
    path = folder / name
    if isinstance(lines, int):
        lines = (line(f"{number}", {"prompt": f"image {number}"}) for number in range(lines))
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    return path


def saved_images(folder: Path) -> dict[str, bytes]:
    """Return the images in a folder by their paths, and see that nothing but these, the journal and workers' notes is there."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if not OF_WORKERS.match(name)}
    others = {name for name in files if name.startswith("journal.") or name == "job.jsonl"}
    kept = {name for name in files if name.endswith(".response")}
    images = files.keys() - others - kept
    assert all(name.endswith(".png") for name in images), sorted(images)
    return {name: files[name].read_bytes() for name in sorted(images)}


def assert_sound(folder: Path, made: Mapping[str, int], size: int = 0) -> dict[str, State]:
    """See that each image of a job of `write_job` is there once and whole and was paid once, and return the states by id."""
    images = saved_images(folder)
    with Journal(folder, read_only=True) as journal:
        entries = list(journal.entries())
    named = [file.path for entry in entries for file in entry.files]
    assert sorted(named) == sorted(images)
    for entry in entries:
        paid = made.get(f"image {entry.custom_id}", 0)
        assert paid <= 1, entry
        if entry.state == State.DONE:
            assert paid == 1, entry
            [file] = entry.files
            assert images[file.path] == image_of(f"image {entry.custom_id}", 0, size)
            assert sha256(images[file.path]).hexdigest() == file.sha256
            assert len(images[file.path]) == file.size
        elif entry.state in {State.PENDING, State.FAILED, State.REFUSED}:
            assert not paid, entry
        if entry.state != State.AMBIGUOUS:
            assert paid == len(entry.files), entry
    return {entry.custom_id: entry.state for entry in entries}
