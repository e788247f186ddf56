from __future__ import annotations

import base64
import json
import os
import sqlite3
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from batch_drills import import_peak
from file_server import FileServer, Reply
from pictures import drawn, padded
from platforms import needs_peak

from images_api import ImagesClient, InvalidRequestError
from images_api.bulk import Journal, State, _batch, export_batch, import_batch
from images_api.bulk._lines import by_url, parse_line
from images_api.bulk._saving import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from images_api import Problem
    from images_api.bulk import Entry, Progress

GENERATIONS, EDITS, VARIATIONS = by_url()
PNG = drawn(16, 16)


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def asked(custom_id: str, url: str = GENERATIONS, **body: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {"prompt": f"a {custom_id}"} | body}


def made(*images: bytes, **more: Any) -> dict[str, Any]:
    return {"created": 1, "data": [{"b64_json": base64.b64encode(each).decode()} for each in images]} | more


def answered(custom_id: str, body: object = None, status: int = 200, **more: Any) -> dict[str, Any]:
    response = {"status_code": status, "request_id": f"req-{custom_id}", "body": made(PNG) if body is None else body}
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": response, "error": None} | more


def refusal(code: str, message: str = "no") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": "invalid_request_error"}}


def never(custom_id: str, code: str) -> dict[str, Any]:
    return {"id": "b", "custom_id": custom_id, "response": None, "error": {"code": code, "message": f"it was {code}"}}


def entries(folder: Path) -> dict[str, Entry]:
    with Journal(folder, read_only=True) as journal:
        return {entry.custom_id: entry for entry in journal.entries()}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".png"}


def snapshot(folder: Path) -> object:
    with sqlite3.connect(folder / "journal.sqlite") as connection:
        rows = connection.execute("SELECT * FROM lines").fetchall()
    connection.close()
    return rows, sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.png"))


class TestExport:
    def test_says_all_that_a_call_would_send(self, tmp_path: Path) -> None:
        job = write(tmp_path / "job.jsonl", asked("a", n=2), asked("b\u00e9"))
        with ImagesClient(api_key="sk-secret-secret", quality="low") as client:
            (path,) = export_batch(job, tmp_path / "out", client=client)
        assert path == tmp_path / "out" / "001-generations.jsonl"
        first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        assert list(first) == ["custom_id", "method", "url", "body"]
        assert (first["custom_id"], first["method"], first["url"]) == ("a", "POST", GENERATIONS)
        assert first["body"] == {"prompt": "a a", "n": 2, "quality": "low", "model": second["body"]["model"]}
        assert second["custom_id"] == "b\u00e9"
        assert b"sk-secret" not in path.read_bytes()
        assert [parse_line(each).custom_id for each in path.read_bytes().splitlines()] == ["a", "b\u00e9"]

    def test_converts_and_needs_no_key(self, tmp_path: Path) -> None:
        (tmp_path / "job.txt").write_text("a cat\na dog\n")
        (path,) = export_batch(tmp_path / "job.txt", tmp_path / "out")
        assert [json.loads(each)["body"]["prompt"] for each in path.read_text().splitlines()] == ["a cat", "a dog"]

    def test_has_an_endpoint_and_a_model_in_each_file(self, tmp_path: Path) -> None:
        reference = [{"image_url": "https://x/1.png"}]
        job = write(
            tmp_path / "job.jsonl",
            asked("a"),
            asked("b", EDITS, images=reference),
            asked("c", model="gpt-image-next"),
            asked("d"),
        )
        paths = export_batch(job, tmp_path / "out")
        ids = [[json.loads(each)["custom_id"] for each in path.read_text().splitlines()] for path in paths]
        assert [path.name for path in paths] == ["001-generations.jsonl", "002-edits.jsonl", "003-generations.jsonl"]
        assert ids == [["a", "d"], ["b"], ["c"]]

    def test_splits_by_lines(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_batch, "MOST_LINES", 2)
        job = write(tmp_path / "job.jsonl", *(asked(f"{number}") for number in range(5)))
        paths = export_batch(job, tmp_path / "out")
        assert [len(path.read_bytes().splitlines()) for path in paths] == [2, 2, 1]
        assert b"".join(path.read_bytes() for path in paths).count(b"\n") == 5

    def test_splits_by_size_and_never_a_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        job = write(tmp_path / "job.jsonl", *(asked(f"{number}") for number in range(5)))
        (one,) = export_batch(job, tmp_path / "one")
        length = len(one.read_bytes()) // 5
        monkeypatch.setattr(_batch, "LARGEST_FILE", 2 * length)
        assert [path.stat().st_size for path in export_batch(job, tmp_path / "out")] == [2 * length, 2 * length, length]

    def test_takes_local_files_along(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(PNG)
        (tmp_path / "2.png").write_bytes(drawn(16, 16, mode="RGB"))
        (tmp_path / "mask.png").write_bytes(PNG)
        job = write(tmp_path / "job.jsonl", asked("a", EDITS, image=["1.png", "2.png"], mask="mask.png"))
        (path,) = export_batch(job, tmp_path / "out")
        first = json.loads(path.read_text())["body"]
        head, _, data = first["images"][1]["image_url"].partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data) == (tmp_path / "2.png").read_bytes()
        assert first["mask"]["image_url"].startswith(head)
        assert "image" not in first

    def test_names_the_line_that_can_not_be_in_a_batch(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "1.png").write_bytes(drawn(16, 16))
        job = write(
            tmp_path / "job.jsonl", asked("a"), asked("b", VARIATIONS) | {"body": {"image": "1.png", "model": "dall-e-next"}}
        )
        with pytest.raises(
            InvalidRequestError, match=r"line 2 \(b\), url can't be in a batch, which takes JSON alone: use `run`"
        ):
            export_batch(job, tmp_path / "out")
        job = write(tmp_path / "job.jsonl", asked("a"), asked("b", EDITS, image="1.png"))
        monkeypatch.setattr(_batch, "LARGEST_FILE", 200)
        with pytest.raises(InvalidRequestError, match=r"line 2 \(b\), the line must have at most 200 bytes, and has \d+"):
            export_batch(job, tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []

    def test_refuses_a_file_that_no_reference_may_hold(self, tmp_path: Path) -> None:
        (tmp_path / "1.png").write_bytes(padded(PNG, 16 << 20))
        job = write(tmp_path / "job.jsonl", asked("a", EDITS, image="1.png"))
        with pytest.raises(InvalidRequestError, match=r"line 1 \(a\), images\.0\.image_url .*20971520"):
            export_batch(job, tmp_path / "out")

    @pytest.mark.parametrize("content", [b"no image, but a file", None])
    def test_refuses_a_file_that_is_none(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "1.bin"
        if content:
            path.write_bytes(content)
        with ImagesClient(api_key="x", validate="off") as client:
            job = write(tmp_path / "job.jsonl", asked("a", EDITS, image="1.bin"))
            with pytest.raises(InvalidRequestError, match=r"line 1 \(a\), image"):
                export_batch(job, tmp_path / "out", client=client)

    def test_tells_all_that_is_wrong_and_leaves_nothing(self, tmp_path: Path) -> None:
        told: list[Problem] = []
        job = write(tmp_path / "job.jsonl", asked("a", n=99), asked("a"), asked("b"), asked("b"))
        with pytest.raises(InvalidRequestError, match=r"line 1 \(a\), n .*line 4 \(b\), custom_id"):
            export_batch(job, tmp_path / "out", refusal=told.append)
        assert len(told) == 3
        assert [path.name for path in tmp_path.iterdir()] == ["job.jsonl"]

    def test_leaves_out_what_is_settled(self, tmp_path: Path) -> None:
        ids = [state.value for state in State]
        job = write(tmp_path / "job.jsonl", *map(asked, ids))
        write(tmp_path / "out.jsonl", answered("done"))
        import_batch(tmp_path / "out.jsonl", tmp_path / "run", job=job)
        with Journal(tmp_path / "run") as journal:
            journal.record([entry._replace(state=State(entry.custom_id)) for entry in journal.entries()])
        exported = {
            flag: [
                json.loads(line)["custom_id"]
                for path in export_batch(job, tmp_path / f"out{flag}", journal=tmp_path / "run", repeat_ambiguous=flag)
                for line in path.read_text().splitlines()
            ]
            for flag in (False, True)
        }
        assert exported == {False: ["pending", "failed"], True: ["pending", "failed", "ambiguous"]}

    def test_writes_nothing_where_all_is_done(self, tmp_path: Path) -> None:
        job = write(tmp_path / "job.jsonl", asked("a"))
        import_batch(write(tmp_path / "out.jsonl", answered("a")), tmp_path / "run", job=job)
        assert export_batch(job, tmp_path / "out", journal=tmp_path / "run") == []
        assert not (tmp_path / "out").exists()

    def test_takes_an_empty_folder_and_no_other(self, tmp_path: Path) -> None:
        job = write(tmp_path / "job.jsonl", asked("a"))
        (tmp_path / "out").mkdir()
        export_batch(job, tmp_path / "out")
        with pytest.raises(InvalidRequestError, match="must be empty"):
            export_batch(job, tmp_path / "out")

    def test_is_whole_or_not_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        job = write(tmp_path / "job.jsonl", asked("a"))

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        monkeypatch.setattr("images_api.bulk._conversion.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            export_batch(job, tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["job.jsonl"]


class TestImport:
    @pytest.fixture
    def job(self, tmp_path: Path) -> Path:
        return write(tmp_path / "job.jsonl", *(asked(name, n=2 if name == "two" else 1) for name in ("one", "two", "three")))

    def test_saves_images_and_notes_them_whatever_their_order(self, tmp_path: Path, job: Path) -> None:
        other = drawn(20, 20)
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        output = write(tmp_path / "out.jsonl", answered("three"), answered("two", made(PNG, other, usage=usage)), answered("one"))
        imported = import_batch(output, tmp_path / "run", job=job)
        assert (imported.taken, imported.known, imported.left, imported.exit_status) == (3, 0, 0, 0)
        assert files(tmp_path / "run") == {"one.png": PNG, "two-1.png": PNG, "two-2.png": other, "three.png": PNG}
        entry = entries(tmp_path / "run")["two"]
        assert (entry.state, entry.request_id, entry.attempts, entry.usage) == (State.DONE, "req-two", 1, usage)
        assert [file.sha256 for file in entry.files] == [sha256(each).hexdigest() for each in (PNG, other)]
        assert str(imported).startswith("3 lines imported, 0 known before, 0 not taken\n3 lines: 3 done")
        assert imported.summary.usage == usage

    def test_changes_nothing_when_it_is_done_again(self, tmp_path: Path, job: Path) -> None:
        broken = made(PNG) | {"data": [*made(PNG)["data"], {"b64_json": "AAAA"}]}
        output = write(
            tmp_path / "out.jsonl",
            answered("one"),
            answered("two", broken),
            answered("three", refusal("rate_limit_exceeded"), 429),
        )
        import_batch(output, tmp_path / "run", job=job)
        before = snapshot(tmp_path / "run")
        assert {name: entry.state for name, entry in entries(tmp_path / "run").items()} == {
            "one": State.DONE,
            "two": State.AMBIGUOUS,
            "three": State.FAILED,
        }
        again = import_batch(output, tmp_path / "run")
        assert (again.taken, again.known, again.exit_status) == (0, 3, 8)
        assert snapshot(tmp_path / "run") == before

    @pytest.mark.parametrize(
        ("line", "state", "code"),
        [
            (answered("one", refusal("moderation_blocked"), 400), State.REFUSED, "moderation_blocked"),
            (answered("one", refusal("invalid_value"), 400), State.REFUSED, "invalid_value"),
            (answered("one", refusal("invalid_api_key"), 401), State.FAILED, "invalid_api_key"),
            (answered("one", refusal("rate_limit_exceeded"), 429), State.FAILED, "rate_limit_exceeded"),
            (answered("one", refusal("insufficient_quota"), 429), State.FAILED, "insufficient_quota"),
            (answered("one", refusal("\ud83d", "\ud83d"), 400), State.REFUSED, "?"),
            (answered("one", refusal("server_error"), 500), State.AMBIGUOUS, "server_error"),
            (answered("one", {"created": 1, "data": []}), State.AMBIGUOUS, "NoImageError"),
            (answered("one", [1]), State.AMBIGUOUS, "ResponseError"),
            (answered("one", "no JSON"), State.AMBIGUOUS, "ResponseError"),
            (answered("one", refusal("moderation_blocked")), State.REFUSED, "moderation_blocked"),
            (answered("one", json.dumps(made(PNG))), State.DONE, None),
            (
                answered("one", {"data": [{"b64_json": "data:image/png;base64," + base64.b64encode(PNG).decode()}]}),
                State.DONE,
                None,
            ),
            (never("one", "batch_expired"), State.FAILED, "batch_expired"),
            (never("one", "batch_cancelled"), State.FAILED, "batch_cancelled"),
            (never("one", "request_timeout"), State.AMBIGUOUS, "request_timeout"),
            ({"custom_id": "one", "error": {}}, State.AMBIGUOUS, "batch_error"),
        ],
    )
    def test_tells_what_became_of_a_line(self, tmp_path: Path, job: Path, line: object, state: State, code: str) -> None:
        import_batch(write(tmp_path / "out.jsonl", line), tmp_path / "run", job=job)
        entry = entries(tmp_path / "run")["one"]
        assert (entry.state, entry.error_code) == (state, code)
        assert bool(entry.files) == (state == State.DONE)

    def test_keeps_what_can_not_be_understood(self, tmp_path: Path, job: Path) -> None:
        import_batch(write(tmp_path / "out.jsonl", answered("one", {"what": "is this"})), tmp_path / "run", job=job)
        assert entries(tmp_path / "run")["one"].error.endswith("; the answer is kept in one.response")  # type: ignore[union-attr]
        assert json.loads((tmp_path / "run" / "one.response").read_bytes()) == {"what": "is this"}

    def test_takes_a_line_that_failed_before(self, tmp_path: Path, job: Path) -> None:
        import_batch(write(tmp_path / "1.jsonl", never("one", "batch_expired")), tmp_path / "run", job=job)
        import_batch(write(tmp_path / "2.jsonl", answered("one")), tmp_path / "run")
        entry = entries(tmp_path / "run")["one"]
        assert (entry.state, entry.attempts, entry.error, entry.error_code) == (State.DONE, 2, None, None)

    def test_does_not_take_back_that_a_line_may_have_run(self, tmp_path: Path, job: Path) -> None:
        import_batch(write(tmp_path / "1.jsonl", never("one", "request_timeout")), tmp_path / "run", job=job)
        imported = import_batch(write(tmp_path / "2.jsonl", never("one", "batch_expired")), tmp_path / "run")
        assert (imported.known, entries(tmp_path / "run")["one"].state) == (1, State.AMBIGUOUS)
        import_batch(write(tmp_path / "3.jsonl", answered("one")), tmp_path / "run")
        assert entries(tmp_path / "run")["one"].state == State.DONE

    def test_tells_of_lines_that_can_not_be_taken_and_takes_the_others(self, tmp_path: Path, job: Path) -> None:
        output = write(tmp_path / "out.jsonl", answered("other"), [1], {"custom_id": 7}, {"custom_id": "two"}, answered("one"))
        with output.open("a") as file:
            file.write("\n  \n" + json.dumps(answered("three"))[:-50])
        told: list[Problem] = []
        imported = import_batch(output, tmp_path / "run", job=job, refusal=told.append)
        assert (imported.taken, imported.left, imported.exit_status) == (1, 5, 8)
        assert [each.parameter for each in imported.problems] == [
            "line 1 (other), custom_id",
            "line 2, the line",
            "line 3, the line",
            "line 4 (two), response",
            "line 8, the line",
        ]
        assert tuple(told) == imported.problems
        assert "not whole" in str(imported)
        assert entries(tmp_path / "run")["three"].state == State.PENDING

    def test_refuses_the_output_of_another_job(self, tmp_path: Path, job: Path) -> None:
        output = write(tmp_path / "out.jsonl", answered("x"), answered("y"))
        with pytest.raises(
            InvalidRequestError, match=r"line 1 \(x\), custom_id is in no line of the job.*must have a line of the"
        ):
            import_batch(output, tmp_path / "run", job=job)
        with pytest.raises(InvalidRequestError, match="must have a line of the job"):
            import_batch(write(tmp_path / "empty.jsonl"), tmp_path / "run", job=job)

    def test_needs_the_job_where_there_is_no_journal(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match="job must be given, since there is no journal of it"):
            import_batch(write(tmp_path / "out.jsonl", answered("x")), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_takes_a_line_that_stands_there_twice_once(self, tmp_path: Path, job: Path) -> None:
        output = write(tmp_path / "out.jsonl", answered("one"), answered("one", made(drawn(9, 9))))
        imported = import_batch(output, tmp_path / "run", job=job)
        assert (imported.taken, imported.known, files(tmp_path / "run")) == (1, 1, {"one.png": PNG})

    def test_refuses_a_line_that_holds_too_much(self, tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_batch, "MOST_TEXT", 2000)
        monkeypatch.setattr(_batch, "_CHUNK", 100)
        output = write(tmp_path / "out.jsonl", answered("one", {"x": "y " * 3000}), answered("two", made(PNG, PNG)))
        imported = import_batch(output, tmp_path / "run", job=job)
        assert (imported.taken, imported.left) == (1, 1)
        assert "line 1, the line must have at most 0 MiB besides its images" in str(imported)

    def test_refuses_a_body_that_is_too_large(self, tmp_path: Path, job: Path) -> None:
        with ImagesClient(api_key="x", max_response_bytes=10) as client:
            output = write(tmp_path / "out.jsonl", answered("one"), answered("two", json.dumps(made(PNG))))
            imported = import_batch(output, tmp_path / "run", job=job, client=client)
        assert (imported.taken, imported.left) == (1, 1)
        assert "line 2 (two), body" in str(imported)

    def test_stops_where_the_disk_is_full_and_goes_on_later(
        self, tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_batch, "_GROUP", 1)
        write_images, calls = Store.write, iter(range(9))

        def full(*given: Any) -> Any:
            if next(calls) == 1:
                raise OSError(28, "No space left on device")
            return write_images(*given)

        monkeypatch.setattr(Store, "write", full)
        output = write(tmp_path / "out.jsonl", *map(answered, ("one", "two", "three")))
        with pytest.raises(OSError, match=r"No space left on device; what was noted before is kept"):
            import_batch(output, tmp_path / "run", job=job)
        assert files(tmp_path / "run").keys() == {"one.png"}
        imported = import_batch(output, tmp_path / "run")
        assert (imported.taken, imported.known) == (2, 1)
        assert files(tmp_path / "run").keys() == {"one.png", "two-1.png", "three.png"}

    @pytest.mark.parametrize("step", [Store.write, Store.sync, Journal.record, Store.publish])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_cut_at_any_step_changes_nothing_in_the_end(
        self, tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch, step: Any, when: str
    ) -> None:
        monkeypatch.setattr(_batch, "_GROUP", 2)
        calls = iter(range(99))

        def cut(*given: Any) -> Any:
            is_last = next(calls) == 1
            if is_last and when == "before":
                raise KeyboardInterrupt
            result = step(*given)
            if is_last:
                raise KeyboardInterrupt
            return result

        owner = Journal if step is Journal.record else Store
        output = write(tmp_path / "out.jsonl", answered("three"), answered("two", made(PNG, PNG)), answered("one"))
        with monkeypatch.context() as patch:
            patch.setattr(owner, step.__name__, cut)
            with pytest.raises(KeyboardInterrupt):
                import_batch(output, tmp_path / "run", job=job)
        assert import_batch(output, tmp_path / "run", job=job).exit_status == 0
        assert files(tmp_path / "run") == dict.fromkeys(["one.png", "two-1.png", "two-2.png", "three.png"], PNG)
        assert {len(entry.files) for entry in entries(tmp_path / "run").values()} == {1, 2}
        assert not (tmp_path / "run" / ".images-api").exists()

    def test_never_shows_the_key(self, tmp_path: Path, job: Path) -> None:
        key = "sk-abcdefgh12345678"
        lines = [
            answered("one", refusal("bad", f"not {key}"), 400),
            answered("two", {"said": key}),
            never("three", "x") | {"error": {"code": "x", "message": key}},
        ]
        with ImagesClient(api_key=key) as client:
            import_batch(write(tmp_path / "out.jsonl", *lines), tmp_path / "run", job=job, client=client)
        for path in (tmp_path / "run").rglob("*"):
            assert path.is_dir() or key.encode() not in path.read_bytes()

    def test_reports(self, tmp_path: Path, job: Path) -> None:
        told: list[Progress] = []
        output = write(tmp_path / "out.jsonl", *map(answered, ("one", "two", "three")))
        import_batch(output, tmp_path / "run", job=job, report=told.append, interval=0)
        assert [each.images for each in told] == [0, 0, 0, 3]
        assert told[-1].counts[State.DONE] == 3
        assert told[-1].remaining == 0

    @needs_peak
    def test_needs_no_memory_for_what_is_in_a_line_nor_for_lines(self, tmp_path: Path) -> None:
        size = 24 << 20
        small, one, several = (import_peak(tmp_path, lines=lines, size=size) for lines, size in ((2, 1000), (1, size), (6, size)))
        assert several < one + (8 << 20)
        assert one < small + 2 * size  # though a line has 32 MiB of base64: what is saved is read once


class TestLinks:
    @pytest.fixture
    def server(self) -> Iterator[FileServer]:
        with FileServer() as server:
            yield server

    def test_are_fetched_and_kept_where_they_can_not_be(self, tmp_path: Path, server: FileServer) -> None:
        job = write(tmp_path / "job.jsonl", asked("a", n=2))
        links = [server.answer("/1.png", Reply(PNG)), server.answer("/2.png", Reply(status=404))]
        output = write(tmp_path / "out.jsonl", answered("a", {"data": [{"url": link} for link in links]}))
        take = partial(import_batch, output, tmp_path / "run", client=ImagesClient(base_url=server.url))
        take(job=job)
        entry = entries(tmp_path / "run")["a"]
        assert (entry.state, entry.links, [*files(tmp_path / "run")]) == (State.AMBIGUOUS, ("", links[1]), ["a-1.png"])
        before = snapshot(tmp_path / "run")
        assert take().known == 1
        assert snapshot(tmp_path / "run") == before
        server.answer("/2.png", Reply(drawn(9, 9)))
        assert take().exit_status == 0
        assert entries(tmp_path / "run")["a"].links == ()
        assert files(tmp_path / "run") == {"a-1.png": PNG, "a-2.png": drawn(9, 9)}
