"""The page of the families of models: what each takes, in the words in which the command line tells it."""

from typing import Any, NamedTuple

from images_api._contract.document import MODELS, at
from images_api._contract.operations import Operation
from images_api.cli._families import Family, families, known_models, lacking, overview, taken
from images_api.cli._operations import commands
from tools.reference.markdown import Markdown, anchors, code, joined, markdown
from tools.reference.operations import Told
from tools.reference.rendering import render


class _Use(NamedTuple):
    """What a family takes of an operation."""

    title: str
    taken: bool
    streams: bool
    reason: Markdown
    parameters: list[Markdown]
    lacking: list[Markdown]


class _Told(NamedTuple):
    """A family on the page."""

    title: str
    anchor: str
    methods: Markdown
    images: Markdown
    cells: list[str]
    until: Markdown
    successors: Markdown
    models: list[Markdown]
    uses: list[_Use]


def families_page(operations: list[Told]) -> str:
    """Return the page.

    Args:
        operations: The operations, as their page tells them.
    """
    methods = {each.id: each.name for each in operations}
    anchor, told = anchors(), list[_Told]()
    anchor("Families of models")
    for family in families():
        title = family.title or ", ".join(family.models)
        told.append(_told(family, title, anchor(title), methods))
        for use in told[-1].uses:
            anchor(use.title)
    columns = list(overview(families()[0]))[1:-1] if told else []
    return render("families.md.jinja", families=told, columns=columns)


def _told(family: Family, title: str, anchor: str, methods: dict[str, str]) -> _Told:
    _, *cells, images = (text.replace("\n", "; ") for text in overview(family).values())
    # As the methods are called, which the page is about.
    taking = [methods[operation.id] for operation in commands().values() if family.use(operation).bodies]
    ends: dict[str, dict[str, Any]] = at(MODELS).get("x-retired", {}) if known_models() else {}
    return _Told(
        title=title,
        anchor=anchor,
        methods=joined(map(code, taking), "and") if taking else Markdown("none"),
        images=markdown(images),
        cells=cells,
        until=_by_model({model: ends.get(model, {}).get("date", "") for model in family.models}),
        successors=_by_model({model: ends.get(model, {}).get("successor", "") for model in family.models}),
        models=[code(model) for model in family.models],
        uses=[_use(family, operation, methods[operation.id]) for operation in commands().values()],
    )


def _by_model(texts: dict[str, str]) -> Markdown:
    """Return what is said of several models: once where it is the same."""
    if len(set(texts.values())) == 1:
        return markdown(next(iter(texts.values())))
    return Markdown("; ".join(f"{code(model)}: {markdown(text or 'open')}" for model, text in texts.items()))


def _use(family: Family, operation: Operation, name: str) -> _Use:
    use = family.use(operation)
    return _Use(
        title=name,
        taken=bool(use.bodies),
        streams=use.streams,
        reason=Markdown(f": {markdown(use.reason)}" if use.reason else ""),
        parameters=[Markdown(f"{code(each)}: {markdown('; '.join(words))}") for each, words in taken(use).items()],
        lacking=[
            Markdown(f"{code(each)}{f': {markdown(reason)}' if reason else ''}")
            for each, reason in lacking(operation, use).items()
        ],
    )
