"""What commands print: safe for terminals, whatever they were given."""

from __future__ import annotations

import io

from tools.terminal import say


def test_lines_of_ours_stay_lines() -> None:
    file = io.StringIO()
    say("one\ntwo \x1b", file)
    assert file.getvalue() == "one\ntwo \\x1b\n"


def test_a_terminal_that_knows_few_characters_gets_escapes() -> None:
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding="ascii")
    say("🦦 ü", file)
    assert content.getvalue() == b"\\U0001f9a6 \\xfc\n"
