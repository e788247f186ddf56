"""What may be shown to people: bounded, whatever it is made of, and without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from images_api import ImagesClient, InvalidRequestError
from images_api._messages import short, shown
from images_api._secrets import Secrets


def deep(depth: int = 200_000) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def unnest(value: list[Any]) -> None:
    """Take it apart by steps, for which its own destructor is too deep."""
    while value:
        value = value.pop()


@pytest.mark.parametrize("show", [shown, short])
def test_what_is_nested_deeper_than_python_can_follow_is_told_in_a_few_words(show: Any) -> None:
    value = deep()
    text = show(value)
    assert len(text) < 250
    assert text == "a list that can't be shown (RecursionError)" or text.startswith("[[[")
    unnest(value)


@pytest.mark.parametrize("show", [shown, short])
def test_what_can_not_be_shown_is_told_by_its_type(show: Any) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise KeyError("not today")

    assert show(Shy()) == "a Shy that can't be shown (KeyError)"


def test_a_value_nested_too_deep_is_refused_in_a_few_words() -> None:
    value = deep()
    with ImagesClient(base_url="http://127.0.0.1:9/v1") as client, pytest.raises(InvalidRequestError) as caught:
        client.generate("x", svg=value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert len(str(caught.value)) < 500
    unnest(value)


def test_secrets_are_in_no_repr() -> None:
    secrets = Secrets([b"a-secret-of-mine", b"short"])
    assert "secret-of" not in repr(secrets)
    assert "short" not in repr(secrets)
    assert repr(secrets) == "<1 secrets>"


def test_placeholders_hide_nothing() -> None:
    assert Secrets([b"none", b"EMPTY"]).hidden_in(b"none and EMPTY") == b"none and EMPTY"
