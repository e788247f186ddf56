"""Texts of the contract in Python code: whatever they hold, they stay texts."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.generator.texts import docstring, wrapped

ODD = [
    '"',
    '""',
    '"""',
    '""""',
    'a"',
    'a\\"',
    "\\",
    "a\\",
    'a\\\\"""',
    "\\N{BELL}",
    "\\x",
    "\x00",
    "\r",
    "\u2028",
    "\ud800",
    "\U0001f9a6",
    "{{ x }} {% raw %} #}",
    "'''",
]


def read(source: str) -> str:
    """Return the docstring of a class that is nothing else."""
    (definition,) = ast.parse(f"class A:\n    {source}\n").body
    assert isinstance(definition, ast.ClassDef)
    (only,) = definition.body
    assert isinstance(only, ast.Expr)
    text = ast.get_docstring(definition)
    assert text is not None
    return text


@given(st.lists(st.one_of(st.text(), st.sampled_from(ODD)).filter(str.strip), min_size=1, max_size=3))
@example(ODD)
def test_a_docstring_says_the_same(texts: list[str]) -> None:
    texts = [text for text in texts if text.strip()]
    source = docstring([wrapped(text) for text in texts])
    assert [" ".join(part.split()) for part in read(source).split("\n\n")] == [" ".join(text.split()) for text in texts]
    assert source.isascii() or source.replace("\n", "").isprintable()


@given(st.text())
def test_lines_are_short_where_words_are(text: str) -> None:
    longest = max(map(len, repr(text).split()), default=0)
    assert all(len(line) <= max(110, 8 + 2 * longest) for line in wrapped(text, " " * 8).splitlines())


def test_lines_after_the_first_may_hang() -> None:
    lines = wrapped("name: " + "word " * 50, "    ", "    ").splitlines()
    assert len(lines) > 2
    assert lines[0].startswith("    name: word")
    assert all(re.match(r" {8}word", line) for line in lines[1:])


@pytest.mark.parametrize("word", ["x" * 200, "gpt-image-2.5-flare-" * 10])
def test_words_are_not_broken(word: str) -> None:
    assert read(docstring([wrapped(f"a {word} b")])).split() == ["a", word, "b"]
