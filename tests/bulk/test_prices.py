from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from images_api import InvalidRequestError
from images_api._results import TokenDetails, Usage
from images_api.bulk import Prices
from images_api.bulk._prices import added, plain_usage

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
[[price]]
when = {model = "gpt-image-1*", quality = "high"}
per_million = {"input_tokens_details.text_tokens" = 5.0, output_tokens = 40}

[[price]]
when = {model = "dall-e-3"}
per_image = 0.04

[[price]]
per_image = 1
per_million = {total_tokens = 1000000}
"""
USAGE = {"output_tokens": 1000, "total_tokens": 2, "input_tokens_details": {"text_tokens": 2000}}


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    (tmp_path / "prices.toml").write_text(TOML)
    return Prices(tmp_path / "prices.toml")


@pytest.mark.parametrize(
    ("request_", "images", "usage", "cost"),
    [
        ({"model": "gpt-image-1-mini", "quality": "high"}, 1, USAGE, 0.05),
        ({"model": "gpt-image-1", "quality": "high"}, 1, {"output_tokens": 1}, None),
        ({"model": "gpt-image-1", "quality": "high"}, 1, None, None),
        ({"model": "gpt-image-1", "quality": "high"}, 1, {"output_tokens": 1, "input_tokens_details": 7}, None),
        ({"model": "dall-e-3"}, 3, None, 0.12),
        ({}, 2, USAGE, 4.0),
    ],
)
def test_the_first_price_that_fits_counts(
    prices: Prices, request_: dict[str, Any], images: int, usage: dict[str, Any] | None, cost: float | None
) -> None:
    assert prices.cost(request_, images, usage) == (cost if cost is None else pytest.approx(cost))


def test_prices_may_be_json_and_may_fit_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"price": [{"when": {"model": "x"}, "per_image": 2}]}))
    assert Prices(path).cost({"model": "x"}, 1, None) == 2
    assert Prices(path).cost({"model": "y"}, 1, None) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.toml", "price ="),
        ("p.json", "{"),
        ("p.json", "[]"),
        ("p.json", '{"price": {}}'),
        ("p.json", '{"price": [7]}'),
        ("p.json", '{"price": [], "prices": []}'),
        ("p.json", '{"price": [{"per_imag": 1}]}'),
        ("p.json", '{"price": [{"when": []}]}'),
        ("p.json", '{"price": [{"when": {"model": 1}}]}'),
        ("p.json", '{"price": [{"per_million": 1}]}'),
        ("p.json", '{"price": [{"per_image": -1}]}'),
        ("p.json", '{"price": [{"per_million": {"total_tokens": "1"}}]}'),
    ],
)
def test_what_is_no_list_of_prices_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidRequestError, match="prices must be a"):
        Prices(tmp_path / name)


def test_usage_is_told_as_the_server_said_it() -> None:
    details = TokenDetails(text_tokens=2, extra={"cached": {"a": 1}})
    usage = Usage(input_tokens=3, input_tokens_details=details, extra={"cost": 0.5})
    assert plain_usage(usage) == {"input_tokens": 3, "input_tokens_details": {"text_tokens": 2, "cached": {"a": 1}}, "cost": 0.5}
    assert plain_usage(None) is None


def test_usages_add_up_whatever_servers_say() -> None:
    total: dict[str, Any] = {}
    for usage in (
        USAGE,
        USAGE,
        {"output_tokens": "many", "input_tokens_details": 7, "total_tokens": True},
        {"total_tokens": {"a": 1}},
    ):
        added(total, usage)
    assert total["output_tokens"] == 2000
    assert total["total_tokens"] == {"a": 1}
    assert added({"a": {"b": 1}}, {"a": 2, "c": [1]}) == {"a": 2}
