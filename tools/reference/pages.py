"""All pages of the reference."""

from collections.abc import Iterator

from images_api._contract.document import document
from tools.generator.document import Schema, resolved
from tools.reference.dialects import dialects_page
from tools.reference.families import families_page
from tools.reference.markdown import Markdown, code, markdown
from tools.reference.models import models_pages
from tools.reference.operations import Told, operations_page, operations_told
from tools.reference.rendering import render


def pages() -> Iterator[tuple[str, str]]:
    """Yield each page of the contract that the facade has, with its path below `docs/reference`."""
    contract = document()
    told = operations_told(contract)
    yield "index.md", _index(contract, told)
    yield "operations.md", operations_page(told)
    yield "families.md", families_page(told)
    yield "dialects.md", dialects_page()
    yield from models_pages(contract, told)


def _index(contract: Schema, told: list[Told]) -> str:
    servers = [
        Markdown(f"Paths are relative to {code(each['url'])}. {markdown(each.get('description', ''))}")
        for each in contract.get("servers", ())
    ]
    schemes: dict[str, Schema] = contract.get("components", {}).get("securitySchemes", {})
    asked = [_scheme(name, resolved(contract, scheme)) for name, scheme in schemes.items()]
    return render("index.md.jinja", servers=servers, schemes=asked, operations=told)


def _scheme(name: str, scheme: Schema) -> Markdown:
    ways = {
        "bearer": f"the key goes in the header {code('Authorization')}, as {code('Bearer KEY')}",
        "basic": f"name and password go in the header {code('Authorization')}, as HTTP Basic has it",
    }
    where = f"the key goes in the {scheme.get('in')} parameter {code(scheme.get('name'))}" if scheme["type"] == "apiKey" else ""
    told = ways.get(str(scheme.get("scheme")), where or f"of the type {code(scheme['type'])}")
    description = markdown(scheme.get("description", ""))
    return Markdown(" ".join(filter(None, [f"{code(name)}: {told}.", description])))
