"""What the pages say of a parameter: its type, and what known models and all others take for it."""

from collections.abc import Iterator
from typing import NamedTuple

from images_api._contract.operations import Operation
from images_api.cli._facts import narrowed, use
from images_api.cli._families import common_choices, described, known_models, limits
from images_api.cli._operations import parameters
from tools.generator.document import resolved
from tools.generator.methods import Parameter
from tools.reference.markdown import Markdown, code, joined, markdown
from tools.reference.schemas import Schemas

# More of them, such as the models, stand on their own page.
_MOST_CHOICES = 8
_IMAGE = "ImageInput"


class Described(NamedTuple):
    """A parameter on a page.

    Attributes:
        name: What it is called.
        type: Its type, with links.
        description: What it is.
        notes: Bounds, choices, defaults, and which models take what.
    """

    name: Markdown
    type: Markdown
    description: str
    notes: list[Markdown]


def described_parameter(operation: Operation, parameter: Parameter, schemas: Schemas) -> Described:
    """Return what is said of a parameter of a method."""
    description = resolved(schemas.document, parameter.schema)["description"]
    notes = notes_of(operation, parameter.name)
    if parameter.python_name != parameter.name:
        notes = [Markdown(f"{code(parameter.name)} on the wire"), *notes]
    return Described(code(parameter.python_name), _type(parameter, schemas), description, notes)


def notes_of(operation: Operation, name: str) -> list[Markdown]:
    """Return what models take for a parameter, one note each.

    Args:
        operation: The operation, with the bodies that count.
        name: The parameter.
    """
    return [*_choices(operation, name), *map(markdown, limits(operation, name)), *_of_others(operation, name)]


def _choices(operation: Operation, name: str) -> Iterator[Markdown]:
    choices = common_choices(operation, name)
    takers = [found for model in known_models() if (found := use(operation, model).parameters.get(name))]
    if 0 < len(choices) <= _MOST_CHOICES:
        among = "such as" if all(facts.is_open for facts in takers) else "one of"
        yield Markdown(f"{among} {joined(map(code, choices), 'or')}")


def _of_others(operation: Operation, name: str) -> Iterator[Markdown]:
    """Yield what every server needs, where that isn't what known models take."""
    facts = narrowed([parameters(operation)[name]])._replace(choices=(), form=None, fields={})
    words = described(facts)
    if words and any(_differs(operation, model, name, words) for model in known_models()):
        yield Markdown(f"any other model: {markdown(', '.join(words.values()))}")


def _differs(operation: Operation, model: str, name: str, words: dict[str, str]) -> bool:
    found = use(operation, model)
    return name not in found.parameters or {**described(found.parameters[name]), **words} != described(found.parameters[name])


def _type(parameter: Parameter, schemas: Schemas) -> Markdown:
    if parameter.is_file:
        several = [Markdown(f"a list of {code(_IMAGE)}")] if parameter.takes_several else []
        return joined([code(_IMAGE), *several], "or")
    return schemas.python_type(schema for _, schema in parameter.schemas)
