"""What docstrings say of a parameter: the contract's description, bounds, choices, defaults, and which models take it."""

from collections.abc import Iterable, Iterator
from typing import Any

from tools.generator.document import Schema, alternatives, resolved
from tools.generator.methods import Method, Parameter
from tools.generator.model_rules import ModelRules

_BOUNDS = {
    "minimum": "At least {}",
    "exclusiveMinimum": "More than {}",
    "maximum": "At most {}",
    "exclusiveMaximum": "Less than {}",
    "multipleOf": "A multiple of {}",
    "minLength": "At least {} characters",
    "maxLength": "At most {} characters",
    "minItems": "At least {} items",
    "maxItems": "At most {} items",
}
_MOST_CHOICES = 8
_FILE = (
    "Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name and one of these and maybe a "
    "media type."
)
_REFERENCE = "Or, all images of the call alike, as a link, a `data:` URL or the id of a file."


def described(document: Schema, schema: Schema) -> str:
    """Return a schema's description with the bounds that hold for all models."""
    whole = resolved(document, schema)
    parts = [whole, *(part for part in alternatives(document, schema) if isinstance(part, dict))]
    limits = {keyword: part[keyword] for part in reversed(parts) for keyword in _BOUNDS if keyword in part}
    bounds = [f"{_bound(text, limits[keyword])}." for keyword, text in _BOUNDS.items() if keyword in limits]
    if "x-image" in whole:
        bounds = [text.replace("item", "image") for text in bounds]
    return " ".join([whole["description"], *bounds])


def _bound(text: str, limit: object) -> str:
    return text.format(limit).removesuffix("s" if limit == 1 else "")


class Descriptions:
    """What a method's docstring says of its parameters.

    Args:
        method: The method.
        rules: The contract's per-model rules.
    """

    def __init__(self, method: Method, rules: ModelRules) -> None:
        self._document = rules.document
        self._method = method
        self._rules = rules
        self._users = (
            rules.users(method.bodies) if any(each.name == rules.parameter for each in method.parameters) else set(rules.models)
        )

    def of(self, parameter: Parameter) -> str:
        """Return all that is said of a parameter."""
        return " ".join([described(self._document, parameter.schema), *self._more(parameter)])

    def _more(self, parameter: Parameter) -> Iterator[str]:
        yield from self._bounds(parameter)
        if parameter.is_file:
            yield f"{_FILE} {_REFERENCE}" if parameter.by_reference else _FILE
        else:
            yield from self._choices(parameter)
        yield from self._bodies(parameter)
        yield from self._models(parameter)
        yield from self._defaults(parameter)

    def _bounds(self, parameter: Parameter) -> Iterator[str]:
        for keyword, text in _BOUNDS.items():
            for limit, models in self._rules.values(parameter, keyword):
                said = _bound(text.replace("item", "image") if parameter.is_file else text, limit)
                all_models = set(models) == self._rules.takers(parameter) & self._users
                yield f"{said}." if all_models else f"{said} for {self._named(models)}."

    def _choices(self, parameter: Parameter) -> Iterator[str]:
        kinds = [{} if isinstance(kind, bool) else kind for kind in alternatives(self._document, parameter.schema)]
        choices = [value for kind in kinds for value in kind.get("enum", ()) if value is not None]
        is_open = any("enum" not in kind and kind.get("type") != "null" for kind in kinds)
        if 0 < len(choices) <= _MOST_CHOICES:
            among = "Such as" if is_open else {1: "Only", 2: "Either"}.get(len(choices), "One of")
            yield f"{among} {listed([shown(value) for value in choices], 'or')}."

    def _bodies(self, parameter: Parameter) -> Iterator[str]:
        having = [body for body, _ in parameter.schemas]
        if len(having) == len(self._method.bodies) or parameter.by_reference:
            return
        if all(body.references for body in having):
            yield "Only when images are given by reference."
        elif any(body.references for body in self._method.bodies if body not in having):
            yield "Not when images are given by reference."

    def _models(self, parameter: Parameter) -> Iterator[str]:
        is_model = parameter.name == self._rules.parameter
        universe = set(self._rules.models) if is_model else self._users
        takers = self._rules.takers(parameter) & universe
        if takers == universe:
            return
        named, others = self._rules.named(takers, universe), self._rules.named(universe - takers, universe)
        if not takers or len(others) < len(named):
            yield f"{'Of the known models, not' if is_model else 'Not for'} {listed(others, 'or')}."
        else:
            yield f"{'Of the known models, only' if is_model else 'Only for'} {listed(named, 'and')}."

    def _defaults(self, parameter: Parameter) -> Iterator[str]:
        schema = resolved(self._document, parameter.schema)
        if "default" in schema:
            yield f"Default: {shown(schema['default'])}."
        for default, models in self._rules.values(parameter, "default"):
            yield f"Default for {self._named(models)}: {shown(default)}."

    def _named(self, models: Iterable[str]) -> str:
        return listed(self._rules.named(models, self._users), "and")


def listed(names: Iterable[str], conjunction: str) -> str:
    """Return names as one reads them out: `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def shown(value: Any) -> str:
    """Return a value of a parameter as docstrings show it."""
    return f"`{value}`" if isinstance(value, str) else repr(value)
