"""The ways of compatible servers, as data: where they answer, what they take, and how they say it.

Each is a file of `dialects/`, which `dialects/schema.json` describes. The API's own way is the one that says nothing.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache, cached_property
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _templates
from ._operations import image_operations, models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from images_api._contract.operations import Operation

_DIRECTORY = files("images_api.sandbox") / "dialects"
_SUFFIX = ".toml"
# What a template may name, by whose it is; `_responses` has the values.
_REQUEST = frozenset(("id", "created"))
_MODEL = _REQUEST | {"model"}
_PAGE = _REQUEST | {"models"}
_REFUSAL = _REQUEST | {"message", "code", "param", "type", "status", "phrase"}
_FACTS = _MODEL | {"prompt", "seed", "size", "output_format"}
_TOKENS = frozenset(("usage", "input_tokens", "output_tokens", "total_tokens", "text_tokens", "image_tokens"))
_RESPONSE = _FACTS | _TOKENS | {"entries", "count", "seconds", "quality", "background"}
_UNFINISHED = _FACTS | {"index", "media_type", "revised_prompt", "b64_json", "data_url"}
_ENTRY = _UNFINISHED | {"name", "url", "target"}
_EVENTS = {
    "partial": (_RESPONSE - {"entries"}) | _UNFINISHED | {"kind", "partial_image_index"},
    "completed": (_RESPONSE - {"entries"}) | _ENTRY | {"kind"},
}


class Route(NamedTuple):
    """Where an operation is answered.

    Attributes:
        path: The path, in which `{model}` may stand for the model.
        operation: The operation.
        with_images: The operation that it is where the request refers to images; None where they change nothing.
        query: What the query must have.
        media_types: The media types that bodies may have; None for all that the operation's may.
    """

    path: str
    operation: Operation
    with_images: Operation | None = None
    query: Sequence[str] = ()
    media_types: Sequence[str] | None = None


class Dialect:
    """How a server answers.

    Args:
        name: What it is called; empty for the API's own way.
        said: The content of its file.

    Attributes:
        name: What it is called.
        base: What its paths begin with for clients.
        files: The path of an image, in which `{name}` stands for its name.
        auth: The headers that a key may come in, and what stands before it there.
        parameters: What becomes of the parameters of a request.
        size: How a request says how large an image is to be.
        models: Which models there are, and which a request may name.
    """

    def __init__(self, name: str, said: Mapping[str, Any]) -> None:
        self.name = name
        self._said = said
        self.base: str = said.get("base", "/v1")
        self.files: str = said.get("files", "/files/{name}")
        self.auth: Sequence[Mapping[str, str]] = said.get("auth", [{"header": "authorization", "before": "Bearer "}])
        self.parameters: Mapping[str, Any] = said.get("parameters", {})
        self.size: Mapping[str, Any] | None = said.get("size")
        self.models: Mapping[str, Any] = said.get("models", {"taken": "known"})

    @cached_property
    def routes(self) -> Sequence[Route]:
        """Return where which operation is answered."""
        if "routes" not in self._said:
            return [Route(f"{self.base}{each.path}", each) for each in image_operations()]
        known = {each.id: each for each in image_operations()}
        return [
            Route(
                path=each["path"],
                operation=known[each["operation"]],
                with_images=known[each["with_images"]] if "with_images" in each else None,
                query=each.get("query", ()),
                media_types=each.get("media_types"),
            )
            for each in self._said["routes"]
        ]

    @property
    def pages(self) -> Mapping[str, Any] | None:
        """Return the templates of what it answers to GET, by path; None where it is the API's own."""
        return self._said.get("pages")

    def streams(self, operation: str) -> bool:
        """Tell whether it sends an operation's images as events to who asks for them."""
        said = self._said.get("stream")
        return not self.name or (said is not None and operation in said.get("operations", (operation,)))

    @property
    def stream(self) -> Mapping[str, Any] | None:
        """Return the templates of a stream's events; None where they are the API's own."""
        return self._said.get("stream") or None

    @property
    def shows_unfinished(self) -> bool:
        """Tell whether its streams have unfinished images."""
        return self.stream is None or "partial" in self.stream

    def response(self, form: object, otherwise: str) -> Mapping[str, Any] | None:
        """Return the templates of a response in which images come in one of the forms; None where it is the API's own.

        Args:
            form: What was asked for.
            otherwise: What to take where there is no such form.
        """
        said = self._said.get("response")
        if said is None:
            return None
        forms: Mapping[str, Any] = said.get("forms", {})
        return {**said, **(forms.get(str(form)) or forms.get(otherwise) or {})}

    def page(self, path: str, values: Mapping[str, Any]) -> Any:
        """Return the JSON of what it answers to GET."""
        entry, ids = self.models.get("entry", {}), self.models.get("ids", models())
        entries = [_templates.filled(entry, {**values, "model": each}) for each in ids]
        return _templates.filled((self.pages or {})[path], {**values, "models": entries})

    def headers(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers that all its answers have."""
        return {name: str(_templates.filled(each, values)) for name, each in self._said.get("headers", {}).items()}

    def refusal(self, code: str | None, topic: str | None) -> Mapping[str, Any] | None:
        """Return the template of a refusal: by its code, by what it is about, or for any; None where it is the API's own."""
        said: Mapping[str, Any] = self._said.get("refusals", {})
        if not said:
            return None
        fit = next((name for name in (code, topic) if name is not None and name in said), "any")
        return {**said["any"], **said[fit]}

    def check(self) -> None:
        """Raise ValueError for what its file can't mean."""
        known = {each.id for each in image_operations()}
        for route in self._said.get("routes", ()):
            if strange := {route["operation"], route.get("with_images", route["operation"])} - known:
                raise ValueError(f"{route['path']} leads to {strange.pop()}, which is no operation of the contract")
        for refusal in self._said.get("refusals", {}).values():
            HTTPStatus(refusal.get("status", HTTPStatus.OK))
        for where, template, names in self._templates():
            _templates.check(template, names, where)

    def _templates(self) -> Iterator[tuple[str, Any, frozenset[str]]]:
        said = self._said
        yield "headers", said.get("headers", {}), _REQUEST
        yield "models.entry", self.models.get("entry", {}), _MODEL
        yield "files", self.files, frozenset(("name",))
        yield from ((f"pages.{path}", page, _PAGE) for path, page in said.get("pages", {}).items())
        for code, refusal in said.get("refusals", {}).items():
            yield f"refusals.{code}", refusal.get("body"), _REFUSAL
        response = said.get("response", {})
        for where, part in {"response": response, **response.get("forms", {})}.items():
            yield f"{where}.body", part.get("body"), _RESPONSE
            yield f"{where}.entry", part.get("entry"), _ENTRY
        for name, known in _EVENTS.items():
            yield f"stream.{name}", said.get("stream", {}).get(name), known


@cache
def dialects() -> Sequence[str]:
    """Return the names of the dialects there are."""
    return sorted(each.name.removesuffix(_SUFFIX) for each in _DIRECTORY.iterdir() if each.name.endswith(_SUFFIX))


@cache
def dialect(name: str | None) -> Dialect:
    """Return a dialect.

    Args:
        name: What it is called; None for the API's own way.

    Raises:
        ValueError: There is none of this name, or its file is wrong.
    """
    if name is None:
        return Dialect("", {})
    if name not in dialects():
        raise ValueError(f"dialect must be one of {', '.join(dialects())}, got {name!r}")
    return read(name, (_DIRECTORY / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))


def read(name: str, text: str) -> Dialect:
    """Return the dialect that a file's text describes.

    Raises:
        ValueError: It is no TOML, or isn't what `dialects/schema.json` asks for, or a template names what there is no value of.
    """
    import jsonschema_rs

    try:
        said = tomllib.loads(text)
        jsonschema_rs.validator_for(_schema()).validate(said)
        described = Dialect(name, said)
        described.check()
    except (ValueError, jsonschema_rs.ValidationError) as error:
        where = "/".join(map(str, getattr(error, "instance_path", ())))
        raise ValueError(f"the file of the dialect {name} is wrong{f' at {where}' if where else ''}: {error}") from error
    return described


@cache
def _schema() -> dict[str, Any]:
    return dict(json.loads((_DIRECTORY / "schema.json").read_text(encoding="utf-8")))
