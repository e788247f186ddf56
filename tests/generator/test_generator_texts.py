"""Texts of the contract in Python code: whatever they hold, they stay texts."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from generation import CONFIG, CONTRACT, our_contract
from hypothesis import example, given
from hypothesis import strategies as st
from openapi_python_client.schema import UntrustedString
from openapi_python_client.strings import PythonCode

from tools.generator.contract import ContractError, read_contract
from tools.generator.package_writer import GenerationError, write_package
from tools.generator.texts import docstring, f_literal, folded, literal, prose, unwritable, whole, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[dict[str, Any], Any], object]

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


@given(st.text())
@example("".join(ODD))
@pytest.mark.parametrize("kind", [str, UntrustedString, PythonCode])
def test_a_literal_is_the_text(kind: type[Any], text: str) -> None:
    for quote in "\"'":
        assert ast.literal_eval(f"{quote}{literal(kind(text))}{quote}") == text
        assert eval(f"f{quote}{f_literal(kind(text))}{quote}") == text  # noqa: S307  that it is one text is what is tested


@given(st.text(), st.integers(min_value=1, max_value=120))
@example('\\"' * 300, 90)
@example("\\\\" * 300, 116)
def test_prose_says_the_same_however_it_is_folded(text: str, width: int) -> None:
    (statement,) = ast.parse(f'""" {folded(prose(text), width)} """').body or [ast.parse('""').body[0]]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert isinstance(statement.value.value, str)
    assert statement.value.value.split() == text.split()


@pytest.mark.parametrize("text", ["a\nb\tc", "絵 🦦 ü", "a\u200db", "\u0301", "{{ x }}", '"""', "\\"])
def test_what_can_be_seen_or_is_part_of_it_can_be_written(text: str) -> None:
    assert unwritable(text) is None


@pytest.mark.parametrize(
    "character", [*"\0\x07\x0b\r\x1b\x7f\x85\x9b", *"\u2028\u2029\u202a\u202e\u2066\u2069\u200e\u061c", "\ud800"]
)
def test_what_means_something_and_can_not_be_seen_can_not(character: str) -> None:
    assert unwritable(f"a{character}b") == f"U+{ord(character):04X}"


def test_pairs_of_surrogates_are_the_characters_that_they_stand_for() -> None:
    text = json.loads(json.dumps("🦦"))
    assert whole({"\ud83e\udda6": ["\ud83e\udda6", 1, None, "\udda6"]}) == {text: [text, 1, None, "\udda6"]}


SCHEMAS = "components", "schemas"


def put(*place: Any) -> Change:
    """Put a text at a place, whose parents are made where they aren't there."""

    def change(document: dict[str, Any], text: Any) -> None:
        node: Any = document
        for step in place[:-1]:
            node = node[step] if isinstance(node, list) else node.setdefault(step, {})
        node[place[-1]] = text

    return change


def name(*place: str, of: Any = None) -> Change:
    """Name something so."""
    return lambda document, text: put(*place, text)(document, of or {"type": "string", "description": "x"})


def choose(document: dict[str, Any], text: str) -> None:
    document["components"]["schemas"]["ImageStyle"]["enum"].append(text)


LOW_LEVEL: dict[str, Any] = {
    "operationId": "getLimits",
    "summary": "Say what is taken.",
    "x-method": False,
    "responses": {"200": {"description": "x", "content": {"application/json": {"schema": {"type": "object"}}}}},
}


def ask(document: dict[str, Any], text: str) -> None:
    schema = {"type": "string", "enum": ["a", text]}
    parameters = [
        {"in": kind, "name": f"{kind} {text[:60]}", "description": text, "example": text, "schema": schema}
        for kind in ("query", "header", "cookie")
    ]
    document["paths"]["/limits"] = {"get": LOW_LEVEL | {"parameters": parameters, "description": text}}


RESPONSE = (*SCHEMAS, "ImagesResponse")
EVERYWHERE: dict[str, Change] = {
    "title": put("info", "title"),
    "description": put("info", "description"),
    "license": put("info", "license", "name"),
    "server": put("servers", 0, "description"),
    "operation": put("paths", "/images/edits", "post", "description"),
    "summary": put("paths", "/images/generations", "post", "summary"),
    "response": put("components", "responses", "Error", "description"),
    "schema": put(*RESPONSE, "description"),
    "schema's title": put(*RESPONSE, "title"),
    "example": put(*SCHEMAS, "User", "example"),
    "request": put(*SCHEMAS, "CreateImageRequest", "description"),
    "parameter": put(*SCHEMAS, "User", "description"),
    "object": put(*SCHEMAS, "SvgSettings", "description"),
    "choices": put(*SCHEMAS, "ImageStyle", "description"),
    "choice": choose,
    "field": name(*RESPONSE, "properties"),
    "option": name(*SCHEMAS, "SvgSettings", "properties"),
    "family": put(*SCHEMAS, "ImageModel", "$defs", "DallE2", "title"),
    "rule": put(*SCHEMAS, "CreateImageRequest", "then", "allOf", 0, "description"),
    "extension": put("info", "x-note"),
    "parameters outside of a body": ask,
}
IMPORT = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import package
for module in pkgutil.walk_packages(package.__path__, "package."):
    importlib.import_module(module.name)
from package.models import ImagesResponse, ImageStyle
text = sys.argv[2]
assert ImagesResponse.from_dict({text: "otter"}).to_dict() == {text: "otter"}
assert text in ImageStyle.__args__
assert " ".join(text.split()) in " ".join(ImagesResponse.__doc__.split())
"""


def texts(code: str) -> dict[str, str]:
    return {
        "quotes": f'x""" + {code} + """',
        "quotes and lines": f'x"""\n{code}\n"""',
        "single quotes": "x" + "'" * 3 + f";{code};",
        "backslash and quotes": f'x\\""" + {code} #',
        "ends in a backslash": "a path C:\\",
        "ends in a quote": '{x} says "otter"',
        "escapes": "C:\\new\\x\\N{BULLET}\\u12\\U1",
        "a long word of escapes": '\\"' * 200,
        "templates": "{{ 7 * 7 }}{% for x in [1] %}z{% endfor %}{# #}",
        "replacement fields": "{__import__('os')} {0.__class__} %s %(x)s",
        "comments": f"# type: ignore\n# fmt: off\n# coding: utf-7\n{code}",
        "other scripts": "絵 🦦 a\u200db \u0301 \ue000 ﬁ",
        "long": "otter " * 150,
    }


class TestAnywhere:
    """Texts that would be code where anybody forgot to quote them, in each place that takes any text."""

    @pytest.mark.parametrize("kind", texts("x"))
    def test_nothing_of_a_text_runs_and_all_of_it_is_said(self, tmp_path: Path, kind: str) -> None:
        canary = tmp_path / "canary"
        text = texts(f'__import__("pathlib").Path("{canary.as_posix()}").touch()')[kind]
        document = our_contract()
        for change in EVERYWHERE.values():
            change(document, text)
        contract = tmp_path / CONTRACT.name
        contract.write_text(json.dumps(document), encoding="utf-8")
        write_package(contract, CONFIG, tmp_path / "package")
        command = [sys.executable, "-W", "error", "-c", IMPORT, str(tmp_path), text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours
        assert done.returncode == 0, done.stderr
        assert not canary.exists()
        assert json.loads((tmp_path / "package" / "openapi.json").read_bytes())["info"]["title"] == text

    @pytest.mark.parametrize(
        ("place", "text"), list(zip(EVERYWHERE, cycle(["a\0b", "a\u202eb", "a\ud800b", "a\u2028b"]), strict=False)), ids=ascii
    )
    def test_what_can_not_be_seen_is_refused_with_its_line(self, tmp_path: Path, place: str, text: str) -> None:
        document = our_contract()
        EVERYWHERE[place](document, text)
        contract = tmp_path / CONTRACT.name
        contract.write_text(json.dumps(document, indent=1), encoding="utf-8")
        with pytest.raises(ContractError, match=rf":\d+: \S.*holds the character U\+{ord(text[1]):04X}"):
            read_contract(contract)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (put(*RESPONSE, "properties", "created", "const"), 'a"b'),
            (put(*RESPONSE, "properties", "quality", "default"), "a\\b"),
            (put("paths", "/images/edits", "post", "operationId"), 'a"""b'),
            (put("paths", "/images/edits", "post", "x-method", "name"), "a\nb"),
            (name(*SCHEMAS, "CreateImageRequest", "properties"), 'a"b'),
            (name(*SCHEMAS, "CreateImageRequest", "properties"), "a\nimport os"),
            (name("paths", of={"get": LOW_LEVEL}), "/a{b!r}"),
            (name("paths", of={"get": LOW_LEVEL}), "/{"),
            (name("paths", of={"get": LOW_LEVEL}), '/a"'),
        ],
    )
    def test_what_can_not_be_quoted_is_refused(self, tmp_path: Path, change: Change, text: str) -> None:
        document = our_contract()
        change(document, text)
        contract = tmp_path / CONTRACT.name
        contract.write_text(json.dumps(document, indent=1), encoding="utf-8")
        with pytest.raises(ContractError, match=r":\d+: \S"):
            read_contract(contract)

    @pytest.mark.parametrize(
        "change", [put("paths", "/images/edits", "post", "operationId"), name(*SCHEMAS, of={"type": "object"})]
    )
    def test_a_name_that_no_file_can_have_is_said(self, tmp_path: Path, change: Change) -> None:
        document = our_contract()
        change(document, "Otter" * 100)
        document["components"]["schemas"].get("Otter" * 100, {}).update(description="x", properties={})
        contract = tmp_path / CONTRACT.name
        contract.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(GenerationError, match=r"a file can't be written: .*too long"):
            write_package(contract, CONFIG, tmp_path / "package")
