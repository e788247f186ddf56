"""Render the pages' templates: what they put in is quoted as Markdown, but for what is Markdown already."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.reference.markdown import cell, code, link, markdown, source


def render(template: str, **variables: Any) -> str:
    """Return the text of a page.

    Args:
        template: The name of its template in this folder.
        **variables: What the template takes.

    Raises:
        jinja2.TemplateError: The template isn't there, or is broken.
    """
    return _environment().get_template(template).render(variables)


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701  the templates write Markdown; `finalize` quotes what they put in
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=markdown,
    )
    filters: dict[str, Any] = {"cell": cell, "code": code, "link": link, "source": source}
    environment.filters.update(filters)
    return environment
