"""The page of the sandbox's dialects, from the dialects' own files."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from images_api.sandbox._dialects import dialects
from tools.reference.markdown import Markdown, anchors, code, joined, markdown
from tools.reference.rendering import render

_MODELS = {"known": "OpenAI's", "listed": "its own", "any": "any"}
_FORMS = {"url": "links", "b64_json": "base64"}


class _Dialect(NamedTuple):
    """A dialect, as the page tells it."""

    option: str
    title: str
    anchor: str
    about: str
    base: str
    models: str
    forms: Markdown
    streams: Markdown
    routes: list[Markdown]
    quirks: list[str]
    sources: list[Markdown]


def dialects_page() -> str:
    """Return the page."""
    anchor = anchors()
    return render("dialects.md.jinja", dialects=[_described(name, anchor(_said(name)["title"])) for name in dialects()])


def answering(operation: str) -> Iterator[str]:
    """Yield the dialects that answer an operation."""
    return (name for name in dialects() if any(route["operation"] == operation for route in _said(name).get("routes", ())))


@cache
def _said(name: str) -> Mapping[str, Any]:
    # As it stands there: which operations the contract has is no matter here.
    return tomllib.loads((files("images_api.sandbox") / "dialects" / f"{name}.toml").read_text(encoding="utf-8"))


def _described(name: str, anchor: str) -> _Dialect:
    said = _said(name)
    models = said.get("models", {"taken": "known"})
    return _Dialect(
        option=f"--dialect {name}",
        title=said["title"],
        anchor=anchor,
        about=said["about"],
        base=said.get("base", "/v1"),
        models=_MODELS[models["taken"]] + (", must be named" if models.get("required") else ""),
        forms=_forms(said),
        streams=_streams(said),
        routes=[*map(_route, said["routes"]), *(code(f"GET {path}") for path in said.get("pages", ()))],
        quirks=said["quirks"],
        sources=[Markdown(source) for source in said["sources"]],
    )


def _route(route: Mapping[str, Any]) -> Markdown:
    address = f"POST {route['path']}{''.join(f'?{each}=' for each in route.get('query', ()))}"
    images = f", or {code(route['with_images'])} where it refers to images" if "with_images" in route else ""
    media = f"; {', '.join(map(code, route['media_types']))} alone" if "media_types" in route else ""
    return Markdown(f"{code(address)}: {code(route['operation'])}{images}{media}")


def _forms(said: Mapping[str, Any]) -> Markdown:
    if said["response"].get("extends"):
        return Markdown("as the model's family has it")
    defaults = said.get("parameters", {}).get("defaults", {})
    forms = {which: _FORMS[each["response_format"]] for which, each in defaults.items() if "response_format" in each}
    if len(forms) > 1:
        return Markdown("; ".join(f"{form} ({code(which)})" for which, form in forms.items()))
    return markdown(forms.get("all", _FORMS["b64_json"]))


def _streams(said: Mapping[str, Any]) -> Markdown:
    stream, having = said.get("stream"), _operations(said["routes"])
    streaming = [] if stream is None else [each for each in having if each in stream.get("operations", having)]
    if not streaming:
        return Markdown("no")
    words = "its own way" if stream else "as the API"
    return Markdown(words if streaming == having else f"{words} ({joined(map(code, streaming), 'and')})")


def _operations(routes: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(route["operation"] for route in routes))
