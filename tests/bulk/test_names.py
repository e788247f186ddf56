from __future__ import annotations

import pytest
from bulk_jobs import line as text_of

from images_api import InvalidRequestError
from images_api.bulk._lines import parse_line
from images_api.bulk._names import Template, filled, keys


def named(template: str, custom_id: str = "cat", images: int = 1, prompt: str = "A cat, on a sofa!") -> str:
    line = parse_line(text_of(custom_id, {"prompt": prompt}).encode(), number=7)
    return filled(Template(template).name(line, images), 2, "png")


@pytest.mark.parametrize(
    ("template", "images", "name"),
    [
        ("{custom_id}", 1, "cat.png"),
        ("{custom_id}", 3, "cat-2.png"),
        ("{custom_id}/{index}", 1, "cat/2.png"),
        ("{number:06}_{index:02}", 3, "000007_02.png"),
        ("{number}.{ext}", 1, "7.png"),
        ("{number}.{ext}", 2, "7-2.png"),
        ("{ext}/{custom_id}", 2, "png/cat-2"),
        ("{custom_id}{ext}x", 2, "catpngx-2"),
        ("{subject}/{custom_id}", 1, "a-cat-on-a-sofa/cat.png"),
    ],
)
def test_a_template_is_filled_in(template: str, images: int, name: str) -> None:
    assert named(template, images=images) == name


def test_an_id_may_hold_braces_and_what_looks_like_a_field() -> None:
    assert named("{custom_id}", "{index}{x}") == "{index}{x}.png"


@pytest.mark.parametrize(("prompt", "name"), [("con", "image-con.png"), ("?!", "image.png"), ("é" * 90, "é" * 48 + ".png")])
def test_a_subject_is_safe(prompt: str, name: str) -> None:
    assert named("{subject}", prompt=prompt) == name


@pytest.mark.parametrize(
    "custom_id",
    [
        *(
            "../cat",
            "a/b",
            "a\\b",
            "..",
            ".",
            ".hidden",
            "cat.",
            "cat ",
            " cat",
            "a:b",
            "a*b",
            "a?b",
            'a"b',
            "a<b",
            "a|b",
            "a\nb",
        ),
        *("CON", "nul", "com1", "LPT9", "aux.txt", "COM¹", "conin$", "prn .x", "x" * 201, "é" * 101),
    ],
)
def test_an_id_that_is_no_file_name_is_refused(custom_id: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"custom_id names a file, and must.*; names= may leave it out"):
        named("{custom_id}", custom_id)
    assert named("{number}", custom_id) == "7.png"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{prompt}", r"may hold {custom_id}, {number}, {subject}, {index}, {ext}"),
        ("{custom_id!r}", "may hold"),
        ("{number:1000}", "may hold"),
        ("{custom_id.x}", "may hold"),
        ("{}", "may hold"),
        ("{custom_id:5}", "may have a width for {number} and {index} only"),
        ("cat", "must hold a field, such as {custom_id}, and no other braces"),
        ("{{{custom_id}", "must hold a field"),
        ("{custom_id", "must be a template"),
        ("../{custom_id}", "must have no part that is empty, begins with a dot"),
        ("/{custom_id}", "must have no part that is empty"),
        ("a//{custom_id}", "must have no part that is empty"),
        (".images-api/{custom_id}", "must have no part that is empty, begins with a dot"),
        ("C:/{custom_id}", "must not hold ':'"),
        ("con{ext}/{custom_id}", None),
        ("con.{ext}/{custom_id}", "must not be what Windows calls a device"),
    ],
)
def test_a_template_that_leads_astray_is_refused(template: str, why: str | None) -> None:
    if why is None:
        assert named(template) == "conpng/cat"
        return
    with pytest.raises(InvalidRequestError, match=f"names {why}"):
        named(template)


def test_keys_tell_which_names_are_one_file_on_some_systems() -> None:
    assert keys("Caf\u00e9-{index}.{ext}", 2) == keys("cafe\u0301-{index}.{ext}", 2) == ["caf\u00e9-1.*", "caf\u00e9-2.*"]
    assert keys("stra\u00dfe.{ext}", 1) == keys("STRASSE.{ext}", 1)
    assert keys("cat.{ext}", 1) == ["cat.*"]
