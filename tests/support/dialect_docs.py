"""Writes docs/app/sandbox-dialects.md from the dialects' own files: `python tests/support/dialect_docs.py`."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from images_api.sandbox._dialects import Dialect, dialect, dialects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = Path(__file__).resolve().parents[2] / "docs" / "app" / "sandbox-dialects.md"
HEAD = """\
# The sandbox's dialects

Compatible servers differ from the API and from each other. With a dialect the sandbox answers like one of them, so that your code
can be tried against it, for nothing:

```sh
python -m images_api.sandbox --dialect localai
```

```python
from images_api.sandbox import Sandbox

with Sandbox(dialect="localai") as sandbox:
    ...  # sandbox.base_url is what stands in place of the server's own
```

All else is as without a dialect: real images, requests that are noted as they were sent, faults on demand, refusals for prompts
that ask for them by name (`moderation_blocked`). `--any-model` takes models that the server doesn't have. What a server fetches
from a link, the sandbox doesn't: it takes `data:` URLs, and links to what it made itself.

Each dialect is one file of data in [facade/images_api/sandbox/dialects](../../facade/images_api/sandbox/dialects), which says
where its facts are from. A new one is a new file there; `schema.json` says what may stand in it, and is held against every file
that is read.

What follows is written from these files: `python tests/support/dialect_docs.py`.
"""
MODELS = {"known": "OpenAI's", "listed": "its own", "any": "any"}
FORMS = {"url": "links", "b64_json": "base64"}


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_table(), *(line for name in dialects() for line in _section(name))])


def _table() -> Iterator[str]:
    yield "| `--dialect` | server | base URL ends in | models | images come as | streams |"
    yield "|---|---|---|---|---|---|"
    for name in dialects():
        said, described = _said(name), dialect(name)
        models = MODELS[described.models["taken"]] + (", must be named" if described.models.get("required") else "")
        cells = [f"[{name}](#{_anchor(said)})", said["title"], f"`{described.base}`", models, _forms(said), _streams(described)]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _section(name: str) -> Iterator[str]:
    said, described = _said(name), dialect(name)
    yield f"## {said['title']}"
    yield ""
    yield f"{said['about']}: `--dialect {name}`."
    yield ""
    for route in described.routes:
        query = "".join(f"?{each}=" for each in route.query)
        images = f", or {route.with_images.id} where it refers to images" if route.with_images else ""
        media = f"; {', '.join(route.media_types)} alone" if route.media_types else ""
        yield f"- `POST {route.path}{query}`: {route.operation.id}{images}{media}"
    yield from (f"- `GET {path}`" for path in described.pages or ())
    yield ""
    yield "What a client must be ready for:"
    yield ""
    yield from (f"- {quirk}" for quirk in said["quirks"])
    yield ""
    yield "Facts from:"
    yield ""
    yield from (f"- <{source}>" for source in said["sources"])
    yield ""


def _said(name: str) -> dict[str, Any]:
    return tomllib.loads((files("images_api.sandbox") / "dialects" / f"{name}.toml").read_text(encoding="utf-8"))


def _anchor(said: Mapping[str, Any]) -> str:
    return "".join(each for each in said["title"].lower().replace(" ", "-") if each.isalnum() or each == "-")


def _forms(said: Mapping[str, Any]) -> str:
    defaults = said.get("parameters", {}).get("defaults", {})
    forms = {which: each["response_format"] for which, each in defaults.items() if "response_format" in each}
    if said["response"].get("extends"):
        return "as the model's family has it"
    if len(forms) > 1:
        return "; ".join(f"{FORMS[form]} ({which})" for which, form in forms.items())
    return FORMS[forms.get("all", "b64_json")]


def _streams(described: Dialect) -> str:
    streaming = {route.operation.id for route in described.routes if described.streams(route.operation.id)}
    if not streaming:
        return "no"
    words = "as the API" if described.stream is None else "its own way"
    all_of_them = {route.operation.id for route in described.routes}
    return words if streaming == all_of_them else f"{words} ({', '.join(streaming)})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
