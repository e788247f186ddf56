"""A command for each operation: its arguments and options out of the contract, and those that every call has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._connecting import connection_options
from ._operations import command_name, parameters, roles
from ._parameters import ContractArgument, ContractParameter, Image, contract_arguments, contract_options
from ._preview import KINDS
from ._wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from images_api._contract.operations import Operation

    from ._inputs import Inputs

_LAST = "How to ask"
_EPILOG = "A text may also be @FILE, or - for the standard input; an image a path, a link, a file id, or -."
# What messages call the arguments that are no parameters of the contract.
_FLAGS = {
    "base_url": "--base-url",
    "extra_body": "--param",
    "max_retries": "--retries",
    "path": "-o",
    "timeout": "--timeout",
}


class OperationCommand(click.Command):
    """The command of one operation.

    Attributes:
        operation: The operation.
        flags: What the command line calls the arguments of a call, by their names.
    """

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        positional = [*contract_arguments(operation)]
        has_partials = roles().get("partials") in parameters(operation)
        going, asking = _output_options(has_partials=has_partials), _asking_options()
        taken = [flag for option in (*going, *asking) for flag in option.opts]
        told = [*contract_options(operation, [*taken, "--help"])]
        self.flags = {**_FLAGS, **{each.parameter: each.opts[0] for each in told}}
        self._sections: dict[str, Sequence[click.Parameter]] = {
            "Arguments": positional,
            "What to make": told,
            "Where the images go": going,
            _LAST: asking,
        }
        summary = operation.definition.get("summary", "")
        super().__init__(
            command_name(operation),
            params=[*positional, *told, *going, *asking],
            help=f"{summary}\n\n{operation.definition.get('description', '')}",
            short_help=summary,
            epilog=_EPILOG,
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Make the call, and return its exit status."""
        from ._calling import call
        from ._inputs import Inputs

        inputs, own, given = Inputs(), dict(ctx.params), {}
        for each in self.params:
            if isinstance(each, ContractParameter):
                given[each.parameter] = _read(inputs, each, own.pop(str(each.name)))
        kind, is_shown = own.pop("preview_as"), own.pop("preview")
        wishes = Wishes(preview=kind or (KINDS[0] if is_shown else None), flags=self.flags, **own)
        return call(self.operation, given, wishes)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, and the options by what they are for."""
        beside = [each for each in self.get_params(ctx) if each not in self.params]
        for title, told in self._sections.items():
            shown = [*told, *(beside if title == _LAST else [])]
            if shown:
                with formatter.section(title):
                    formatter.write_dl([record for each in shown if (record := each.get_help_record(ctx))])


def _read(inputs: Inputs, parameter: ContractParameter, given: Any) -> Any:
    """Return what a call takes for what was given, of which several are a tuple."""
    if isinstance(given, tuple):
        read = [_read(inputs, parameter, each) for each in given]
        return read[0] if len(read) == 1 else read or None
    if isinstance(parameter.type, Image) and given is not None:
        return inputs.image(given)
    return inputs.text(given) if isinstance(parameter, ContractArgument) and isinstance(given, str) else given


def _output_options(*, has_partials: bool) -> list[click.Option]:
    """Return the options that say what becomes of the images."""
    partials = click.Option(["--partials"], metavar="DIR", type=click.Path(file_okay=False), help="Save unfinished images there.")
    return [
        click.Option(
            ["-o", "--output"],
            default=Wishes.output,
            type=click.Path(),
            metavar="PATH",
            help="A file, which is numbered for several images; a folder; a template with {index}, {ext} or {subject}; or - for "
            "the bytes of one image on the standard output. Else the current folder.",
        ),
        click.Option(
            ["--no-overwrite", "overwrite"], is_flag=True, flag_value=False, default=True, help="Leave files that are there."
        ),
        click.Option(["--sidecar"], is_flag=True, help="Say in a JSON file beside each image where it comes from."),
        *([partials] if has_partials else []),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object: files, usage, request id, error."),
        click.Option(["--preview"], is_flag=True, help="Show the images on the terminal."),
        click.Option(["--preview-as"], type=click.Choice(KINDS), help="Show them, and in which way."),
        click.Option(["--open", "launch"], is_flag=True, help="Open the images with the system's viewer."),
    ]


def _asking_options() -> list[click.Option]:
    """Return the options that say how the call is made."""
    return [
        *connection_options(),
        click.Option(
            ["--retries"], metavar="NUMBER", type=int, help="How often it may be sent again when it can't have run. Else 2."
        ),
        click.Option(["--param", "params"], metavar="NAME=JSON", multiple=True, help="A field that the contract doesn't know."),
        click.Option(["--dry-run"], is_flag=True, help="Show the checked request, and send nothing."),
    ]
