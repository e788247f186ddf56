"""Bulk at the prompt: what it says of a job, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import images_api
from pictures import drawn
from platforms import needs_dask, needs_posix
from waiting import wait_until

from images_api.cli._bulk import _STATES
from images_api.cli._failures import ExitStatus

if TYPE_CHECKING:
    from images_api.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _here(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
    Path("job.txt").write_text("an otter\na cat\na dog\n", encoding="utf-8")


def test_a_job_is_made_once(sandbox: Sandbox) -> None:
    ended = images_api("bulk", "run", "job.txt", "out", "--names", "{subject}.{ext}")
    assert (ended.status, ended.stderr, ended.lines[0]) == (0, "", "3 lines: 3 done")
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["a-cat.png", "a-dog.png", "an-otter.png"]
    ended = images_api("bulk", "run", "job.txt", "out", "--names", "{subject}.{ext}", "--json")
    assert (ended.status, ended.said["counts"]["done"], ended.said["lines"], sandbox.pictures_made) == (0, 3, 3, 3)


def test_what_is_wrong_is_told_line_by_line_and_nothing_is_sent(sandbox: Sandbox) -> None:
    Path("bad.jsonl").write_text('{"prompt": "x", "n": 0}\n{"prompt": "y"}\n{"prompt": "z", "n": 0}\n', encoding="utf-8")
    for arguments in (["check", "bad.jsonl"], ["run", "bad.jsonl", "out"]):
        ended = images_api("bulk", *arguments)
        said = [f"error: line {number} (00000{number}), n must be at least 1, got 0" for number in (1, 3)]
        assert (ended.status, ended.stderr.splitlines(), len(sandbox.requests)) == (2, [*said, "error: nothing was sent"], 0)


def test_a_job_can_be_checked(sandbox: Sandbox) -> None:
    ended = images_api("bulk", "check", "job.txt")
    assert (ended.status, ended.lines) == (0, ["3 lines ask for 3 images, and may be sent"])
    assert images_api("bulk", "check", "job.txt", "--json").said == {"lines": 3, "images": 3}
    assert not sandbox.requests


def test_what_isnt_done_is_told_and_can_be_listed(sandbox: Sandbox) -> None:
    sandbox.fail_next(status=400, code="moderation_blocked", message="No.")
    ended = images_api("bulk", "run", "job.txt", "out", "--concurrency", 1)
    assert (ended.status, ended.lines[0]) == (ExitStatus.PARTIAL, "3 lines: 2 done, 1 refused")
    ended = images_api("bulk", "status", "out", "--state", "refused")
    assert (ended.status, ended.lines[0].split("\t")[:3]) == (ExitStatus.PARTIAL, ["1", "000001", "refused"])
    ended = images_api("bulk", "status", "out", "--state", "done", "--state", "refused", "--json")
    assert [json.loads(line)["state"] for line in ended.lines] == ["refused", "done", "done"]
    assert images_api("bulk", "status", "out").lines[0] == "3 lines: 2 done, 1 refused"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "job.txt", "out", "--concurrency", 0], "error: --concurrency must be a whole number from 1, got 0\n"),
        (["run", "job.txt", "out", "--deadline", 0], "error: --deadline must be above 0, got 0.0\n"),
        (
            ["run", "job.txt", "out", "--local", "--base-url", "http://h"],
            "error: --local is a server of its own",
        ),
        (["run", "missing.txt", "out"], "error: [Errno 2] No such file or directory: "),
        (["status", "empty"], "error: "),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, list) else "",
)
def test_what_cant_be_is_refused(arguments: list[object], said: str) -> None:
    ended = images_api("bulk", *arguments)
    assert (ended.status in {1, 2}, ended.stderr.startswith(said)) == (True, True)


def test_a_dry_run_tells_what_there_is_to_do(sandbox: Sandbox) -> None:
    ended = images_api("bulk", "run", "job.txt", "out", "--dry-run")
    assert "3 to be made" in ended.lines[1]
    assert not sandbox.requests


@needs_posix
def test_ctrl_c_says_what_it_has_come_to(sandbox: Sandbox) -> None:
    sandbox.fail_next("silence", times=3)
    # In the background of a shell, Ctrl-C would be ignored.
    code = "import signal, sys; signal.signal(2, signal.default_int_handler); from images_api.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "bulk", "run", "job.txt", "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        wait_until(lambda: len(sandbox.requests) == 3)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert process.returncode == ExitStatus.INTERRUPTED
    assert said.startswith("3 lines: 3 ambiguous\nstopped: interrupted\n")


def test_states_are_those_of_the_journal() -> None:
    from images_api.bulk import State

    assert [*_STATES] == [*State]


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['aiolimiter'] = None; from images_api.cli import main; sys.exit(main())"
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code, "bulk", "run", "job.txt", "out", "--images-per-minute", "9"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = "error: a number of images a minute needs more than is installed (aiolimiter): pip install 'images-api[bulk]'\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_job_goes_through_the_batch_api_and_back() -> None:
    ended = images_api("bulk", "export", "job.txt", "batch")
    assert (ended.status, [Path(line).name for line in ended.lines]) == (0, ["001-generations.jsonl"])
    asked = [json.loads(line) for line in Path(ended.lines[0]).read_text(encoding="utf-8").splitlines()]
    assert [line["body"]["prompt"] for line in asked] == ["an otter", "a cat", "a dog"]
    body = {"created": 1, "data": [{"b64_json": b64encode(drawn()).decode()}]}
    answers = [{"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}} for line in asked[:2]]
    Path("output.jsonl").write_text("".join(f"{json.dumps(answer)}\n" for answer in answers), encoding="utf-8")
    ended = images_api("bulk", "import", "output.jsonl", "out", "--job", "job.txt")
    assert (ended.status, ended.lines[:2]) == (
        ExitStatus.PARTIAL,
        ["2 lines imported, 0 known before, 0 not taken", "3 lines: 1 pending, 2 done"],
    )
    again = images_api("bulk", "import", "output.jsonl", "out", "--json")
    assert (again.said["taken"], again.said["known"], again.said["counts"]["done"]) == (0, 2, 2)
    assert images_api("bulk", "run", "job.txt", "out").lines[0] == "3 lines: 3 done"


def test_a_sheet_is_written_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def launch(path: str) -> int:
        opened.append(path)
        return 1

    monkeypatch.setattr("click.launch", launch)
    images_api("bulk", "run", "job.txt", "out")
    ended = images_api("bulk", "sheet", "out", "--thumbnails", "--open")
    assert (ended.status, ended.lines, opened) == (0, ["out/sheet.html"], ["out/sheet.html"])
    assert ended.stderr == "warning: out/sheet.html could not be opened\n"
    assert "an otter" in Path("out/sheet.html").read_text(encoding="utf-8")
    assert images_api("bulk", "sheet", "nowhere").status == ExitStatus.USAGE


@needs_dask
def test_a_cluster_makes_a_job(sandbox: Sandbox) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address=":0") as cluster:
        local: Any = cluster
        ended = images_api("bulk", "run", "job.txt", "out", "--dask", local.scheduler_address, "--chunk", 2)
    assert (ended.status, ended.lines[0], sandbox.pictures_made) == (0, "3 lines: 3 done", 3)


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ended = images_api("bulk", "run", "job.txt", "out", "--dask", "tcp://127.0.0.1:1")
    said = "error: --dask needs more than is installed (distributed): pip install 'images-api[dask]'\n"
    assert (ended.status, ended.stderr) == (ExitStatus.FAILED, said)


@needs_dask
def test_a_job_at_a_url_is_made_and_told_of(sandbox: Sandbox) -> None:
    assert images_api("bulk", "run", "job.txt", "memory://told").status == 0
    assert images_api("bulk", "status", "memory://told").lines[0] == "3 lines: 3 done"
