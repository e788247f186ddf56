"""List what this project's contract says of models, apart from what requests take: families and retirements."""

from collections.abc import Iterator

from tools.comparison.documents import Document, Node
from tools.comparison.facts import Entry, Place
from tools.comparison.shapes import Fact

FAMILY = "family of models"
RETIRED = "retired model"


def read_models(document: Document) -> Iterator[tuple[Place, Entry]]:
    """Yield an entry for each family of models and for each retired model."""
    components = document.root.mapping().get("components", Node(document, {}, "#/components")).mapping()
    if "schemas" in components:
        for schema in components["schemas"].mapping().values():
            named = schema.mapping().get("$defs")
            for name, family in named.mapping().items() if named else ():
                if "pattern" in family.mapping():
                    yield Place("", FAMILY, (name,)), _entry(family, "pattern")
            retired = schema.mapping().get("x-retired")
            for name, retirement in retired.mapping().items() if retired else ():
                yield Place("", RETIRED, (name,)), _entry(retirement, "date", "successor")


def _entry(node: Node, *names: str) -> Entry:
    return Entry(node.pointer, {name: Fact(said.value, said.pointer) for name, said in node.mapping().items() if name in names})
