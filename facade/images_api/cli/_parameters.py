"""A parameter of the contract at the prompt: an option or an argument, with its choices, its bounds and its help."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ._facts import narrowed
from ._operations import arguments, is_file, parameters, takes_several

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from images_api._contract.operations import Operation

# More of them, such as the models, would fill the screen.
_MOST_CHOICES = 8


class Text(click.ParamType):  # type: ignore[type-arg]  # generic in later versions alone
    """A text, which may have to be one of several: that is checked with all the rest."""

    name = "text"

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  the signature is click's
        """Return the known texts that begin so."""
        return [CompletionItem(each) for each in self.known if each.startswith(incomplete)]


class Image(click.ParamType):  # type: ignore[type-arg]  # likewise
    """An image to send: a path, a link, a file id, or `-` for the standard input."""

    name = "image"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  the signature is click's
        """Let the shell offer files."""
        return [CompletionItem(incomplete, type="file")]


class Json(click.ParamType):  # type: ignore[type-arg]  # likewise
    """What has parts: JSON."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the JSON stands for."""
        try:
            return json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is no JSON ({error})", param, ctx)


class ContractParameter(click.Parameter):
    """What is told by the contract.

    Attributes:
        parameter: Its name there.
        description: What it is, and what the contract says of choices, bounds and models.
    """

    parameter: str
    operation: Operation

    @property
    def description(self) -> str:
        # Which check against the contract, as only a command's own help needs.
        from ._families import common_choices, limits

        choices = common_choices(self.operation, self.parameter)
        said = [", ".join(map(str, choices))] if 0 < len(choices) <= _MOST_CHOICES else []
        notes = "; ".join([*said, *limits(self.operation, self.parameter)])
        text: str = parameters(self.operation)[self.parameter]["description"]
        return f"{text}  [{notes}]" if notes else text


class ContractArgument(ContractParameter, click.Argument):
    """A parameter that is given by position."""

    def __init__(self, operation: Operation, name: str, *, several: bool) -> None:
        self.operation, self.parameter = operation, name
        needed = _is_needed(operation, name)
        shown = f"{name.upper()}{'...' if several else ''}"
        super().__init__(
            [_variable(operation, name)],
            type=_type(operation, name),
            required=needed,
            nargs=-1 if several else 1,
            metavar=shown if needed else f"[{shown}]",
        )

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return what it is called, and what it is."""
        return self.make_metavar(ctx), self.description


class ContractOption(ContractParameter, click.Option):
    """A parameter that is given by name."""

    def __init__(self, operation: Operation, name: str, flag: str, **settings: Any) -> None:
        self.operation, self.parameter = operation, name
        super().__init__([flag, _variable(operation, name)], default=None, **settings)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return its flags, and what it is."""
        self.help = self.description
        return super().get_help_record(ctx)


def contract_arguments(operation: Operation) -> Iterator[ContractArgument]:
    """Yield what is given by position; the first of them that may be several takes all that the others leave."""
    names = arguments(operation)
    several = next((name for name in names if takes_several(operation, name)), None)
    return (ContractArgument(operation, name, several=name == several) for name in names)


def contract_options(operation: Operation, taken: Collection[str]) -> Iterator[ContractOption]:
    """Yield the options of an operation.

    Args:
        operation: The operation.
        taken: The flags that the command has for itself; a parameter of such a name has `api-` before it.
    """
    flags = set(taken)
    for name, schema in parameters(operation).items():
        if name in arguments(operation):
            continue
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()
        candidates = (f"--{words}", f"--{name}", f"--api-{words}", f"--api-{name}")
        flag = next(each for each in candidates if not flags & {each, f"--no-{each[2:]}"})
        flags |= {flag, f"--no-{flag[2:]}"}
        if narrowed([schema]).types == ("boolean",):
            yield ContractOption(operation, name, f"{flag}/--no-{flag[2:]}")
        else:
            yield ContractOption(operation, name, flag, type=_type(operation, name), multiple=takes_several(operation, name))


def _variable(operation: Operation, name: str) -> str:
    """Return the name under which click hands over a parameter, whatever the contract calls it."""
    return f"parameter_{[*parameters(operation)].index(name)}"


def _is_needed(operation: Operation, name: str) -> bool:
    return all({name, body.references.get(name)} & {*body.required} for body in operation.bodies.values())


def _type(operation: Operation, name: str) -> click.ParamType:  # type: ignore[type-arg]  # likewise
    facts = narrowed([parameters(operation)[name]])
    if is_file(operation, name):
        return Image()
    if "string" in facts.types:
        return Text([str(each) for each in facts.choices])
    if {"object", "array"} & {*facts.types}:
        return Json()
    return click.INT if "integer" in facts.types else click.FLOAT
