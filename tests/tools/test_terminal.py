"""What commands print: safe for terminals, whatever they were given."""

from __future__ import annotations

import io

import pytest

from tools.terminal import printable, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ein Bild äöü 絵 🦦", "ein Bild äöü 絵 🦦"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b2J\x07\x00", "\\x9b2J\\x07\\x00"),
        ("a\u202eb\u2066c\u200e", "a\\u202eb\\u2066c\\u200e"),
        ("a\nb\rc\u2028d", "a\\nb\\rc\\u2028d"),
        ("\ud800", "\\ud800"),
        ("x" * 5_000, "x" * 4_000 + "... (5,000 characters)"),
    ],
)
def test_one_line_is_all_that_comes_of_a_text(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_of_ours_stay_lines() -> None:
    file = io.StringIO()
    say("one\ntwo \x1b", file)
    assert file.getvalue() == "one\ntwo \\x1b\n"


def test_a_terminal_that_knows_few_characters_gets_escapes() -> None:
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding="ascii")
    say("🦦 ü", file)
    assert content.getvalue() == b"\\U0001f9a6 \\xfc\n"
