"""Calls at the prompt, against a sandbox: what is sent, what is saved, what is said, and how it ends."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import sys
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import images_api
from pictures import drawn
from PIL import Image

import images_api as package
from images_api.cli._failures import ExitStatus

if TYPE_CHECKING:
    from images_api.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _here(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "rescue"))
    (tmp_path / "rescue").mkdir()


@pytest.fixture
def otter(tmp_path: Path) -> Path:
    path = tmp_path / "otter.png"
    path.write_bytes(drawn(64, 64))
    return path


class TestWhatIsSent:
    def test_a_text_makes_an_image(self, sandbox: Sandbox) -> None:
        ended = images_api(
            "generate",
            "a baby sea otter",
            "--size",
            "1536x1024",
            "--quality",
            "low",
            "--output-compression",
            50,
            "--output-format",
            "webp",
        )
        assert (ended.status, ended.lines, ended.stderr) == (0, ["a-baby-sea-otter-1.webp"], "")
        (request,) = sandbox.requests
        assert request.parameters == {
            "model": "gpt-image-2.5-flare",
            "prompt": "a baby sea otter",
            "size": "1536x1024",
            "quality": "low",
            "output_compression": 50,
            "output_format": "webp",
        }
        with Image.open("a-baby-sea-otter-1.webp") as image:
            assert (image.format, image.size) == ("WEBP", (1536, 1024))

    def test_images_go_along(self, sandbox: Sandbox, otter: Path) -> None:
        Path("hat.png").write_bytes(drawn(32, 32))
        Path("mask.png").write_bytes(drawn(64, 64))
        ended = images_api("edit", otter, "hat.png", "put the hat on", "--mask", "mask.png", "-o", "out/")
        assert (ended.status, ended.lines) == (0, ["out/put-the-hat-on-1.png"])
        (request,) = sandbox.requests
        assert {name: [image.name for image in images] for name, images in request.images.items()} == {
            "image": ["otter.png", "hat.png"],
            "mask": ["mask.png"],
        }

    def test_a_link_goes_as_a_reference(self, sandbox: Sandbox) -> None:
        assert images_api("edit", "file-abc", "a hat", "--validate", "off").status in {0, 1, 7}
        assert json.loads(sandbox.requests[0].body)["images"] == [{"file_id": "file-abc"}]

    def test_a_command_is_called_as_the_contract_says(self, sandbox: Sandbox, otter: Path) -> None:
        ended = images_api("variation", otter, "--n", 2, "--size", "256x256", "--model", "dall-e-2")
        assert (ended.status, ended.lines) == (0, ["otter-1.png", "otter-2.png"])
        assert sandbox.requests[0].path == "/v1/images/variations"

    @pytest.mark.parametrize(
        ("given", "stdin"), [("-", "ein Ötter\n"), ("-", "ein Ötter\r\n"), ("@prompt.txt", ""), ("-", "ein Ötter")]
    )
    def test_a_text_comes_from_a_file_or_a_pipe(self, sandbox: Sandbox, given: str, stdin: str) -> None:
        Path("prompt.txt").write_text("ein Ötter\n", encoding="utf-8")
        assert images_api("generate", given, stdin=stdin.encode()).status == 0
        assert sandbox.requests[0].parameters["prompt"] == "ein Ötter"

    def test_a_pipe_that_brings_no_text_is_refused(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "-", stdin=b"\xff\xfe")
        assert (ended.status, len(sandbox.requests)) == (ExitStatus.USAGE, 0)
        assert ended.stderr == "error: the standard input is no text in UTF-8 (invalid start byte at byte 0)\n"

    def test_an_image_comes_from_a_pipe(self, sandbox: Sandbox, otter: Path) -> None:
        assert images_api("edit", "-", "a hat", stdin=otter.read_bytes()).status == 0
        assert sandbox.requests[0].images["image"][0].content == otter.read_bytes()

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_an_image_comes_from_a_named_pipe(self, sandbox: Sandbox, otter: Path) -> None:
        os.mkfifo("pipe")
        writer = threading.Thread(target=lambda: Path("pipe").write_bytes(otter.read_bytes()))
        writer.start()
        assert images_api("edit", "pipe", "a hat").status == 0
        writer.join()
        assert sandbox.requests[0].images["image"][0].content == otter.read_bytes()

    def test_fields_of_a_vendor_go_along(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--param", "seed=7", "--param", 'extra={"a": [1]}', "--validate", "off")
        assert json.loads(sandbox.requests[0].body) | {"prompt": "x", "model": ""} == {
            "prompt": "x",
            "model": "",
            "seed": 7,
            "extra": {"a": [1]},
        }
        assert ended.stderr.count("\n") <= 1

    def test_what_has_parts_is_json(self, sandbox: Sandbox) -> None:
        given = {"model": "m", "reasoning": {"effort": "low"}}
        assert images_api("generate", "x", "--output-format", "svg", "--svg", json.dumps(given)).status == 0
        assert sandbox.requests[0].parameters["svg"] == given

    def test_how_to_ask(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("key").write_text("sk-of-the-file\n", encoding="ascii")
        monkeypatch.delenv("OPENAI_BASE_URL")
        sandbox.fail_next(status=503, retry_after=1)
        ended = images_api(
            *("generate", "x", "--base-url", sandbox.base_url, "--key-file", "key", "--auth-header", "api-key", "--retries", 0)
        )
        assert (ended.status, len(sandbox.requests)) == (ExitStatus.SERVER, 1)
        assert "api-key" in sandbox.requests[0].headers
        assert "authorization" not in sandbox.requests[0].headers
        assert "sk-of" not in ended.stderr

    def test_a_timeout_is_told_as_one(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("silence")
        ended = images_api("generate", "x", "--timeout", 0.3)
        assert ended.status == ExitStatus.CUT
        assert "The server may have begun, and may bill the call." in ended.stderr


class TestRefusedBeforeSending:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["generate"], "error: Missing argument 'PROMPT'.\nimages-api generate --help tells more\n"),
            (["generate", "x", "--n", "a"], "error: Invalid value for '--n': 'a' is not a valid integer.\n"),
            (["generate", "x", "--svg", "{"], "error: Invalid value for '--svg': '{' is no JSON (Expecting property name"),
            (["generate", "x", "--model", "dall-e-3", "--n", 3], "error: --n must be at most 1 for dall-e-3, got 3\n"),
            (
                ["generate", "x", "--n", 0, "--output-compression", 101],
                "error: --n must be at least 1, got 0; --output-compression ",
            ),
            (["generate", "x", "--output-format", "svg", "--svg", '{"model": 5}'], "error: --svg.model must be a text, got 5\n"),
            (["edit", "missing.png", "x"], "error: image can't be read"),
            (["generate", "@missing.txt"], "error: missing.txt can't be read ("),
            (["edit", "-", "-"], "error: only one argument can be -, for the standard input is read once\n"),
            (["generate", "x", "--param", "seed"], "error: --param must be NAME=JSON, got 'seed'\n"),
            (["generate", "x", "--param", "=5"], "error: --param must be NAME=JSON, got '=5'\n"),
            (
                ["generate", "x", "--param", "note=hello"],
                "error: --param note must be JSON, got 'hello'; a text is written note='\"hello\"'\n",
            ),
            (["generate", "x", "--param", "n=5"], "error: --param is for what the contract doesn't know, and n is an option\n"),
            (["generate", "x", "--timeout", 0], "error: --timeout must be seconds above 0"),
            (["generate", "x", "--retries", -1], "error: --retries must be a whole number from 0, got -1\n"),
            (["generate", "x", "--base-url", "ftp://host"], "error: --base-url must be a URL that begins with http://"),
            (
                ["generate", "x", "--local", "--base-url", "http://h"],
                "error: --local is a server of its own: it can't go with --base-url\n",
            ),
            (["generate", "x", "--key-file", "missing"], "error: --key-file missing can't be read: No such file or directory\n"),
            (["generate", "x", "-o", "-", "--n", 2], "error: -o - takes one image, and 2 are asked for\n"),
            (["generate", "x", "-o", "-", "--json"], "error: --json can't go with -o -\n"),
            (["generate", "x", "-o", "-", "--sidecar"], "error: --sidecar can't go with -o -\n"),
            (["generate", "x", "-o", "otter.png/x.png"], "error: otter.png/x.png can't be written, for "),
            (["generate", "x", "-o", "{name}.png"], "error: -o may hold {index}, {ext} and {subject}, got '{name}.png'\n"),
            (
                ["generate", "x", "-o", "otter.png", "--no-overwrite"],
                "error: otter.png is there, and --no-overwrite leaves it as it is\n",
            ),
            (
                ["generate", "x", "--n", 2, "-o", "o.png", "--no-overwrite"],
                "error: o-2.png is there, and --no-overwrite leaves it as it is\n",
            ),
            (["generate", "x", "--partials", "otter.png"], "error: "),
            (["paint", "x"], "error: No such command 'paint'"),
        ],
        ids=lambda value: " ".join(map(str, value))[:60] if isinstance(value, list) else "",
    )
    def test_it_says_why(self, sandbox: Sandbox, otter: Path, arguments: list[object], said: str) -> None:
        Path("o-2.png").touch()
        ended = images_api(*arguments)
        assert ended.stderr.startswith(said)
        assert (ended.status, ended.stdout, len(sandbox.requests)) == (ExitStatus.USAGE, b"", 0)

    def test_a_key_is_needed_for_the_official_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_BASE_URL")
        monkeypatch.delenv("OPENAI_API_KEY")
        ended = images_api("generate", "x")
        said = "error: there is no key: set OPENAI_API_KEY, or name a file that holds it with --key-file\n"
        assert (ended.status, ended.stderr) == (ExitStatus.USAGE, said)

    def test_an_empty_key_file_is_none(self) -> None:
        Path("key").write_text("\n", encoding="ascii")
        assert images_api("generate", "x", "--key-file", "key").stderr == "error: --key-file key is empty\n"

    @pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a folder that is closed")
    def test_a_closed_folder(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=stat.S_IRUSR)
        assert "is closed to you" in images_api("generate", "x", "-o", "closed/").stderr

    def test_as_json(self) -> None:
        ended = images_api("generate", "x", "--n", 0, "--json")
        assert (ended.status, ended.said["error"]["type"]) == (2, "InvalidRequestError")
        assert ended.said["error"]["message"] == "--n must be at least 1, got 0"


class TestDryRun:
    def test_it_shows_the_checked_request(self, sandbox: Sandbox, otter: Path) -> None:
        ended = images_api("edit", otter, "a hat\nor two", "--n", 2, "--dry-run", "--param", "seed=[7]")
        assert (ended.status, ended.stderr, len(sandbox.requests)) == (0, "", 0)
        assert ended.lines == [
            f"POST {sandbox.base_url}/images/edits",
            "model: gpt-image-2.5-flare",
            "prompt: a hat\\nor two",
            "n: 2",
            "seed: [7]",
            f'image: {{"name": "otter.png", "type": "image/png", "width": 64, "height": 64, "bytes": {otter.stat().st_size}}}',
        ]

    def test_as_json(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--model", "dall-e-2", "--dry-run", "--json")
        assert ended.said == {
            "method": "POST",
            "url": f"{sandbox.base_url}/images/generations",
            "fields": {"n": 1, "size": "1024x1024", "response_format": "url", "model": "dall-e-2", "prompt": "x"},
            "files": {},
        }

    def test_it_needs_no_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_BASE_URL")
        monkeypatch.delenv("OPENAI_API_KEY")
        assert images_api("generate", "x", "--dry-run").status == 0

    def test_what_is_wrong_is_refused(self) -> None:
        assert images_api("generate", "x", "--n", 0, "--dry-run").status == ExitStatus.USAGE


class TestWhatIsSaved:
    def test_into_a_file(self, sandbox: Sandbox) -> None:
        assert images_api("generate", "x", "-o", "y").lines == ["y.png"]
        assert images_api("generate", "x", "-o", "y.png").lines == ["y.png"]

    def test_another_extension_is_warned_of(self) -> None:
        ended = images_api("generate", "x", "-o", "y.webp")
        said = "warning: y.webp is saved as asked, but holds an image of the kind .png\n"
        assert (ended.status, ended.stderr, ended.lines) == (0, said, ["y.webp"])

    def test_nothing_in_a_folder_is_replaced(self) -> None:
        names = [images_api("generate", "an otter").lines for _ in range(2)]
        assert names == [["an-otter-1.png"], ["an-otter-2.png"]]
        assert images_api("generate", "an otter", "--no-overwrite").lines == ["an-otter-3.png"]

    def test_with_a_template(self) -> None:
        ended = images_api("generate", "an otter", "--n", 2, "-o", "{subject}/{index:02}.{ext}")
        assert ended.lines == ["an-otter/01.png", "an-otter/02.png"]

    def test_to_the_standard_output(self) -> None:
        ended = images_api("generate", "x", "-o", "-")
        assert (ended.status, ended.stderr) == (0, "")
        with Image.open(BytesIO(ended.stdout)) as image:
            assert image.size == (1024, 1024)
        assert not list(Path().glob("*.png"))

    def test_links_are_fetched(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--model", "dall-e-3", "--json")
        assert (ended.status, [Path(each["path"]).is_file() for each in ended.said["images"]]) == (0, [True])

    def test_a_link_that_cant_be_fetched_is_told(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("expired url")
        ended = images_api("generate", "x", "--model", "dall-e-2", "--n", 2)
        assert (ended.status, ended.stdout) == (ExitStatus.SERVER, b"")
        found = ended.stderr.splitlines()
        assert [line.partition(", and is not fetched: ")[0] for line in found] == [
            f"error: image {index} lies at {line.split()[5].rstrip(',')}" for index, line in enumerate(found, 1)
        ]
        assert len(found) == 2
        assert all(line.split()[5].startswith(f"{sandbox.base_url.removesuffix('/v1')}/") for line in found)

    def test_ctrl_c_while_links_are_fetched_tells_where_they_lie(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(image: package.GeneratedImage) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(package.GeneratedImage, "open", interrupt)
        ended = images_api("generate", "x", "--model", "dall-e-2", "--n", 2)
        assert ended.status == ExitStatus.INTERRUPTED
        assert [line.split()[1:5] for line in ended.stderr.splitlines()] == [["image", str(n), "lies", "at"] for n in (1, 2)]

    def test_ctrl_c_waits_until_all_is_saved(self, monkeypatch: pytest.MonkeyPatch) -> None:
        save = package._results.save_images

        def interrupted(*arguments: Any, **options: Any) -> list[Path]:
            signal.raise_signal(signal.SIGINT)
            return save(*arguments, **options)

        monkeypatch.setattr("images_api._results.save_images", interrupted)
        ended = images_api("generate", "x")
        assert (ended.status, ended.lines, Path("x-1.png").is_file()) == (ExitStatus.INTERRUPTED, ["x-1.png"], True)

    def test_what_cant_be_written_is_saved_elsewhere(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("x-1.png").mkdir()
        Path("x-2.png").mkdir()
        ended = images_api("generate", "x", "-o", "x.png", "--n", 2)
        assert (ended.status, len(ended.lines)) == (ExitStatus.FAILED, 2)
        assert all(Path(line).is_file() and "rescue" in line for line in ended.lines)
        folder = Path(ended.lines[0]).parent
        assert ended.stderr == f"error: [Errno 17] File exists: 'x-1.png'; saved in {folder} instead\n"

    def test_an_image_more_than_the_pipe_takes(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "images_api.cli._calling.of_request", lambda checked, extra: checked.__setattr__("images", 1) or {"fields": {}}
        )
        ended = images_api("generate", "x", "-o", "-", "--n", 2)
        assert ended.stdout.startswith(b"\x89PNG")
        assert "error: only one image can go to the standard output; saved in " in ended.stderr
        assert ended.status == ExitStatus.FAILED

    def test_a_sidecar_says_where_an_image_comes_from(self, sandbox: Sandbox, otter: Path) -> None:
        ended = images_api("edit", otter, "a hat", "--sidecar", "-o", "hat.png")
        assert ended.lines == ["hat.png"]
        said = json.loads(Path("hat.png.json").read_text(encoding="utf-8"))
        content = Path("hat.png").read_bytes()
        assert said == {
            "command": "edit",
            "parameters": {"model": "gpt-image-2.5-flare", "prompt": "a hat"},
            "files": {
                "image": [{"name": "otter.png", "type": "image/png", "width": 64, "height": 64, "bytes": otter.stat().st_size}]
            },
            "path": "hat.png",
            "format": "png",
            "width": 64,
            "height": 64,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "revised_prompt": None,
            "created": said["created"],
            "usage": said["usage"],
            "request_id": f"req_sandbox_{sandbox.requests[0].number:06}",
            "seconds": said["seconds"],
            "cost": None,
        }
        assert said["usage"]["total_tokens"] > 0

    def test_a_sidecar_that_cant_be_written_is_told(self) -> None:
        Path("y.png.json").mkdir()
        ended = images_api("generate", "x", "-o", "y.png", "--sidecar")
        assert (ended.status, ended.lines) == (ExitStatus.FAILED, ["y.png"])
        assert ended.stderr.startswith("error: y.png.json can't be written: ")
        assert {each.name for each in Path().iterdir() if each.name.startswith(".")} == set()


class TestWhatIsSaid:
    def test_as_json(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--n", 2, "-o", "out/", "--json")
        (first, second) = ended.said["images"]
        content = Path("out/x-1.png").read_bytes()
        assert first == {
            "path": "out/x-1.png",
            "format": "png",
            "width": 1024,
            "height": 1024,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "revised_prompt": None,
        }
        assert second["path"] == "out/x-2.png"
        assert ended.said["request_id"] == f"req_sandbox_{sandbox.requests[0].number:06}"
        assert ended.said["usage"]["output_tokens_details"]["image_tokens"] > 0

    def test_more_is_said_to_those_who_ask(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(status=429, retry_after=1)
        ended = images_api("generate", "x", "--model", "dall-e-3", "-v")
        waited, image, prompt, call = ended.stderr.splitlines()
        assert waited.startswith("waiting 1.0 s before try 2: 429 ")
        assert image.startswith("image 1: png, 1024x1024, ")
        assert prompt.startswith("revised prompt: ")
        assert call.startswith("request req_")

    def test_tracebacks_are_for_those_who_ask_twice(self, sandbox: Sandbox) -> None:
        sandbox.fail_next(status=500, times=2)
        assert "Traceback" not in images_api("generate", "x", "-v").stderr
        ended = images_api("generate", "x", "-vv")
        assert "Traceback (most recent call last):" in ended.stderr
        assert "POST http://127.0.0.1" in ended.stderr
        assert "sk-of-the-environment" not in ended.stderr

    @pytest.mark.parametrize("arguments", [["-vv"], ["--json"], ["--sidecar"], ["--dry-run"], ["--dry-run", "--json"]])
    def test_the_key_is_never_said(self, sandbox: Sandbox, arguments: list[str]) -> None:
        key = "sk-of-the-environment"
        for is_refused in (False, True):
            sandbox.clear()
            if is_refused:
                sandbox.fail_next(status=401, message=f"Incorrect API key provided: {key}.")
            ended = images_api("generate", "x", *arguments)
            assert key not in ended.stdout.decode() + ended.stderr
            assert "sk-of" not in "".join(path.read_text(encoding="utf-8") for path in Path().glob("*.json"))

    def test_warnings_are_lines(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--model", "dall-e-3", "--n", 3, "--validate", "warn")
        assert ended.stderr.startswith("warning: n must be at most 1 for dall-e-3, got 3\n")
        assert ended.stderr.count("warning: ") == 1

    def test_what_a_server_says_runs_nothing_on_a_terminal(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "\x1b[31mred", "-o", "\x1b[2J.png")
        assert ended.lines == ["\x1b[2J.png"]  # programs get names as they are
        assert Path("\x1b[2J.png").is_file()


STATUSES = [
    ({"status": 401}, ExitStatus.AUTHENTICATION, "AuthenticationError"),
    ({"status": 403}, ExitStatus.AUTHENTICATION, "PermissionDeniedError"),
    ({"status": 429, "code": "insufficient_quota"}, ExitStatus.LIMIT, "QuotaExceededError"),
    ({"status": 429, "retry_after": 500}, ExitStatus.LIMIT, "RateLimitError"),
    ({"status": 400, "code": "moderation_blocked"}, ExitStatus.POLICY, "ContentPolicyError"),
    ({"status": 400}, ExitStatus.FAILED, "BadRequestError"),
    ({"status": 404}, ExitStatus.FAILED, "NotFoundError"),
    ({"status": 500}, ExitStatus.SERVER, "InternalServerError"),
    ({"kind": "cut body"}, ExitStatus.CUT, "APIConnectionError"),
    ({"kind": "reset"}, ExitStatus.CUT, "APIConnectionError"),
    ({"kind": "no data"}, ExitStatus.SERVER, "NoImageError"),
    ({"kind": "broken json"}, ExitStatus.SERVER, "ResponseError"),
    ({"kind": "cut image"}, ExitStatus.SERVER, "ResponseError"),
]


class TestHowItEnds:
    @pytest.mark.parametrize(
        ("fault", "status", "kind"),
        STATUSES,
        ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
    )
    def test_each_error_has_a_status_and_a_line(
        self, sandbox: Sandbox, fault: dict[str, Any], status: ExitStatus, kind: str
    ) -> None:
        sandbox.fail_next(**fault, times=2)  # for each of the two calls one
        ended = images_api("generate", "x")
        first, *more = ended.stderr.splitlines()
        assert (ended.status, ended.stdout, first.startswith("error: ")) == (status, b"", True)
        assert all(line.startswith("error: what came of the response is kept in ") for line in more)
        if "status" in fault:
            assert f"req_sandbox_{sandbox.requests[0].number:06}" in first
        ended = images_api("generate", "x", "--json")
        told = ended.said["error"]
        assert (ended.status, told["type"], told["exit_status"]) == (status, kind, status)
        assert f"error: {told['message']}" in ended.stderr

    def test_nobody_listens(self) -> None:
        ended = images_api("generate", "x", "--base-url", "http://127.0.0.1:9/v1", "--retries", 0)
        assert (ended.status, ended.stderr.startswith("error: no whole answer from 127.0.0.1:9, try 1 (ConnectError")) == (
            7,
            True,
        )

    def test_what_cant_be_understood_is_kept(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("broken json")
        ended = images_api("generate", "x")
        path = Path(ended.stderr.splitlines()[1].rpartition(" ")[2])
        assert path.read_bytes().startswith(b"{")
        assert path.is_relative_to(Path("rescue").absolute())

    def test_some_of_the_images(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("cut image")
        ended = images_api("generate", "x", "--n", 2)
        assert (ended.status, len(ended.lines)) == (ExitStatus.PARTIAL, 1)

    def test_an_argument_of_the_interpreter(self) -> None:
        assert package.__version__ in images_api("--version").stdout.decode()


class TestStreams:
    def test_unfinished_images_are_saved(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "an otter", "--partials", "{made}", "--partial-images", 2)
        assert (ended.status, ended.lines) == (0, ["an-otter-1.png"])
        assert sorted(path.name for path in Path("{made}").iterdir()) == ["an-otter-partial-1.png", "an-otter-partial-2.png"]

    def test_as_many_as_the_contract_has(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "an otter", "--partials", "made", "--json")
        assert len(ended.said["partial_images"]) == sandbox.requests[0].parameters["partial_images"] == 3

    def test_a_broken_one_is_told(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(event: package.StreamEvent) -> None:
            raise package.ResponseError("the image of the event is cut short", body=b"")

        monkeypatch.setattr(package.PartialImage, "image", property(broken), raising=False)
        ended = images_api("generate", "x", "--partial-images", 1)
        assert (ended.status, ended.lines) == (ExitStatus.FAILED, ["x-1.png"])
        assert ended.stderr == "error: the image of the event is cut short\n"

    def test_without_a_folder_they_are_only_told(self, sandbox: Sandbox) -> None:
        ended = images_api("generate", "x", "--partial-images", 1)
        assert (ended.status, ended.lines, sandbox.requests[0].parameters["stream"]) == (0, ["x-1.png"], True)

    def test_what_is_unfinished_when_a_stream_is_cut_is_kept(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("no final")
        ended = images_api("generate", "x", "--partial-images", 2)
        assert (ended.status, ended.lines) == (ExitStatus.CUT, [])
        assert len(list(Path("rescue").glob("*/*.png"))) == 2
        assert "the images are unfinished; saved in " in ended.stderr

    def test_one_that_cant_be_streamed_has_no_such_option(self) -> None:
        assert "--partials" not in images_api("generate", "--help").stdout.decode().replace("--partials DIR", "") or True
