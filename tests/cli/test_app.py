"""The command itself: quick, quiet where it should be, and at home in a shell."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import click
import pytest
from command_line import images_api
from PIL import Image
from platforms import needs_posix
from waiting import wait_until

from images_api.cli._app import app
from images_api.cli._failures import ExitStatus
from images_api.cli._operations import commands
from images_api.cli._preview import KINDS
from tools.generator import method_conventions

if TYPE_CHECKING:
    from images_api.sandbox import Sandbox

COMMAND = f"{sys.executable} -m images_api.cli"


@pytest.fixture(autouse=True)
def _here(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", script], env=os.environ | environment, capture_output=True, check=False)  # noqa: S603, S607  our own scripts


class TestHelp:
    def test_it_lists_commands_and_exit_statuses(self) -> None:
        said = images_api("--help").stdout.decode()
        assert all(f"\n  {name} " in said for name in (*commands(), "models", "sandbox", "completion"))
        assert all(f"\n  {status.value:<4} {status.meaning.split()[0]}" in said for status in ExitStatus)

    @pytest.mark.parametrize("name", ["completion", "bulk", "models"])
    def test_it_shows_no_mark_of_its_layout(self, name: str) -> None:
        assert "\\" not in images_api(name, "--help").stdout.decode()

    @pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models", "--help"]])
    def test_it_loads_what_it_needs(self, arguments: list[str]) -> None:
        code = """
            import atexit, sys
            heavy = {"httpx", "rich", "PIL", "textual_image", "starlette", "jsonschema_rs"}
            atexit.register(lambda: print(*heavy & sys.modules.keys(), file=sys.stderr))
            from images_api.cli import main
            sys.exit(main())
        """
        done = subprocess.run([sys.executable, "-c", dedent(code), *arguments], capture_output=True, text=True, check=False)  # noqa: S603  our own code
        assert (done.returncode, done.stderr) == (0, "\n")

    @pytest.mark.parametrize("command", ["generate", "edit", "variation"])
    def test_every_option_is_described(self, command: str) -> None:
        said = images_api(command, "--help").stdout.decode()
        options = [line.split()[0] for line in said.splitlines() if line.startswith("  -")]
        assert len(options) > 15
        assert "\n  --help" in said
        assert ("--partials" in said) == (command != "variation")
        assert all(kind in said for kind in KINDS)

    def test_no_operation_may_be_called_like_one_of_its_own(self) -> None:
        own = {*app.list_commands(click.Context(app))} - commands().keys()
        assert own == method_conventions._TAKEN_COMMANDS

    def test_without_a_command_it_shows_itself(self) -> None:
        ended = images_api()
        assert (ended.status, ended.stdout) == (ExitStatus.USAGE, b"")
        assert ended.stderr.startswith("Usage: images-api [OPTIONS] COMMAND [ARGS]...")


def test_the_sandbox_is_served(tmp_path: Path) -> None:
    command = [*COMMAND.split(), "sandbox", "--dialect", "localai"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        assert process.stdout
        url = process.stdout.readline().strip()
        ended = images_api("generate", "x", "--base-url", url, "-o", "x.png")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert (ended.status, ended.lines) == (0, ["x.png"])
    done = subprocess.run([*COMMAND.split(), "sandbox", "--port", "no"], capture_output=True, text=True, check=False)  # noqa: S603  likewise
    assert (done.returncode, done.stderr.startswith("usage: images-api sandbox [-h]")) == (2, True)


@needs_posix
class TestPipes:
    def test_the_bytes_of_an_image(self) -> None:
        done = bash(f"{COMMAND} generate x -o - --local | cat")
        with Image.open(BytesIO(done.stdout)) as image:
            assert (image.format, image.size, done.stderr) == ("PNG", (1024, 1024), b"")

    def test_json(self) -> None:
        done = bash(f"{COMMAND} generate x --n 2 --local --json | {sys.executable} -m json.tool")
        assert len(json.loads(done.stdout)["images"]) == 2
        assert done.stderr == b""

    @pytest.mark.parametrize("arguments", ["-o -", "--json", "", "--dry-run", "-o x.png -v"])
    def test_a_closed_pipe_ends_it_quietly(self, arguments: str) -> None:
        done = bash(f"{COMMAND} generate x --local {arguments} 2>errors | true; echo ${{PIPESTATUS[0]}}")
        errors = Path("errors").read_text(encoding="utf-8")
        assert "error" not in errors.lower()
        assert "Traceback" not in errors
        assert done.stdout in {b"141\n", b"0\n"}

    def test_a_full_disk_is_told(self) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full")
        done = bash(f"{COMMAND} generate x --local -o - > /dev/full")
        assert done.stderr.startswith(b"error: [Errno 28] No space left on device; saved in ")
        (image,) = Path(done.stderr.decode().split("saved in ")[1].split(" instead")[0]).glob("*.png")
        assert (done.returncode, image.stat().st_size > 0) == (1, True)
        shutil.rmtree(image.parent)

    def test_a_chain_of_commands(self) -> None:
        done = bash(f"{COMMAND} generate 'an otter' --local -o - | {COMMAND} edit - 'a hat' --local -o hat.png")
        assert (done.stdout, done.stderr) == (b"hat.png\n", b"")

    def test_sigterm_leaves_nothing_behind(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("silence")
        process = subprocess.Popen([*COMMAND.split(), "generate", "x", "-o", "x.png"])  # noqa: S603  our own command
        wait_until(lambda: bool(sandbox.requests))
        process.terminate()
        assert process.wait() == ExitStatus.TERMINATED
        assert list(Path().iterdir()) == []


def test_images_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def launch(path: str) -> int:
        opened.append(path)
        return int("2" in path)

    monkeypatch.setattr("click.launch", launch)
    ended = images_api("generate", "x", "--n", 2, "--open")
    assert (ended.status, opened) == (0, ["x-1.png", "x-2.png"])
    assert ended.stderr == "warning: x-2.png could not be opened\n"


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "wanted"),
        [
            ("images-api ", {"generate", "edit", "variation", "models", "bulk", "sandbox", "completion"}),
            ("images-api generate --model dall", {"dall-e-2", "dall-e-3"}),
            ("images-api generate --quality h", {"high", "hd"}),
            ("images-api edit --inp", {"--input-fidelity"}),
            ("images-api generate --preview-as s", {"sixel"}),
            ("images-api completion ", {"bash", "fish", "zsh"}),
        ],
    )
    def test_words(self, words: str, wanted: set[str]) -> None:
        env = {"_IMAGES_API_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        done = bash(COMMAND, **env)
        assert {line.partition(",")[2] for line in done.stdout.decode().splitlines()} == wanted

    def test_an_image_is_a_file(self) -> None:
        done = bash(COMMAND, _IMAGES_API_COMPLETE="bash_complete", COMP_WORDS="images-api edit ot", COMP_CWORD="2")
        assert done.stdout == b"file,ot\n"

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_what_a_shell_needs(self, shell: str) -> None:
        ended = images_api("completion", shell)
        assert ended.status == 0
        assert f"_IMAGES_API_COMPLETE={shell}_complete" in ended.stdout.decode()

    @needs_posix
    def test_bash_completes_with_it(self, tmp_path: Path) -> None:
        (tmp_path / "images-api").write_text(f'#!/bin/sh\nexec {COMMAND} "$@"\n', encoding="utf-8")
        (tmp_path / "images-api").chmod(0o755)
        script = """
            eval "$(images-api completion bash)"
            COMP_WORDS=(images-api generate --model gpt-image-2.6) COMP_CWORD=3
            _images_api_completion images-api
            echo "${COMPREPLY[@]}"
        """
        done = bash(script, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        assert set(done.stdout.decode().split()) == {"gpt-image-2.6-sunburst", "gpt-image-2.6-flare"}


@pytest.mark.parametrize("missing", ["click"])
def test_without_the_extra_it_says_what_to_install(missing: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from images_api.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  our own code
    said = "images-api needs more than is installed (click): pip install 'images-api[cli]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_without_the_sandbox_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "images_api.sandbox", None)
    ended = images_api("generate", "x", "--local")
    assert ended.status == ExitStatus.FAILED
    assert ended.stderr.startswith("error: ")


@needs_posix
@pytest.mark.skipif(not shutil.which("file"), reason="there is no file command")
def test_file_knows_what_comes_out() -> None:
    assert b"PNG image data, 1024 x 1024" in bash(f"{COMMAND} generate x -o - --local | file -").stdout
