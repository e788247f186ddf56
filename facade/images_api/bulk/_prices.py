"""What images cost, by prices that the user gives: nothing is known here of any provider's.

[[price]]
when = {model = "gpt-image-1*"}
per_million = {"input_tokens_details.text_tokens" = 5.0, "output_tokens" = 40.0}

[[price]]
when = {model = "dall-e-3", size = "1024x1024"}
per_image = 0.04
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from images_api._problems import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from images_api._results import Usage

_MILLION = 1_000_000


class Prices:
    """Prices by what a request says.

    Args:
        path: A TOML or JSON file with a list `price`; the first one counts whose `when` fits the request. Each may have `when`,
            parameters with what their values are like (`*` stands for anything), `per_image`, and `per_million`: what a million
            of each kind of tokens costs, by its name in the response's `usage`, with dots between levels.

    Raises:
        InvalidRequestError: The file isn't in that form.
        OSError: The file can't be read.
    """

    def __init__(self, path: str | Path) -> None:
        content = Path(path).read_bytes()
        try:
            said = json.loads(content) if Path(path).suffix.lower() == ".json" else tomllib.loads(content.decode())
        except ValueError as error:
            raise refused("prices", str(path), f"must be a TOML or JSON file ({error})") from None
        self._prices = said.get("price") if isinstance(said, dict) and said.keys() == {"price"} else None
        if not isinstance(self._prices, list) or not all(map(_is_price, self._prices)):
            why = "must be a list `price` of tables with `when`, `per_image` and `per_million`, of texts and of numbers from 0"
            raise refused("prices", str(path), why)

    def cost(self, request: Mapping[str, Any], images: int, usage: Mapping[str, Any] | None) -> float | None:
        """Return what a call costs; None where no price fits, or the server didn't say what it is for.

        Args:
            request: What the call says, by parameter.
            images: How many images came of it.
            usage: The tokens used.
        """
        for price in self._prices or ():
            if all(fnmatchcase(str(request.get(name, "")), like) for name, like in price.get("when", {}).items()):
                tokens = {name: _found(usage, name) for name in price.get("per_million", {})}
                if None in tokens.values():
                    return None
                by_tokens = sum(price["per_million"][name] * (count or 0) / _MILLION for name, count in tokens.items())
                return float(by_tokens + price.get("per_image", 0) * images)
        return None


def plain_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return the tokens used as the server said them."""
    return None if usage is None else _said(asdict(usage))


def added(total: dict[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return tokens used with more of them."""
    for name, value in usage.items():
        if isinstance(value, dict):
            total[name] = added(total[name] if isinstance(total.get(name), dict) else {}, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            old = total.get(name, 0)
            total[name] = value + (old if isinstance(old, int | float) else 0)
    return total


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    said = {**fields, **fields.get("extra", {})}
    plain = {name: _said(value) if isinstance(value, dict) and "extra" in value else value for name, value in said.items()}
    return {name: value for name, value in plain.items() if name != "extra" and value is not None}


def _is_price(price: object) -> bool:
    if not isinstance(price, dict) or not price.keys() <= {"when", "per_image", "per_million"}:
        return False
    when, tokens = price.get("when", {}), price.get("per_million", {})
    if not isinstance(when, dict) or not isinstance(tokens, dict) or not all(isinstance(like, str) for like in when.values()):
        return False
    return all(isinstance(each, int | float) and each >= 0 for each in (price.get("per_image", 0), *tokens.values()))


def _found(usage: Mapping[str, Any] | None, name: str) -> float | None:
    value: Any = usage
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) else None
