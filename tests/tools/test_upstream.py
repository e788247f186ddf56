"""`make upstream`: other documents against ours, over files and HTTP, in every style; the list of what is known; exit codes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
from file_server import Reply, dead_port_fixture, served_fixture
from generation import CONTRACT, ROOT, our_contract, run
from openapi_styles import STYLES, in_3_0, inlined, under_other_names, without_rules
from platforms import needs_posix
from ruamel.yaml import YAML

from tools.upstream import KNOWN, main

if TYPE_CHECKING:
    from pathlib import Path

    from file_server import FileServer
    from openapi_styles import Schema

# pytest finds them by their names, here.
FIXTURES = (dead_port_fixture, served_fixture)


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def texts(self) -> list[str]:
        return [each["text"] for each in json.loads(self.out)["news"]]


class Upstream(Protocol):
    """Runs the command."""

    def __call__(self, document: Schema | str | Path, *arguments: str, known: Path = ...) -> Said: ...


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract as JSON, which is read in no time."""
    path = tmp_path_factory.mktemp("ours") / "openapi.json"
    path.write_text(json.dumps(our_contract()), encoding="utf-8")
    return path


@pytest.fixture
def upstream(capsys: pytest.CaptureFixture[str], tmp_path: Path, ours: Path) -> Upstream:
    """Compare a document, or what a path or URL stands for, with nothing known unless it is given."""
    nothing_known = tmp_path / "known.toml"
    nothing_known.write_text("known = []", encoding="utf-8")

    def command(document: Schema | str | Path, *arguments: str, known: Path = nothing_known) -> Said:
        if isinstance(document, dict):
            path = tmp_path / "theirs.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            document = path
        code = main([str(document), "--contract", str(ours), "--known", str(known), *arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return command


class TestEqual:
    @pytest.mark.parametrize("style", STYLES)
    def test_the_same_in_another_style(self, upstream: Upstream, style: str) -> None:
        said = upstream(STYLES[style](our_contract()), "--json")
        assert (said.texts, said.code) == ([], 0)

    def test_the_same_in_all_styles_that_go_together(self, upstream: Upstream) -> None:
        said = upstream(in_3_0(under_other_names(inlined(our_contract()) | {"components": {"schemas": {}}})), "--json")
        assert (said.texts, said.code) == ([], 0)

    def test_openapi_yaml_itself(self, upstream: Upstream) -> None:
        said = upstream(CONTRACT, "--contract", str(CONTRACT), known=KNOWN)
        assert (said.code, said.out) == (0, "New differences: 0. Known and wanted: 0. Operations compared: 3 of 3.\n")

    def test_a_document_of_80_000_lines_over_http(self, upstream: Upstream, served: FileServer) -> None:
        at_length = "        Of another API, at length.\n" * 34
        filler = "".join(
            f"    Other{number}:\n      description: >-\n{at_length}      properties:\n"
            f"        next:\n          allOf:\n          - $ref: '#/components/schemas/Other{number}'\n"
            for number in range(2_000)
        )
        text = CONTRACT.read_text(encoding="utf-8") + filler
        assert text.count("\n") > 80_000
        said = upstream(served.answer("/openapi.yaml", Reply(text.encode())))
        assert (said.code, said.err) == (0, "")

    def test_a_wrong_nullable_is_counted_where_it_is_reached(self, upstream: Upstream) -> None:
        document = STYLES["with_wrong_nullable"](our_contract())
        document["components"]["schemas"]["OfAnotherAPI"] = {"type": "string", "nullable": True}
        places = json.loads(upstream(document, "--json").out)["misplaced_nullable"]
        assert "#/components/schemas/ImageCount/nullable" in places
        assert not [place for place in places if "OfAnotherAPI" in place]
        assert f"{len(places)} x `nullable` in a document of version 3.1" in upstream(document).out


CREATION = "POST /images/generations request application/json"
EDIT = "POST /images/edits request multipart/form-data"
VARIATION = "POST /images/variations"
SCHEMAS = "#/components/schemas"
EVENTS = our_contract()["components"]["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"]
MODELS = our_contract()["components"]["schemas"]["ImageModel"]["enum"]
JSON_ALONE = {"content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}/ImagesResponse"}}}}
HEADER = {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}
R = "CreateImageRequest/properties"
FILES = "CreateImageEditRequest/properties/image/anyOf/1"
DEFAULT_MODEL = "CreateImageVariationRequest/properties/model/default"
CLOSED = False
_GONE = object()


class Change(NamedTuple):
    """A change, how it is reported, and where both stand; places begin at the schemas unless they begin with `#`."""

    place: str
    value: Any
    texts: list[str]
    ours: str
    theirs: str


def field(name: str, value: Any, text: str, *, at: str = "", ours: str = "", theirs: str = "") -> Change:
    """A change of a field of createImage."""
    texts = [f"{CREATION} {name}: {each}" for each in text.split("; ")]
    return Change(at or f"{R}/{name}", value, texts, ours or f"{R}/{name}", theirs or f"{R}/{name}")


MUTATIONS = {
    "a parameter more": field("glow", {"type": "integer"}, "only theirs", ours="CreateImageRequest"),
    "a parameter less": field("style", _GONE, "only ours", theirs="CreateImageRequest"),
    "a nested one less": field(
        "svg.reasoning",
        _GONE,
        "only ours",
        at="SvgSettings/properties/reasoning",
        ours="SvgSettings/properties/reasoning",
        theirs=f"{R}/svg",
    ),
    "a choice more": field("style", "odd", "choice odd only theirs", at="ImageStyle/enum/2"),
    "a choice less": field("style", _GONE, "choice vivid only ours", at="ImageStyle/enum/0"),
    "a model less": field("model", {"enum": MODELS[:-1]}, f"choice {MODELS[-1]} only ours", at=f"{R}/model/anyOf/0"),
    "open choices closed": field("model", {"type": "null"}, "other values allowed: ours yes, theirs no", at=f"{R}/model/anyOf/1"),
    "choices closed": field("style", {"type": "null"}, "other values allowed: ours yes, theirs no", at=f"{R}/style/anyOf/1"),
    "choices no more": field("style", {"type": ["string", "null"]}, "named choices: ours natural, vivid, theirs any"),
    "a bound": field(
        "n", 2, "minimum: ours 1, theirs 2", at=f"{R}/n/minimum", ours="ImageCount/minimum", theirs=f"{R}/n/minimum"
    ),
    "a bound less": field("n", _GONE, "minimum: ours 1, theirs none", at=f"{R}/n/minimum", ours="ImageCount/minimum"),
    "a length": field("user", 9, "maxLength: ours none, theirs 9", at=f"{R}/user/maxLength", theirs=f"{R}/user/maxLength"),
    "a type": field("user", {"type": "integer"}, "type string only ours; type integer only theirs"),
    "null": field("stream", {"type": "boolean"}, "null allowed: ours yes, theirs no"),
    "a default": field("user", "otter", "default: ours none, theirs otter", at=f"{R}/user/default", theirs=f"{R}/user/default"),
    "required": field("model", "model", "required: ours no, theirs yes", at="CreateImageRequest/required/1"),
    "a closed object": field("svg", CLOSED, "other fields allowed: ours yes, theirs no", at="SvgSettings/additionalProperties"),
    "another default": Change(
        DEFAULT_MODEL,
        "otter-1",
        [f"{VARIATION} request multipart/form-data model: default: ours dall-e-2, theirs otter-1"],
        DEFAULT_MODEL,
        DEFAULT_MODEL,
    ),
    "how many files": Change(
        f"{FILES}/minItems", 2, [f"{EDIT} image: minItems: ours 1, theirs 2"], f"{FILES}/minItems", f"{FILES}/minItems"
    ),
    "a text instead of a file": Change(
        f"{FILES}/items/format",
        _GONE,
        [f"{EDIT} image[*]: type file only ours", f"{EDIT} image[*]: type string only theirs"],
        f"{FILES}/items",
        f"{FILES}/items",
    ),
    "a kind of body": Change(
        "#/paths/~1images~1edits/post/requestBody/content/application~1json",
        _GONE,
        ["POST /images/edits request application/json: only ours"],
        "CreateImageEditByReferenceRequest",
        "#/paths/~1images~1edits/post",
    ),
    "a header": Change(
        "#/paths/~1images~1edits/post/parameters",
        [HEADER],
        ["POST /images/edits header parameters: only theirs"],
        "#/paths/~1images~1edits/post",
        "#/paths/~1images~1edits/post/parameters",
    ),
    "a stream": Change(
        "#/paths/~1images~1variations/post/responses/200",
        JSON_ALONE,
        [f"{VARIATION} event {name}: only ours" for name in sorted(EVENTS)],
        "CompletedImageEvent",
        "#/paths/~1images~1variations/post",
    ),
    "an operation": Change(
        "#/paths/~1images~1variations", _GONE, [f"{VARIATION}: only ours"], "#/paths/~1images~1variations/post", "#/paths"
    ),
}
# What several operations share differs in each.
SHARED: dict[str, tuple[str, Any, str]] = {
    "a field of the reply": ("ImagesResponse/properties/glow", {"type": "integer"}, " reply application/json glow: only theirs"),
    "a field of a picture": ("Image/properties/url", _GONE, " reply application/json data[*].url: only ours"),
    "a field of an error": ("ErrorDetail/properties/code", _GONE, " error application/json error.code: only ours"),
    "a field of an event": (
        "PartialImageEvent/properties/partial_image_index/type",
        "integer",
        "partial_image partial_image_index: null allowed: ours yes, theirs no",
    ),
    "an event": ("ImageStreamEvent/discriminator/mapping/odd", "PartialImageEvent", " event odd: only theirs"),
}


def absolute(pointer: str) -> str:
    return pointer if pointer.startswith("#") else f"{SCHEMAS}/{pointer}"


def change(document: Schema, pointer: str, value: Any) -> Schema:
    *steps, last = (step.replace("~1", "/") for step in absolute(pointer).removeprefix("#/").split("/"))
    node: Any = document
    for step in steps:
        key: Any = int(step) if isinstance(node, list) else step
        target = node[key]
        if isinstance(target, dict) and set(target) == {"$ref"}:
            # Of what is shared, this place gets a copy.
            shared: Any = document
            for each in target["$ref"].removeprefix("#/").split("/"):
                shared = shared[each]
            target = dict(shared)
            node[key] = target
        node = target
    if isinstance(node, list):
        node[int(last) : int(last) + 1] = [] if value is _GONE else [value]
    elif value is _GONE:
        del node[last]
    else:
        node[last] = value
    return document


class TestDifferent:
    @pytest.mark.parametrize("name", MUTATIONS)
    def test_one_change_is_reported_alone_with_both_places(self, upstream: Upstream, name: str) -> None:
        pointer, value, texts, *places = MUTATIONS[name]
        document = change(our_contract(), pointer, value)
        ours, theirs = map(absolute, places)
        said = upstream(document, "--json")
        assert (said.texts, said.code) == (texts, 1)
        news = json.loads(said.out)["news"][0]
        assert (news["ours_at"], news["theirs_at"]) == (ours, theirs)
        shown = upstream(document).out
        assert f"ours {ours}  theirs {theirs}" in shown
        assert f"New differences: {len(said.texts)}." in shown

    @pytest.mark.parametrize("name", SHARED)
    def test_what_operations_share_differs_in_each(self, upstream: Upstream, name: str) -> None:
        pointer, value, text = SHARED[name]
        said = upstream(change(our_contract(), pointer, value), "--json")
        assert said.code == 1
        assert {found.split(" ")[1] for found in said.texts} == set(our_contract()["paths"])
        assert [found for found in said.texts if not found.endswith(text)] == []

    @pytest.mark.parametrize("style", STYLES)
    def test_a_change_is_the_same_in_every_style(self, upstream: Upstream, style: str) -> None:
        pointer, value, texts, *_ = MUTATIONS["a bound"]
        assert upstream(STYLES[style](change(our_contract(), pointer, value)), "--json").texts == texts

    def test_the_other_path_is_named(self, upstream: Upstream) -> None:
        pointer, value, *_ = MUTATIONS["a parameter more"]
        said = upstream(under_other_names(change(our_contract(), pointer, value)))
        assert (
            "POST /images/generations (theirs: /openai/v1/images/generations) request application/json\n  glow: only theirs"
            in said.out
        )

    def test_an_operation_they_lack_keeps_nothing_else_from_being_compared(self, upstream: Upstream) -> None:
        document = change(change(our_contract(), "#/paths/~1images~1variations", _GONE), f"{R}/glow", {"type": "integer"})
        said = upstream(document)
        assert said.code == 1
        assert "POST /images/variations\n  only ours\n" in said.out
        assert said.out.endswith("New differences: 2. Known and wanted: 0. Operations compared: 2 of 3.\n")
        assert json.loads(upstream(document, "--json").out)["paths"]["POST /images/variations"] is None

    def test_the_shortest_of_several_paths_is_compared(self, upstream: Upstream) -> None:
        document = our_contract()
        document["paths"]["/deployments/{name}/images/variations"] = {"post": {"responses": {}}}
        document["paths"]["/of/another/api"] = {"$ref": "another.yaml"}
        assert upstream(document).code == 0


class TestKnown:
    @pytest.fixture
    def listed(self, tmp_path: Path) -> Path:
        path = tmp_path / "listed.toml"
        path.write_text(
            '[[known]]\nreason = "Otters need it."\ndifferences = ["POST /images/* glow: only theirs", "* style: only ours"]\n'
        )
        return path

    def test_news_alone_are_shown(self, upstream: Upstream, listed: Path) -> None:
        document = change(our_contract(), f"{R}/glow", {"type": "integer"})
        del document["servers"]
        said = upstream(document, known=listed)
        assert (said.code, said.out) == (
            0,
            "New differences: 0. Known and wanted: 1 (--all shows them). Operations compared: 3 of 3.\n",
        )
        del document["components"]["schemas"]["ImageStyle"]["enum"][0]
        said = upstream(document, known=listed)
        assert (said.code, "choice vivid" in said.out, "glow" in said.out) == (1, True, False)

    def test_all_shows_the_reasons(self, upstream: Upstream, listed: Path) -> None:
        document = change(our_contract(), f"{R}/glow", {"type": "integer"})
        assert (
            "Known: Otters need it.\nPOST /images/generations request application/json\n  glow: only theirs"
            in upstream(document, "--all", known=listed).out
        )
        (known,) = json.loads(upstream(document, "--json", known=listed).out)["known"]
        assert (known["field"], known["reason"]) == ("glow", "Otters need it.")

    def test_what_the_official_document_no_longer_has_is_stale(self, upstream: Upstream, listed: Path) -> None:
        document = change(our_contract(), f"{R}/glow", {"type": "integer"})
        assert json.loads(upstream(document, "--json", known=listed).out)["stale"] == ["* style: only ours"]
        assert "delete it from upstream.toml:\n  * style: only ours\n" in upstream(document, known=listed).out
        document["servers"] = [{"url": "http://localhost:8080/v1"}]
        assert json.loads(upstream(document, "--json", known=listed).out)["stale"] == []

    def test_the_list_itself_has_reasons_and_no_entry_twice(self) -> None:
        entries = tomllib.loads(KNOWN.read_text(encoding="utf-8"))["known"]
        assert all(entry.keys() == {"reason", "differences"} and entry["reason"].endswith(".") for entry in entries)
        texts = [text for entry in entries for text in entry["differences"]]
        assert len(texts) == len(set(texts))

    def test_a_document_with_what_the_official_one_lacks(self, upstream: Upstream) -> None:
        """Facts of the official document: older choices, defaults, no errors, closed replies."""
        document = without_rules(our_contract())
        schemas = document["components"]["schemas"]
        for path in document["paths"].values():
            del path["post"]["responses"]["default"]
        for name in ("complexity", "frame_count", "frame_duration_ms", "safety_identifier", "svg"):
            del schemas["CreateImageRequest"]["properties"][name]
            del schemas["CreateImageEditRequest"]["properties"][name]
        schemas["ImageOutputFormat"]["enum"] = ["png", "jpeg", "webp"]
        schemas["ImagesResponse"]["required"] = ["created"]
        schemas["ImagesResponse"]["properties"]["quality"] = {"type": "string", "enum": ["low", "medium", "high"]}
        said = upstream(document, "--json", known=KNOWN)
        assert (said.code, said.texts) == (0, [])
        schemas["ImageOutputFormat"]["enum"] = ["png", "jpeg", "avif"]
        texts = upstream(document, "--json", known=KNOWN).texts
        assert {text.rpartition(": ")[2] for text in texts} == {"choice avif only theirs", "choice webp only ours"}


BROKEN: dict[str, tuple[str, str]] = {
    "JSON": ('{\n "openapi": }', ":2:13: isn't JSON: Expecting value"),
    "YAML": ("openapi: 3.1.0\npaths: [\n", ": isn't YAML: "),
    "a list": ("- openapi", ": must be a mapping, is a list"),
    "nothing": ("", ": must be a mapping, is nothing"),
    "another document": ('{"name": "x"}', ": isn't an OpenAPI document: it has no `openapi`"),
    "Swagger": ("swagger: '2.0'", ": is of version 2.0; convert it to OpenAPI 3.0 or 3.1 first"),
    "no paths": ("openapi: 3.1.0", ": holds no Images API: it has none of POST /images/generations, POST /images/edits"),
    "another API": (
        "openapi: 3.0.0\npaths: {/v1/images: {post: {}}, /images/edits: {get: {}}}",
        ": holds no Images API: it has none of POST /images/generations",
    ),
    "paths that are a list": ("openapi: 3.1.0\npaths: []", ": #/paths: must be a mapping, is a list"),
}


def document_of(schema: Any, **schemas: Any) -> str:
    """A document that creates images with a schema."""
    body = {"content": {"application/json": {"schema": schema}}}
    paths = {"/images/generations": {"post": {"requestBody": body}}}
    return json.dumps({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})


def to(name: str) -> Schema:
    return {"$ref": f"{SCHEMAS}/{name}"}


def in_yaml(schema: str) -> str:
    content = f"requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}"
    return f"openapi: 3.1.0\npaths: {{/images/generations: {{post: {{{content}}}}}}}\n"


LAUGHS = "a: &a [ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 8)}]\n" for before, after in pairwise("abcdefghijkl")
)
TOO_LARGE = "is too large to be compared, what its references stand for written out"
HOSTILE: dict[str, tuple[str, str]] = {
    "aliases of aliases": (LAUGHS + in_yaml("{enum: *l}"), "is larger than 16 MiB, its aliases written out"),
    "a long text, many times": (
        f"a: &a {'x' * 100_000}\n" + in_yaml(f"{{enum: [{', '.join(['*a'] * 200)}]}}"),
        "is larger than 16 MiB, its aliases written out",
    ),
    "an alias in what it stands for": (in_yaml("&a {properties: {n: *a}}"), "stands for what holds the alias itself"),
    "an alias in a list": (in_yaml("{allOf: &a [{allOf: *a}]}"), "stands for what holds the alias itself"),
    "references to references": (
        document_of(to("S0"), **{f"S{depth}": {"allOf": [to(f"S{depth + 1}")] * 2} for depth in range(40)}, S40={}),
        TOO_LARGE,
    ),
    "all refer to all": (
        document_of(
            to("S0"), **{f"S{one}": {"properties": {f"p{two}": to(f"S{two}") for two in range(20)}} for one in range(20)}
        ),
        TOO_LARGE,
    ),
    "a long chain": (
        document_of(to("S0"), **{f"S{depth}": {"items": to(f"S{depth + 1}")} for depth in range(1_000)}, S1000={}),
        "nested too deeply, by way of its references",
    ),
    "a circle of references": (document_of(to("S0"), S0=to("S1"), S1=to("S0")), "refers to itself"),
    "deep JSON": ('{"openapi": "3.1.0", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "rather deep JSON": ('{"openapi": "3.1.0", "x": ' + "[" * 300 + "]" * 300 + "}", "nested more than 200 levels deep"),
    "deep YAML": ("openapi: 3.1.0\nx: " + "[" * 5_000, "nested too deeply"),
    "much of it": ("x" * (16 * 1024 * 1024 + 1), "is larger than 16 MiB, which is read at most"),
    "many parts": (document_of({"allOf": [{"properties": {f"p{n}": {}}} for n in range(5_000)]}), TOO_LARGE),
    "a long name": (document_of({"properties": {"x" * 100_000: {}}}), "has a key of more than 1,000 characters"),
    "a long number in JSON": ('{"openapi": "3.1.0", "x": ' + "9" * 5_000 + "}", "isn't JSON: Exceeds the limit"),
    "a long number in YAML": ("openapi: 3.1.0\nx: " + "9" * 5_000, "isn't YAML: Exceeds the limit"),
    "a tag that would run code": (in_yaml("!!python/object/apply:os.getcwd []"), "could not determine a constructor for the tag"),
    "a day that isn't": (in_yaml("{default: 2026-99-99}"), "isn't YAML: month must be in 1..12"),
    "no truth": (in_yaml("{default: !!bool maybe}"), "isn't YAML: 'maybe'"),
    "escape sequences": (
        document_of({"$ref": "#/\x1b[2J\x9b31m\u202e\n"}),
        "refers to #/\\x1b[2J\\x9b31m\\u202e\\n, where nothing is",
    ),
    "a version of another kind": ('{"openapi": {"3.1.0": 1}}', "is of version a mapping"),
    "NUL": ("openapi: 3.1.0\n\0", "isn't YAML"),
}
ODD_PLACES = [
    *(f"{R}/n", f"{R}/prompt", "CreateImageRequest", "CreateImageRequest/properties", "CreateImageRequest/required"),
    *("ImageStyle/enum", "ImageStyle/enum/0", "ImageCount/maximum", "ImageCount/type", "Size/anyOf", "Size/anyOf/1"),
    *("ImageStreamEvent/oneOf/0", "ImageStreamEvent/discriminator", "ImageStreamEvent/discriminator/propertyName"),
    *("ImageStreamEvent/discriminator/mapping", "#/paths", "#/paths/~1images~1edits", "#/paths/~1images~1edits/post"),
    *("#/paths/~1images~1edits/parameters", "#/paths/~1images~1edits/post/parameters", "#/paths/~1images~1edits/post/responses"),
    *(
        "#/paths/~1images~1edits/post/requestBody",
        "#/paths/~1images~1edits/post/requestBody/content",
        "#/servers",
        "#/components",
    ),
    *("#/servers/0", "#/servers/0/url", "#/openapi"),
]
ODD_VALUES: list[Any] = [
    *(None, True, 0, -1.5, "", "x", "\x1b", [], {}, [None], [[]], [{}], [True], ["x", 1, None], {"": None}, {"$ref": 5}),
    *(
        {"$ref": "#"},
        {"type": {}},
        {"type": [5]},
        {"enum": {}},
        {"allOf": []},
        {"anyOf": [False]},
        {"properties": []},
        {"items": 5},
    ),
]


class TestUnusable:
    @pytest.mark.parametrize("name", BROKEN)
    def test_it_says_what_is_wrong_and_where(self, upstream: Upstream, tmp_path: Path, name: str) -> None:
        text, reason = BROKEN[name]
        path = tmp_path / "theirs"
        path.write_text(text, encoding="utf-8")
        said = upstream(path)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(str(path))
        assert reason in said.err

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_document_is_refused_with_its_reason(self, upstream: Upstream, tmp_path: Path, name: str) -> None:
        content, reason = HOSTILE[name]
        path = tmp_path / "theirs"
        path.write_text(content, encoding="utf-8")
        said = upstream(path)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(str(path))
        assert reason in said.err
        assert len(said.err) < 5_000

    @pytest.mark.parametrize(
        ("pointer", "value"),
        # Some of each are enough: what takes one odd value mostly takes the others.
        [(place, value) for one, place in enumerate(ODD_PLACES) for two, value in enumerate(ODD_VALUES) if (one + two) % 8 == 0],
    )
    def test_odd_values_in_odd_places_are_compared_or_refused(self, upstream: Upstream, pointer: str, value: Any) -> None:
        said = upstream(change(our_contract(), pointer, value), "--json")
        assert said.code in {0, 1, 2}
        assert "nobody foresaw" not in said.err
        assert (said.code == 2) is bool(said.err)

    def test_what_nobody_foresaw_is_no_news(self, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise KeyError("otter")

        monkeypatch.setattr("tools.upstream.differences", fail)
        said = upstream(our_contract())
        assert (said.code, said.out) == (2, "")
        assert "can't be compared, and nobody foresaw why: KeyError: 'otter'" in said.err

    @pytest.mark.parametrize(
        "content", [None, "known", "known = 5", "[[known]]\ndifferences = ['x']", "known = [{reason = 'x'}]"]
    )
    def test_a_list_of_known_differences_that_is_none(self, upstream: Upstream, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "list.toml"
        if content is not None:
            path.write_text(content, encoding="utf-8")
        said = upstream(our_contract(), known=path)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"{path}: isn't a list of known differences: ")

    @pytest.mark.parametrize(
        ("schema", "reason"),
        [
            ({"$ref": "#/components/schemas/Nowhere"}, "refers to #/components/schemas/Nowhere, where nothing is"),
            ({"$ref": "other.yaml#/Image"}, "refers to other.yaml#/Image, outside of the document; bundle"),
            ({"$ref": absolute(f"{R}/n")}, "refers to itself"),
            ({"$ref": 7}, "its $ref must be a text, is 7"),
            ("string", "must be a mapping, is a text"),
            ({"type": "object", "required": True}, "must be a list, is True"),
            ({"type": "integer", "maximum": "ten"}, "must be a number, is 'ten'"),
        ],
    )
    def test_a_schema_that_cannot_be_read(self, upstream: Upstream, schema: Any, reason: str) -> None:
        said = upstream(change(our_contract(), f"{R}/n", schema))
        assert said.code == 2
        assert absolute(f"{R}/n") in said.err
        assert reason in said.err

    def test_a_file_that_is_not_there(self, upstream: Upstream, tmp_path: Path) -> None:
        assert upstream(tmp_path / "none") == (2, "", f"{tmp_path / 'none'}: No such file or directory\n")

    def test_bytes_that_are_no_text(self, upstream: Upstream, tmp_path: Path) -> None:
        path = tmp_path / "picture.png"
        path.write_bytes(b"\x89PNG")
        assert upstream(path) == (2, "", f"{path}: isn't UTF-8: invalid start byte at byte 0\n")

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (Reply(status=403), "the server answered with status 403"),
            (Reply(b"<html>"), "must be a mapping, is a text"),
            (Reply(b"\xff"), "isn't UTF-8"),
            (Reply(end="reset"), ""),
        ],
    )
    def test_a_server_that_has_no_document(self, upstream: Upstream, served: FileServer, reply: Reply, reason: str) -> None:
        url = served.answer("/openapi.json", reply)
        said = upstream(url)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"{url}: ")
        assert reason in said.err

    def test_a_document_without_end(self, upstream: Upstream, served: FileServer) -> None:
        url = served.answer("/openapi.json", Reply(b"x" * (16 * 1024 * 1024 + 1)))
        assert upstream(url) == (2, "", f"{url}: is larger than 16 MiB, which is read at most\n")

    @needs_posix
    def test_a_device_without_end(self, upstream: Upstream) -> None:
        assert upstream("/dev/zero") == (2, "", "/dev/zero: is larger than 16 MiB, which is read at most\n")

    def test_a_document_that_trickles(self, upstream: Upstream, served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
        url = served.answer("/openapi.json", Reply(b"x" * 1000))
        monkeypatch.setattr("tools.comparison.documents._LONGEST", -1.0)
        assert "didn't come whole within" in upstream(url).err

    def test_a_server_that_is_not_there(self, upstream: Upstream, dead_port: int) -> None:
        url = f"http://127.0.0.1:{dead_port}/"
        with pytest.raises(ConnectionRefusedError) as refused:  # which each system says in its own words
            socket.create_connection(("127.0.0.1", dead_port))
        assert upstream(url).err == f"{url}: {refused.value}\n"


def test_a_redirect_is_followed(upstream: Upstream, served: FileServer) -> None:
    target = served.answer("/openapi.json", Reply(json.dumps(our_contract()).encode()))
    assert upstream(served.answer("/latest", Reply(status=302, headers={"Location": target}))).code == 0


class TestShown:
    ODD = "a\x1b]0;title\x07\x9b31m\u202e\ud800\n  New differences: 0"

    def test_control_sequences_are_shown_and_not_run(self, upstream: Upstream) -> None:
        document = change(our_contract(), f"{R}/{self.ODD}", {"type": "string", "default": "\x1b[2J"})
        said = upstream(document)
        assert said.code == 1
        assert "\n  a\\x1b]0;title\\x07\\x9b31m\\u202e\\ud800\\n  New differences: 0: only theirs\n" in said.out
        assert said.out.replace("\n", "").isprintable()
        printed = upstream(document, "--json").out
        assert printed.isascii()
        assert json.loads(printed)["news"][0]["field"] == self.ODD

    def test_a_long_line_is_cut(self, upstream: Upstream) -> None:
        said = upstream(change(our_contract(), f"{R}/user/default", "x" * 1_000_000))
        assert said.code == 1
        assert max(map(len, said.out.splitlines())) < 5_000

    def test_a_pipe_that_is_closed_is_no_fault(self, tmp_path: Path) -> None:
        document = change(
            our_contract(), "CreateImageRequest/properties", {f"otter_{n}": {"type": "string"} for n in range(3_000)}
        )
        path = tmp_path / "theirs.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "tools.upstream", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  ours
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline().startswith("POST /images/generations")
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 1


def test_the_command_says_by_its_exit_code_what_came_of_it(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.yaml"
    for code, minimum in ((0, 1), (1, 4)):
        document = change(our_contract(), f"{R}/n", {"type": ["integer", "null"], "minimum": minimum})
        YAML(typ="safe").dump(document, theirs)
        printed = run(sys.executable, "-W", "error", "-m", "tools.upstream", str(theirs), folder=ROOT, code=code)
        assert ("n: minimum: ours 1, theirs 4" in printed) is bool(code)
    assert "theirs.yaml: No such file" in run(
        sys.executable, "-m", "tools.upstream", str(tmp_path / "no" / "theirs.yaml"), folder=ROOT, code=2
    )
