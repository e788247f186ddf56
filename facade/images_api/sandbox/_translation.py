"""From what a dialect's request says to what the contract calls it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from . import _checking
from ._refusal import RefusedError
from ._requests import load_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from images_api._contract.operations import Operation

    from ._dialects import Dialect, Route
    from ._requests import Asked

# More digits than any size that is drawn.
_SIDES = re.compile(r"([0-9]{1,9})\s*[xX*×]\s*([0-9]{1,9})")  # noqa: RUF001  some write the sign itself
_RATIO = re.compile(r"([0-9]{1,3}(?:\.[0-9])?):([0-9]{1,3}(?:\.[0-9])?)")
_RESOLUTION = re.compile(r"([0-9]{1,2}(?:\.[0-9])?)[kK]")
_PIXELS = re.compile(r"[0-9]{2,4}")
_UNSAID = "auto"
_LONGEST_SCHEME = 8
_SIDE = 1024
# What models' sides are multiples of.
_STEP = 16


class Understood(NamedTuple):
    """A request in the contract's words.

    Attributes:
        operation: What it asks for.
        asked: What it says.
        model: The model that it names, as it names it, or that it gets; None for the contract's own default.
        form: How its images are to come.
        seed: The number that it wants them drawn by, which the contract doesn't know; None where it names none.
    """

    operation: Operation
    asked: Asked
    model: object
    form: object
    seed: object


def understood(dialect: Dialect, route: Route, asked: Asked, model: str | None, *, any_model: bool) -> Understood:
    """Say a request in the contract's words.

    Args:
        dialect: Whose words it has.
        route: Where it came in.
        asked: What it says.
        model: The model that its path names, if it does.
        any_model: Whether models are taken that the dialect doesn't list.

    Raises:
        RefusedError: The dialect's server would not take it.
    """
    fields, operation = dict(asked.fields), route.operation
    if model is not None:
        fields[_role(asked)] = model
    _drop(dialect.parameters, fields)
    _unpack(dialect.parameters, fields)
    if not dialect.streams(operation.id):
        fields.pop(asked.rules.body.roles.get("stream", ""), None)
    links = list(_links(dialect.parameters.get("images", ()), fields))
    if links and not asked.files:
        operation = route.with_images or route.operation
        asked = _by_reference(operation, asked, fields, links)
    _rename(dialect.parameters, fields)
    _limit(dialect.parameters, fields)
    if dialect.size is not None:
        _set_size(dialect.size, fields, has_images=bool(asked.files or links))
    defaults = dialect.parameters.get("defaults", {})
    meant = {**defaults.get("all", {}), **defaults.get(operation.id, {})}
    fields.update({name: value for name, value in meant.items() if fields.get(name) is None})
    named = _choose_model(dialect, asked, fields, any_model=any_model)
    return Understood(operation, asked._replace(fields=fields), named, fields.get("response_format"), fields.get("seed"))


def _role(asked: Asked) -> str:
    return asked.rules.body.roles.get("model", "")


def _drop(parameters: Mapping[str, Any], fields: dict[str, object]) -> None:
    for name in parameters.get("ignored", ()):
        fields.pop(name, None)
    for name, message in parameters.get("refused", {}).items():
        if fields.get(name) is not None:
            raise RefusedError(message, param=name, code="unknown_parameter")


def _unpack(parameters: Mapping[str, Any], fields: dict[str, object]) -> None:
    """Take parameters out of others that hold them."""
    if (embedded := parameters.get("embedded")) and isinstance(text := fields.get(name := embedded["parameter"]), str):
        tag = embedded["tag"]
        before, _, rest = text.partition(f"<{tag}>")
        inner, end, after = rest.partition(f"</{tag}>")
        if end:
            fields[name] = before + after
            fields.update(_json_object(inner, f"invalid {tag}", name))
    if (split := parameters.get("split")) and isinstance(text := fields.get(name := split["parameter"]), str):
        first, separator, rest = text.partition(split["separator"])
        if separator:
            fields.update({name: first, split["rest"]: rest})


def _json_object(text: str, message: str, parameter: str) -> dict[str, object]:
    try:
        said = load_json(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise RefusedError(message, param=parameter, code="invalid_value")
    return cast("dict[str, object]", said)


def _links(ways: Iterable[str], fields: dict[str, object]) -> Iterator[str]:
    """Yield what refers to images, and take it out of the fields."""
    for way in ways:
        first, *steps = way.split(".")
        found = list(_texts(fields.get(first), steps))
        if found:
            del fields[first]
        yield from found


def _texts(value: object, steps: list[str]) -> Iterator[str]:
    for each in cast("list[object]", value) if isinstance(value, list) else [value]:
        if isinstance(each, dict) and steps:
            yield from _texts(cast("dict[str, object]", each).get(steps[0]), steps[1:])
        elif isinstance(each, str) and not steps:
            yield each


def _by_reference(operation: Operation, asked: Asked, fields: dict[str, object], links: list[str]) -> Asked:
    """Refer to images as the contract does."""
    rules = _checking.rules(operation.id, operation.by_reference)
    for name, parameter in list(rules.body.references.items())[:1]:
        # What is no URL can only be base64.
        urls = [link if ":" in link[:_LONGEST_SCHEME] else f"data:image/*;base64,{link}" for link in links]
        fields[parameter] = [operation.reference(name, url) or url for url in urls]
    return asked._replace(rules=rules)


def _rename(parameters: Mapping[str, Any], fields: dict[str, object]) -> None:
    for theirs, ours in parameters.get("renamed", {}).items():
        if theirs in fields:
            fields[ours] = fields.pop(theirs)
    for name, values in parameters.get("values", {}).items():
        if isinstance(said := fields.get(name), str):
            fields[name] = values.get(said, said)


def _limit(parameters: Mapping[str, Any], fields: dict[str, object]) -> None:
    for name, choices in parameters.get("choices", {}).items():
        if fields.get(name) is not None and fields[name] not in choices:
            message = f"Invalid value for '{name}': it must be one of {', '.join(choices)}."
            raise RefusedError(message, param=name, code="invalid_value")
    for name, bounds in parameters.get("bounds", {}).items():
        value = fields.get(name)
        if not isinstance(value, int | float) or bounds["least"] <= value <= bounds["most"]:
            continue
        if not bounds.get("clamped"):
            message = f"Invalid value for '{name}': it must be between {bounds['least']} and {bounds['most']}."
            raise RefusedError(message, param=name, code="invalid_value")
        fields[name] = max(bounds["least"], min(value, bounds["most"]))


def _set_size(size: Mapping[str, Any], fields: dict[str, object], *, has_images: bool) -> None:
    """Say the size in the contract's way, or nothing of it."""
    said = {what: fields.pop(size[what], None) for what in ("text", "width", "height", "ratio", "resolution") if what in size}
    sides = _sides(size, {what: value for what, value in said.items() if value not in (None, _UNSAID, "")})
    if sides is None and not has_images:
        sides = size.get("default")
    if sides is not None:
        fields["size"] = sides


def _sides(size: Mapping[str, Any], said: Mapping[str, object]) -> str | None:
    ratios: Mapping[str, str] = size.get("ratios", {})
    fixed = said.get("ratio")
    if isinstance(fixed, str) and fixed in ratios and "resolution" not in said:
        return ratios[fixed]
    if "width" in said and "height" in said:
        return _text_of_sides(*(_whole(size[side], said[side]) for side in ("width", "height")))
    return _written_sides(size, {what: said[what] for what in ("text", "resolution", "ratio") if what in said})


def _written_sides(size: Mapping[str, Any], said: Mapping[str, object]) -> str | None:
    resolution = ratio = None
    for what, value in said.items():
        text = value if isinstance(value, str) else ""
        if found := _SIDES.fullmatch(text):
            return _text_of_sides(*map(int, found.groups()))
        if found := _RATIO.fullmatch(text):
            ratio = text
        elif found := _RESOLUTION.fullmatch(text):
            resolution = float(found[1]) * _SIDE
        elif _PIXELS.fullmatch(text):
            resolution = float(text)
        elif not size.get("lenient"):
            message = f"Invalid value for '{size[what]}': it is neither WIDTHxHEIGHT, nor a ratio such as 16:9, nor such as 2K."
            raise RefusedError(message, param=size[what], code="invalid_value")
    if ratio is None and resolution is None:
        return None
    return _of_ratio(ratio, resolution or _SIDE)


def _of_ratio(ratio: str | None, resolution: float) -> str:
    width, height = map(float, ratio.split(":")) if ratio else (1.0, 1.0)
    stretch = math.sqrt(width / height) if width and height else 1.0
    return _text_of_sides(*(max(_STEP, round(side / _STEP) * _STEP) for side in (resolution * stretch, resolution / stretch)))


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or value <= 0:
        raise RefusedError(f"Invalid type for '{name}': expected a whole number of pixels.", param=name, code="invalid_type")
    return value


def _text_of_sides(width: int, height: int) -> str:
    return f"{width}x{height}"


def _choose_model(dialect: Dialect, asked: Asked, fields: dict[str, object], *, any_model: bool) -> object:
    """See to the model, and return it as the request names it."""
    role, taken = _role(asked), dialect.models["taken"]
    named = fields.get(role)
    if taken == "known":
        if not any_model:
            asked.rules.check_model(fields)
        return named
    if named is None and dialect.models.get("required"):
        raise RefusedError(f"Missing required parameter: '{role}'.", param=role, code="missing_required_parameter")
    if taken == "listed" and not any_model:
        _checking.refuse_unknown_model(named, role, dialect.models["ids"])
    named = dialect.models["ids"][0] if named is None else named
    if isinstance(named, str):
        # The rules of the contract's own models aren't those of the models that servers call by their names.
        fields[role] = f"{dialect.name}/{named}"
    return named
