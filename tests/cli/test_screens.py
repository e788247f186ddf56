"""Whole sessions in real terminals, as people see them: recorded at 80 and 40 columns, in colour and without."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pictures import drawn
from platforms import needs_terminals
from terminals import PIPE, Terminal, recorded
from waiting import wait_until

from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = needs_terminals

COMMAND = (sys.executable, "-m", "images_api.cli")
# How large an image of the sandbox is may differ with the version of the library that compresses it.
PLACEHOLDERS = ((r"\b[\d,]+ bytes", "N bytes"), (r'(?<="bytes": )\d+', "N"))
LOOKS = [(80, "colour"), (80, "plain"), (40, "colour"), (40, "plain")]
in_all_looks = pytest.mark.parametrize(("columns", "colours"), LOOKS, ids=[f"{columns}-{colours}" for columns, colours in LOOKS])


@pytest.fixture
def session(sandbox: Sandbox, tmp_path: Path, columns: int, colours: str) -> Callable[..., Terminal]:
    """Return what begins a session in a terminal of some look."""
    env = {"OPENAI_BASE_URL": sandbox.base_url, "NO_COLOR": "1" if colours == "plain" else None}

    def begin(*arguments: str, **settings: Any) -> Terminal:
        return Terminal([*COMMAND, *arguments], env=env, columns=columns, cwd=tmp_path, **settings)

    return begin


def screens(*parts: str) -> str:
    return "\n---\n".join(parts)


@in_all_looks
def test_generate(session: Callable[..., Terminal], sandbox: Sandbox, columns: int, colours: str) -> None:
    sandbox.fail_next("latency", seconds=0.8)
    with session("generate", "a baby sea otter", "-o", "otter.png", "-v") as terminal:
        during = terminal.wait_for(r"generate gpt-image.* \d s")
        assert terminal.wait() == 0
    recorded(f"generate-{columns}-{colours}", screens(during.markup, terminal.screen.markup), PLACEHOLDERS)


@in_all_looks
def test_edit_with_unfinished_images(session: Callable[..., Terminal], tmp_path: Path, columns: int, colours: str) -> None:
    (tmp_path / "otter.png").write_bytes(drawn(64, 64))
    called = ("edit", "otter.png", "a hat", "--partials", "unfinished", "-o", "hat.png", "--base-url")
    with Sandbox(latency=1.2) as slow, session(*called, slow.base_url) as terminal:
        during = terminal.wait_for("unfinished image 2")
        assert terminal.wait() == 0
    recorded(f"edit-{columns}-{colours}", screens(during.markup, terminal.screen.markup), PLACEHOLDERS)
    assert sorted(path.name for path in (tmp_path / "unfinished").iterdir()) == [f"a-hat-partial-{n}.png" for n in (1, 2, 3)]


@in_all_looks
def test_what_is_refused_before_it_is_sent(
    session: Callable[..., Terminal], sandbox: Sandbox, columns: int, colours: str
) -> None:
    with session("generate", "x", "--model", "dall-e-3", "--n", "3", "--quality", "hgih") as terminal:
        assert terminal.wait() == 2
    recorded(f"refused-{columns}-{colours}", terminal.screen.markup)
    assert not sandbox.requests


@in_all_looks
def test_what_the_server_refuses(session: Callable[..., Terminal], sandbox: Sandbox, columns: int, colours: str) -> None:
    sandbox.fail_next(
        status=400, code="moderation_blocked", message="Rejected as a result of our safety system, which is careful."
    )
    with session("generate", "x") as terminal:
        assert terminal.wait() == 4
    recorded(f"policy-{columns}-{colours}", terminal.screen.markup)


@in_all_looks
def test_a_rate_limit_that_is_waited_for(session: Callable[..., Terminal], sandbox: Sandbox, columns: int, colours: str) -> None:
    sandbox.fail_next(status=429, retry_after=1, message="Too many images.")
    with session("generate", "x", "-o", "x.png") as terminal:
        during = terminal.wait_for("waiting 1.0 s")
        assert terminal.wait() == 0
    recorded(f"rate-limit-{columns}-{colours}", screens(during.markup, terminal.screen.markup))


@in_all_looks
def test_ctrl_c_in_the_middle(
    session: Callable[..., Terminal], sandbox: Sandbox, tmp_path: Path, columns: int, colours: str
) -> None:
    sandbox.fail_next("silence")
    with session("generate", "a baby sea otter", "-o", "otter.png") as terminal:
        terminal.wait_for(r"generate gpt-image.* \d s")
        wait_until(lambda: bool(sandbox.requests))
        terminal.type("\x03")
        assert terminal.wait() == 130
        with pytest.raises(ProcessLookupError):
            os.killpg(terminal.process.pid, 0)
    recorded(f"ctrl-c-{columns}-{colours}", terminal.screen.markup)
    assert terminal.screen.has_cursor
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("columns", "colours"), [(80, "colour")])
def test_ctrl_c_with_a_server_of_its_own(session: Callable[..., Terminal], tmp_path: Path) -> None:
    with session("generate", "x", "--local", "--n", "10", "--size", "3840x2160") as terminal:
        terminal.wait_for(r"generate gpt-image.* \d s")
        terminal.type("\x03")
        assert terminal.wait() == 130
        with pytest.raises(ProcessLookupError):
            os.killpg(terminal.process.pid, 0)
    assert terminal.screen.text.splitlines() == ["error: interrupted: the call may have run, and may be billed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("columns", "colours"), [(80, "colour")])
def test_bytes_are_no_sight(session: Callable[..., Terminal], sandbox: Sandbox) -> None:
    with session("generate", "x", "-o", "-") as terminal:
        assert terminal.wait() == 2
    assert terminal.screen.text == "error: -o - is for a pipe or a file, and a terminal is neither; --preview shows\nimages"
    with session("generate", "x", "-o", "-", stdout=PIPE) as terminal:
        assert terminal.wait() == 0
    assert terminal.stdout.startswith(b"\x89PNG")
    assert terminal.screen.text == ""


@pytest.mark.parametrize(("columns", "colours"), [(80, "colour")])
def test_names_run_nothing_on_a_terminal(session: Callable[..., Terminal], sandbox: Sandbox) -> None:
    with session("generate", "x", "-o", "\x1b[31mred.png") as terminal:
        assert terminal.wait() == 0
    assert terminal.screen.markup == "\\x1b\\[31mred.png"


@pytest.mark.parametrize(("columns", "colours"), [(40, "colour")])
def test_a_preview(session: Callable[..., Terminal], sandbox: Sandbox) -> None:
    with session("generate", "x", "--preview", "-o", "x.png") as terminal:
        assert terminal.wait() == 0
    *image, name = terminal.screen.text.splitlines()
    assert {*"".join(image)} == {"▀"}
    assert (len(image), name) == (20, "x.png")


@pytest.mark.parametrize(("columns", "colours"), [(80, "plain")])
def test_a_preview_without_colours(session: Callable[..., Terminal], sandbox: Sandbox) -> None:
    with session("generate", "x", "--preview", "-o", "x.png") as terminal:
        assert terminal.wait() == 0
    said = "warning: the image is not shown: this terminal shows images in coloured blocks\nalone, and NO_COLOR is set\nx.png"
    assert terminal.screen.text == said
