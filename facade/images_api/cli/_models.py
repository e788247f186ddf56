"""The command `models`: what each family of models takes, as the contract has it."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from ._terminal import printable, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console, RenderableType
    from rich.text import Text

    from ._facts import Facts
    from ._families import Family

# Below, a table's columns are too narrow to be read.
_LEAST_COLUMNS = 110
_GAP = 2
_STATES = {
    "ending": "until {date}, then {successor}",
    "retired": "retired {date}, use {successor}",
    "unlisted": "not listed by the contract",
}
# A column's shorter texts aren't wrapped.
_SHORT = 10
_FREE = (
    "A free model: it belongs to no family that the contract knows, and so its server alone decides what it takes. "
    "Only what every server needs is checked."
)
_STYLES = {"current": "green", "ending": "yellow", "retired": "red", "unlisted": "yellow"}


def _completions(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ._families import families, known_models

    before = " ".join(context.params.get("name") or ())
    typed = f"{before} {incomplete}".lstrip()
    names = [*known_models(), *(each.title for each in families() if each.title)]
    fitting = [name for name in dict.fromkeys(names) if name.casefold().startswith(typed.casefold())]
    return [CompletionItem(name[len(typed) - len(incomplete) :]) for name in fitting]


_HELP = """\
Show what each family of models takes; or all that one takes.

NAME is the title of a family or the id of a model, which may be a snapshot or a new version that the contract doesn't list.
A model that no family knows is free: its server alone decides what it takes.
"""
_EPILOG = """\
With --json, every key is always there:

\b
as_of         the day for which the states hold
families      a list, each with
  title       null for a model that no family knows
  models      a list, each with id, state (current, ending, retired
              or unlisted), date and successor (null without an end)
  operations  by command, each with id, taken, reason (why it isn't),
              streams, bodies (media types), and parameters by name

\b
Of a parameter that isn't taken, taken and reason; of others,
taken         true
required      whether it must be given
types         its JSON types
choices       the values that are listed
open          whether it takes others as well
form          what these must be, in words, or null
bounds        those that JSON Schema has words for
sides         for sizes, x-sides of the contract
image         for images, x-image of the contract
default       what is sent where nothing is said, or null
fields        of an object, likewise, by name
bodies        the media types of the bodies that have it
"""


@click.command(help=_HELP, epilog=_EPILOG, short_help="Show what each family of models takes.")
@click.argument("name", nargs=-1, metavar="[NAME]", shell_complete=_completions)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all that is known.")
def models(name: tuple[str, ...], *, as_json: bool) -> None:
    """Print what is asked for."""
    from ._families import families

    wanted = " ".join(name)
    found = _found(wanted) if name else families()
    today = date.today()  # noqa: DTZ011  a day either way is the same news
    if as_json:
        write(json.dumps({"as_of": today.isoformat(), "families": [_as_json(each, today) for each in found]}, indent=2))
    elif name:
        _print(part for each in found for part in _details(each, today))
    else:
        _print_table(found, today)


def _found(name: str) -> Sequence[Family]:
    """Return the families that a name stands for.

    Raises:
        click.UsageError: It is misspelt, or can't be the name of a model.
    """
    from images_api._contract.operations import operations

    from ._families import family_of, titled

    if not name.isprintable() or not name.strip():
        raise click.UsageError(f"'{printable(name)}' can't be the name of a model")
    if several := titled(name):
        return several
    rules = next(body for each in operations().values() for body in each.bodies.values())
    if meant := rules.meant(name):
        raise click.UsageError(f"{name} is no model that is known; did you mean {meant}?")
    return [family_of(name)]


def _as_json(family: Family, today: date) -> dict[str, Any]:
    from ._families import state
    from ._operations import commands, parameters

    operations: dict[str, Any] = {}
    for command, operation in commands().items():
        use = family.use(operation)
        taken = {name: _facts_as_json(facts) for name, facts in use.parameters.items()}
        operations[command] = {
            "id": operation.id,
            "taken": bool(use.bodies),
            "reason": use.reason or None,
            "streams": use.streams,
            "bodies": use.bodies,
            "parameters": {
                name: taken.get(name, {"taken": False, "reason": use.reasons.get(name) or None}) for name in parameters(operation)
            },
        }
    states = {model: state(model, today) for model in family.models}
    return {
        "title": family.title,
        "models": [
            {"id": model, "state": each.name, "date": each.date, "successor": each.successor} for model, each in states.items()
        ],
        "operations": operations,
    }


def _facts_as_json(facts: Facts) -> dict[str, Any]:
    known = facts._asdict()
    fields = {name: _facts_as_json(each) for name, each in facts.fields.items()}
    return {"taken": True, "open": known.pop("is_open"), **known, "fields": fields}


def _row(family: Family, today: date) -> dict[str, Text]:
    """Return what is most asked for of a family, by what it is about."""
    from rich.text import Text

    from ._families import overview

    return {about: Text(text) for about, text in overview(family).items()} | {"state": _states(family.models, today)}


def _states(models: Sequence[str], today: date) -> Text:
    """Say how long models are offered; by name where it isn't the same for all."""
    from rich.text import Text

    from ._families import state

    groups: dict[tuple[str, str], list[str]] = {}
    for model in models:
        found = state(model, today)
        text = _STATES.get(found.name, found.name).format(**found._asdict())
        groups.setdefault((found.name, text), []).append(model)
    lines = [
        Text.assemble(f"{', '.join(those)}: " if len(groups) > 1 else "", (text, _STYLES[name]))
        for (name, text), those in groups.items()
    ]
    return Text("\n").join(lines)


def _details(family: Family, today: date) -> Iterator[RenderableType]:
    """Yield all that is known of a family, to be printed."""
    from rich.padding import Padding
    from rich.text import Text

    from ._families import lacking, taken
    from ._operations import commands

    yield from _heading(family)
    if family.title:
        yield _grid({"state": _states(family.models, today)})
    else:
        yield Text(_FREE)
    for command, operation in commands().items():
        use = family.use(operation)
        yield Text()
        if not use.bodies:
            yield Text.assemble((command, "bold"), ": not taken", f" ({use.reason})" if use.reason else "")
            continue
        yield Text.assemble((command, "bold"), ", also as a stream" if use.streams else "")
        yield _grid({name: Text("; ".join(words)) for name, words in taken(use).items()})
        said = [f"{name} ({reason})" if reason else name for name, reason in lacking(operation, use).items()]
        if said:
            yield Padding(Text(f"not taken: {', '.join(said)}", "dim"), (0, 0, 0, 2))


def _grid(rows: Mapping[str, Text]) -> RenderableType:
    """Lay out what is said of several things, indented."""
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=(0, _GAP, 0, 0))
    # Names stay whole as long as there is room for them.
    longest, half = max(map(len, rows), default=1), max(_console().width // 2 - _GAP, 1)
    grid.add_column(style="cyan", overflow="fold", width=min(longest, half))
    grid.add_column(overflow="fold")
    for about, text in rows.items():
        grid.add_row(about, text)
    return Padding(grid, (0, 0, 0, 2))


def _heading(family: Family) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    yield Text(family.title or ", ".join(family.models), "bold")
    if family.title and family.models != (family.title,):
        yield Padding(Text(", ".join(family.models), overflow="fold"), (0, 0, 0, 2))


def _print_table(found: Sequence[Family], today: date) -> None:
    """Print a table of families; where that would be too narrow, one block a family."""
    from rich.measure import Measurement
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    rows = {family: _row(family, today) for family in found}
    titles = {about: Text(about, "bold") for about in next(iter(rows.values()), {})}
    console = _console()
    columns = [
        [Measurement.get(console, console.options, cells[about]) for cells in (titles, *rows.values())] for about in titles
    ]
    wanted = [max(each.maximum for each in column) for column in columns]
    least = [max(min(most, _SHORT), *(each.minimum for each in column)) for most, column in zip(wanted, columns, strict=True)]
    room = console.width - _GAP * (len(columns) - 1) - sum(least)
    share = min(1, room / max(1, sum(wanted) - sum(least)))

    def line(cells: Mapping[str, Text]) -> Table:
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for low, high in zip(least, wanted, strict=True):
            table.add_column(width=low + int((high - low) * share), overflow="fold")
        table.add_row(*cells.values())
        return table

    def parts() -> Iterator[RenderableType]:
        is_table = console.width >= _LEAST_COLUMNS and room >= 0
        if is_table:
            yield from (line(titles), Rule(characters="-" if console.options.ascii_only else "─", style="dim"))
        for index, (family, cells) in enumerate(rows.items()):
            yield from [Text()] if index else []
            yield from _heading(family)
            yield line(cells) if is_table else _grid({about: text for about, text in cells.items() if text.plain})

    _print(parts())


def _console() -> Console:
    from rich.console import Console, detect_legacy_windows

    # Old consoles of Windows show the sequences for colours as they are.
    colours: Literal["auto"] | None = None if detect_legacy_windows() else "auto"
    return Console(file=sys.stdout, color_system=colours, highlight=False, markup=False, emoji=False, force_jupyter=False)


def _print(parts: Sequence[RenderableType] | Iterator[RenderableType]) -> None:
    console = _console()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    # What fills up lines is for the colours of backgrounds, of which there are none.
    write("\n".join(line.rstrip(" ") for line in captured.get().rstrip("\n").split("\n")))
