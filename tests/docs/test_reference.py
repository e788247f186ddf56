"""The reference says all that the contract says, in pages that work on a code host: whatever the contract is changed to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from generation import CONTRACT, PACKAGE, REFERENCE, ROOT, generate, our_contract
from hypothesis import example, given
from hypothesis import strategies as st
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, add
from reference_pages import CODE_HOST, Page, pages_of, pages_with
from ruamel.yaml import YAML

from tools.generator.document import resolved, walk
from tools.generator.methods import methods
from tools.reference.markdown import anchors, cell, code, joined, markdown
from tools.reference.writing import ReferenceFailedError, write_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it import MarkdownIt

DOCUMENT = our_contract()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = list(methods(DOCUMENT))
PAGES = pages_of(REFERENCE)
OPERATIONS = PAGES["operations.md"]


class TestWhole:
    @pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
    def test_every_operation_with_all_that_it_takes(self, method: Any) -> None:
        section = OPERATIONS.section(method.name)
        told = [method.name, method.stream_name, method.options_name, method.operation.id, method.operation.path]
        assert [name for name in told if name not in section] == []
        assert f"**{method.operation.method.upper()}** `{method.operation.path}`" in section
        assert f"`images-api {method.command} " in section
        required, _, optional = section.partition("### Optional parameters")
        for parameter in method.parameters:
            assert f"- **`{parameter.name}`**: " in (required if parameter.required else optional)
            assert resolved(DOCUMENT, parameter.schema)["description"] in section
        for body in method.bodies:
            assert f"  - `{body.media_type}`: [`{body.reference.rpartition('/')[2]}`]" in section

    def test_every_schema(self) -> None:
        told = {link for page in PAGES.values() for link in page.links()}
        for name, schema in SCHEMAS.items():
            if f"models/{name}.md" in PAGES:
                assert schema["description"] in PAGES[f"models/{name}.md"].source
                assert {f"{name}.md", f"models/{name}.md"} & told
            else:
                assert f"- **`{name}`**: " in PAGES["models/index.md"].section("Shared fields")

    def test_every_field_and_choice_of_a_schema(self) -> None:
        for name, schema in SCHEMAS.items():
            for key in schema.get("properties", {}):
                assert f"- **`{key}`**: " in PAGES[f"models/{name}.md"].section("Fields")
            for choice in schema.get("enum", ()):
                assert f"- `{choice}`\n" in PAGES[f"models/{name}.md"].section("Choices")

    def test_every_model_and_family(self) -> None:
        page = PAGES["families.md"]
        models = SCHEMAS["ImageModel"]
        assert [model for model in models["enum"] if f"- `{model}`\n" not in page.source] == []
        for model, end in models["x-retired"].items():
            assert re.search(rf"{re.escape(model)}\b.*{end['date']}.*{re.escape(end['successor'])}", page.source)

    def test_every_reason_between_parameters(self) -> None:
        told = "".join(page.text() for page in PAGES.values())
        parts = (part for _, part in walk(DOCUMENT) if isinstance(part, dict) and "if" in part)
        reasons = [part["description"] for part in parts if isinstance(part.get("description"), str) and "then" in part]
        reasons = [reason for reason in reasons if reason not in {schema["description"] for schema in SCHEMAS.values()}]
        assert reasons
        assert [reason for reason in reasons if reason not in told] == []

    def test_every_status_and_media_type_of_the_responses(self) -> None:
        for method in METHODS:
            section = OPERATIONS.section(method.name)
            for status, response in method.operation.definition["responses"].items():
                whole = resolved(DOCUMENT, response)
                assert f"  - {'every other status' if status == 'default' else f'`{status}`'}: {whole['description']}" in section
                assert all(f"`{media_type}`" in section for media_type in whole["content"])

    def test_every_event(self) -> None:
        mapping = SCHEMAS["ImageStreamEvent"]["discriminator"]["mapping"]
        for kind, target in mapping.items():
            shown = "PartialImage" if "partial_image" in kind else "CompletedImage"
            model = target.rpartition("/")[2]
            assert f"- `{kind}`: [`{shown}`](../api/streams.md) ([`{model}`](models/{model}.md) on the wire)" in OPERATIONS.source

    def test_what_an_app_sees_of_the_models(self) -> None:
        seen = {
            name: found[1]
            for name, page in PAGES.items()
            if (found := re.search(r"what an app sees: \[`images_api\.(\w+)`\]", page.source))
        }
        assert seen == {
            "models/ImagesResponse.md": "ImagesResult",
            "models/Image.md": "GeneratedImage",
            "models/ImageUsage.md": "Usage",
            "models/TokensByKind.md": "TokenDetails",
            "models/PartialImageEvent.md": "PartialImage",
            "models/CompletedImageEvent.md": "CompletedImage",
            "models/ErrorResponse.md": "APIStatusError",
            "models/ErrorDetail.md": "APIStatusError",
        }

    def test_what_a_family_takes_of_a_size_or_an_image(self) -> None:
        newest = PAGES["families.md"].section("gpt-image-2.5 and later")
        assert "multiples of 16, no side above 3840, 655360 to 8294400 pixels, ratio at most 3:1" in newest
        assert "- `mask`: one png image with an alpha channel, under 4 MB, as wide and high as image" in newest
        assert "- `input_fidelity`: from gpt-image-2 on, the input is always kept in full" in newest

    def test_a_request_says_what_models_take_of_it_alone(self) -> None:
        fields = PAGES["models/CreateImageEditByReferenceRequest.md"].section("Fields")
        assert "of the known models, only GPT image models" in fields
        assert "dall-e-2" not in fields


class Fact(NamedTuple):
    """Something that the page says with which this project began, and where ours says it."""

    told: str
    page: str
    section: str
    says: str


ALIKE = {
    "generate": ("/images/generations", "Create images from a text.", "application/json"),
    "edit": ("/images/edits", "Edit one image, or make one out of several.", "multipart/form-data"),
    "create_variation": ("/images/variations", "Make variations of an image.", "multipart/form-data"),
}
FACTS = [
    Fact("the address that the paths are relative to", "index.md", "Operations", "`https://api.openai.com/v1`"),
    Fact("a client is what the methods belong to", "operations.md", "generate", "with ImagesClient() as client:"),
    *(
        fact
        for name, (path, summary, media_type) in ALIKE.items()
        for fact in (
            Fact(
                "a table of the operations, linked",
                "index.md",
                "Operations",
                f"| [{name}](operations.md#{name}) | **POST** `{path}` | {summary} |",
            ),
            Fact("what it does", "operations.md", name, summary),
            Fact("the signature", "operations.md", name, f"\ndef {name}(\n"),
            Fact("the form that streams", "operations.md", name, f"\ndef stream_{name.removeprefix('create_')}(\n"),
            Fact("the model that comes back", "operations.md", name, "[`ImagesResponse`](models/ImagesResponse.md)"),
            Fact("what the method returns", "operations.md", name, ") -> ImagesResult: ..."),
            Fact("what the stream returns", "operations.md", name, ") -> ImageStream: ..."),
            Fact("who may call", "operations.md", name, "Authorization: `bearer`"),
            Fact("more of that", "operations.md", name, "(index.md#authorization)"),
            Fact("the request's content type", "operations.md", name, f"  - `{media_type}`: "),
            Fact("the response's content type", "operations.md", name, "`application/json` ([`ImagesResponse`]"),
            Fact("required parameters apart", "operations.md", name, "### Required parameters"),
            Fact("optional parameters apart", "operations.md", name, "### Optional parameters"),
            Fact("how many images", "operations.md", name, "- **`n`**: `int`. How many images to make.\n"),
            Fact("one to ten", "operations.md", name, "  - 1 to 10\n"),
            Fact("what size", "operations.md", name, "- **`size`**: [`Image"),
            Fact("the sizes of the older models", "operations.md", name, "256x256"),
            Fact("the default size of them", "operations.md", name, ": 1024x1024\n"),
            Fact("link or base64", "operations.md", name, "  - one of `url` or `b64_json`\n"),
            Fact("links as the default", "operations.md", name, "  - default: url\n"),
            Fact("the end user", "operations.md", name, "- **`user`**: `str`. A name for your end user, which helps"),
            Fact(
                "the model, by name or any text",
                "operations.md",
                name,
                "- **`model`**: [`ImageModel`](models/ImageModel.md) or `str`.",
            ),
            Fact("another media type or header", "operations.md", "What every call takes", "**`extra_headers`**"),
        )
    ),
    Fact("the request has a page", "operations.md", "generate", "(models/CreateImageRequest.md)"),
    Fact("one image of the smaller model", "operations.md", "generate", "  - dall-e-3: 1\n"),
    Fact("how many where nothing is said", "operations.md", "create_variation", "  - default: 1\n"),
    Fact("how many where nothing is said", "operations.md", "edit", "  - default for dall-e-2: 1\n"),
    Fact(
        "the image to edit", "operations.md", "edit", "- **`image`**: `ImageInput` or a list of `ImageInput`. The image to edit"
    ),
    Fact("a square png below 4 MB", "operations.md", "edit", "  - dall-e-2: one square png image, under 4 MB\n"),
    Fact(
        "an image's alpha in place of a mask", "operations.md", "edit", "- `image`: without a mask, the transparent part of the"
    ),
    Fact("the mask", "operations.md", "edit", "Where it is fully transparent, the image is edited."),
    Fact(
        "the mask's size and type", "operations.md", "edit", "one png image with an alpha channel, under 4 MB, as wide and high"
    ),
    Fact("the prompt's length", "operations.md", "edit", "  - dall-e-2: 1 to 1000 characters\n"),
    Fact("the image to vary", "operations.md", "create_variation", "- **`image`**: `ImageInput`. The image to vary.\n"),
    Fact("a square png below 4 MB", "operations.md", "create_variation", "  - one square png image, under 4 MB\n"),
    Fact("the whole HTTP response", "operations.md", "What every call answers", "`result.http` has its status, headers"),
    Fact("a call with all of the response", "operations.md", "What every call answers", "`client.low_level`"),
    Fact("how to come with a key", "index.md", "Authorization", "`Authorization`, as `Bearer KEY`"),
    Fact("a list of the models", "models/index.md", "Shared fields", "[`CreateImageRequest`](CreateImageRequest.md)"),
]


@pytest.mark.parametrize("fact", FACTS, ids=[f"{fact.section}: {fact.told}" for fact in FACTS])
def test_all_that_the_page_said_with_which_it_began(fact: Fact) -> None:
    assert fact.says in PAGES[fact.page].section(fact.section)


class TestLinks:
    @pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
    def test_lead_somewhere(self, page: Page) -> None:
        for link in page.links():
            assert leads_somewhere(PAGES, page, link), link

    @pytest.mark.parametrize("name", ["index.md", "models/index.md"])
    def test_each_index_has_all_that_is_beside_it(self, name: str) -> None:
        (tree,) = [token for token in PAGES[name].tokens() if token.type == "fence" and token.info == "{toctree}"]
        folder = name.rpartition("/")[0]
        listed = {f"{folder}/{line}.md".lstrip("/") for line in tree.content.split("\n\n")[1].split()}
        beside = {each for each in PAGES if each.rpartition("/")[0] == folder and each != name}
        assert listed - beside == (set() if folder else {"models/index.md"})
        assert beside <= listed


def leads_somewhere(pages: dict[str, Page], page: Page, link: str) -> bool:
    """Return whether a link leads to a page of the reference and an anchor on it, or out of the reference."""
    path, _, anchor = link.partition("#")
    target = os.path.normpath(os.path.join(os.path.dirname(page.name), path)).replace(os.sep, "/") if path else page.name  # noqa: PTH118, PTH120  no files
    if link.startswith("https://"):
        return page.name == "dialects.md"
    if target.startswith("../"):
        return (target.startswith(("../app/", "../api/"))) and target.endswith(".md") and not anchor
    return target in pages and (not anchor or anchor in pages[target].anchors())


def run_examples(page: Page, packages: Path, folder: Path) -> list[str]:
    """Run the blocks of a page in a folder, and return what was asked for and what was written."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI_"))}
    paths = os.pathsep.join(map(str, (packages, ROOT / "facade")))
    done = subprocess.run(  # noqa: S603  the script is the tests'
        [sys.executable, "-W", "error", ROOT / "tests" / "support" / "reference_examples.py"],
        cwd=folder,
        env=kept | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "OPENAI_API_KEY": "sk-example"},
        input=page.source,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class TestExamples:
    def test_run(self, tmp_path: Path) -> None:
        asked, written = run_examples(OPERATIONS, PACKAGE.parent, tmp_path)
        assert asked.split() == [*["POST", "/v1/images/generations"] * 2, *["POST", "/v1/images/edits"] * 2]
        assert {"create_variation", "edit", "generate", "0.png"} <= set(written.split())

    def test_of_the_dialects_run(self, tmp_path: Path) -> None:
        *_, written = run_examples(PAGES["dialects.md"], PACKAGE.parent, tmp_path)
        assert written == ""


class Changed(NamedTuple):
    """The reference of a contract that was changed."""

    pages: dict[str, Page]
    packages: Path


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    folder = tmp_path_factory.mktemp("changed")
    contract = folder / CONTRACT.name
    shutil.copyfile(CONTRACT, contract)
    add(contract, (UPSCALE, UPSCALE_REQUEST), (COLLAGE, COLLAGE_REQUEST))
    yaml = YAML()
    document = yaml.load(contract)
    schemas = document["components"]["schemas"]
    schemas["ImageQuality"]["enum"].append("ultra")
    schemas["ImageModel"]["enum"].append("otter-9")
    schemas["ImageModel"]["$defs"]["Otter"] = {"title": "otters", "pattern": "^otter-[0-9]"}
    creation = schemas["CreateImageRequest"]
    creation["properties"]["seed"] = {"description": "The same seed gives the same.", "type": "integer", "maximum": 99}
    creation["$defs"]["CountRules"]["properties"]["n"]["maximum"] = 4
    creation["then"]["allOf"].append(
        {
            "description": "otters are shy",
            "if": {"properties": {"model": {"$ref": "#/components/schemas/ImageModel/$defs/Otter"}}, "required": ["model"]},
            "then": {"properties": {"n": {"maximum": 2}, "style": False, "quality": {"enum": ["ultra", None]}}},
        }
    )
    yaml.dump(document, contract)
    generate(folder / PACKAGE.name, contract=contract)
    write_reference(folder / PACKAGE.name, folder / "reference")
    return Changed(pages_of(folder / "reference"), folder)


class TestChange:
    def test_a_new_parameter(self, changed: Changed) -> None:
        section = changed.pages["operations.md"].section("generate")
        assert "- **`seed`**: `int`. The same seed gives the same.\n  - at most 99\n" in section
        assert "    seed: int | None = None,\n" in section
        assert (
            "- **`seed`**: whole number. The same seed gives the same.\n" in changed.pages["models/CreateImageRequest.md"].source
        )

    def test_a_new_choice(self, changed: Changed) -> None:
        assert "- `ultra`\n" in changed.pages["models/ImageQuality.md"].section("Choices")
        assert "  - otters: ultra\n" in changed.pages["operations.md"].section("generate")

    def test_a_tighter_bound(self, changed: Changed) -> None:
        section = changed.pages["operations.md"].section("generate")
        assert re.search(r"- \*\*`n`\*\*: .*\n  - 1 to 4\n(  - .*\n)*  - otters: 1 to 2\n", section)

    def test_a_new_family(self, changed: Changed) -> None:
        page = changed.pages["families.md"]
        assert "| [otters](#otters) | " in page.source
        section = page.section("otters")
        assert "- `otter-9`\n" in section
        assert "- `n`: 1 to 2\n" in section
        assert "- `style`: otters are shy\n" in section

    def test_a_new_operation(self, changed: Changed) -> None:
        section = changed.pages["operations.md"].section("create_image_upscale")
        assert 'client.create_image_upscale("otter.png", 2)' in section
        assert "At a prompt it is `images-api create-image-upscale IMAGE SCALE`" in section
        assert "- **`scale`**: `int`. How many times as wide and as high it becomes.\n  - 2 to 4\n" in section
        assert "models/CreateImageUpscaleRequest.md" in changed.pages
        assert "| [create_image_upscale](operations.md#create_image_upscale) | " in changed.pages["index.md"].source

    def test_names_that_python_keeps_for_itself(self, changed: Changed) -> None:
        section = changed.pages["operations.md"].section("create_image_collage")
        assert "- **`class_`**: `int`. The class of paper.\n  - `class` on the wire\n  - at least 1\n" in section
        assert 'client.create_image_collage("a baby sea otter")' in section

    def test_the_examples_run(self, changed: Changed, tmp_path: Path) -> None:
        asked, written = run_examples(changed.pages["operations.md"], changed.packages, tmp_path)
        assert {"/v1/images/upscale", "/v1/images/collage"} <= set(asked.split())
        assert {"create_image_upscale", "create_image_collage"} <= set(written.split())

    def test_links_lead_somewhere(self, changed: Changed) -> None:
        lost = [
            (page.name, link)
            for page in changed.pages.values()
            for link in page.links()
            if not leads_somewhere(changed.pages, page, link)
        ]
        assert lost == []

    def test_a_contract_without_known_models(self, tmp_path: Path) -> None:
        document = our_contract()
        del document["components"]["schemas"]["ImageModel"]["x-retired"]
        pages = pages_with(document, tmp_path)
        assert "2026" not in pages["families.md"].source.replace("2026-04-21", "").replace("2026-09-08", "")
        assert "gpu-box" not in pages["operations.md"].source

    def test_what_goes_wrong_is_said(self, tmp_path: Path) -> None:
        package = shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
        (package / "openapi.json").write_text("{", encoding="utf-8")
        with pytest.raises(ReferenceFailedError, match=r"The reference can't be written:\n(.*\n)*.*Error: "):
            write_reference(package, tmp_path / "reference")

    def test_it_depends_on_the_contract_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo", "COLUMNS": "20", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        assert pages_with(DOCUMENT, tmp_path) == PAGES


HOSTILE = [
    "<script>alert(1)</script> <b>x</b> <!-- x --> <https://evil.example> <a@evil.example>",
    "[x](https://evil.example) ![x](y.png) [x][y] [^1] [x]: y [ ] [[x]]",
    "**x** __x__ *x* _x_ ~~x~~ ~x~ $x$ $$x$$ ^x^ ==x==",
    "| x | y | `x|y` `x\\|y` x\\|y \\",
    "```{include} /etc/passwd\n```",
    ":::{include} x\n:::",
    "{ref}`x` {{ x }} {% x %} {x}`y`",
    "`x ``x`` ```x``` ` `` x`",
    "https://evil.example www.evil.example a@evil.example ftp://evil.example :smile: @x#1",
    "`x`https://evil.example`y`",
    "# x\n## y\n\n# z",
    "- x\n* y\n+ z\n1. a\n2) b",
    "x\n===\ny\n---\n***",
    "> x\n>> y",
    "(x)=\n\nx",
    "% x",
    "+++",
    ":x: y",
    "&lt;b&gt; &#60; &copy;",
    "    x\n\ty",
    "x\\",
    "1. x",
    "",
    "絵 🦦 \u00a0 x",
]
TEXTS = {"description", "summary", "title"}


def with_texts(texts: Iterator[str]) -> dict[str, Any]:
    """Return our contract with each text behind what is said of something, and as a choice."""
    document = our_contract()
    for place, part in list(walk(document)):
        if isinstance(part, dict):
            for key in TEXTS & part.keys():
                # What is said of a pattern, or of a family, is part of a name there; so are names of properties.
                if isinstance(part[key], str) and place[-1:] != ("properties",) and place[:1] != ("info",):
                    part[key] = f"{next(texts)}x" if key == "title" else f"{next(texts)}x\n\n{next(texts)}x"
    schemas = document["components"]["schemas"]
    schemas["ImageStyle"]["enum"] = [f"{next(texts)}{index}" for index in range(len(HOSTILE))]
    return document


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    return pages_with(with_texts(cycle(HOSTILE)), tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    plain = cycle(" ".join(["word"] * (1 + index)) for index in range(len(HOSTILE)))
    return pages_with(with_texts(plain), tmp_path_factory.mktemp("harmless"))


def myst() -> MarkdownIt:
    """Return the parser of the site, with more of its extensions than it has."""
    pytest.importorskip("myst_parser")
    from markdown_it.renderer import RendererHTML
    from myst_parser.config.main import MdParserConfig
    from myst_parser.parsers.mdit import create_md_parser

    extensions = {"attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist", "html_admonition"}
    extensions |= {"html_image", "replacements", "smartquotes", "strikethrough", "substitution", "tasklist"}
    parser: MarkdownIt = create_md_parser(MdParserConfig(enable_extensions=extensions), RendererHTML)
    return parser


def parts(page: Page, parser: MarkdownIt) -> list[tuple[str, str]]:
    """Return what a page consists of beside texts and their paragraphs; anchors are made of texts."""
    found = page.structure(parser)
    return [(kind, re.sub("#.*", "#", link)) for kind, link in found if not kind.startswith("paragraph") and kind != "inline"]


class TestHostileTexts:
    @pytest.mark.parametrize("name", PAGES)
    @pytest.mark.parametrize("parser", [lambda: CODE_HOST, myst], ids=["code host", "site"])
    def test_nothing_arises_from_them(self, hostile: dict[str, Page], harmless: dict[str, Page], name: str, parser: Any) -> None:
        reader = parser()
        assert parts(hostile[name], reader) == parts(harmless[name], reader)

    def test_links_lead_where_they_led(self, hostile: dict[str, Page]) -> None:
        lost = [
            (page.name, link) for page in hostile.values() for link in page.links() if not leads_somewhere(hostile, page, link)
        ]
        assert lost == []

    def test_they_stay_texts(self, hostile: dict[str, Page]) -> None:
        told = re.sub(r"`|\s", "", "".join(page.text() for page in hostile.values()))
        missing = [text for text in HOSTILE if re.sub(r"`|\s", "", text.replace("\\|", "|")) not in told.replace("\\|", "|")]
        assert missing == []

    def test_code_hosts_find_no_address_in_them(self, hostile: dict[str, Page]) -> None:
        texts = [
            token.content
            for page in hostile.values()
            if page.name != "dialects.md"
            for token in page.tokens()
            if token.type == "text"
        ]
        assert [text for text in texts if re.search(r"://|www\.|\S@\S|:\w+:\S*evil|:smile:", text)] == []


def shown(source: str, parser: MarkdownIt = CODE_HOST) -> tuple[set[str], str]:
    """Return what a source consists of, and the text that is seen."""
    page = Page("", source)
    return {kind for kind, _ in page.structure(parser)}, page.text()


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["`", "|", "\\", "*", "_", "[", "]", "(", ")", "<", "a", " ", "1.", "-", "&#", "$"])).map(
            "".join
        ),
    )
)
@example("`a`\\`b`")
@example("\\`a`")
@example("a`b``c`")
@example("`https://a`b")
def test_a_text_stays_one_whatever_it_holds(text: str) -> None:
    text = "".join(each for each in text if each.isprintable())
    kinds, seen = shown(f"x {markdown(text)} x")
    assert kinds <= {"paragraph_open", "paragraph_close", "inline"}
    assert re.sub(r"[`\s]", "", seen) == re.sub(r"[`\s]", "", f"x{text}x")
    kinds, seen = shown(f"- {markdown(text)}\n")
    assert kinds <= {
        "bullet_list_open",
        "bullet_list_close",
        "list_item_open",
        "list_item_close",
        "paragraph_open",
        "paragraph_close",
        "inline",
    }
    kinds, seen = shown(f"| a | b |\n|---|---|\n| {cell(text)} | y |\n| {cell(code(text))} | z |\n")
    assert not kinds & {"link_open", "html_inline", "html_block", "image", "strong_open", "em_open"}
    rows = CODE_HOST.parse(f"| a | b |\n|---|---|\n| {cell(text)} | y |\n| {cell(code(text))} | z |\n")
    assert [each.content for each in rows if each.type == "inline"][-1] == "z"
    assert sum(each.type == "td_open" for each in rows) == 4
    assert [each.content for each in rows if each.type == "inline"][3] == "y"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a `b` c", "a `b` c"),
        ("output_format and _x_", r"output_format and \_x\_"),
        ("- x", r"\- x"),
        ("1. x", r"1\. x"),
        ("1.5 x", "1.5 x"),
        ("(such as this) x", "(such as this) x"),
        ("(x)= y", r"\(x)= y"),
        ("see https://a.b/c_d now", "see `https://a.b/c_d` now"),
        ("a & b &amp; c", r"a & b \&amp; c"),
        ("one\n  two", "one two"),
    ],
)
def test_it_is_written_so(text: str, written: str) -> None:
    assert markdown(text) == written


def test_parts_are_read_out() -> None:
    assert joined(["a", code("b|c"), "d*"], "or") == r"a, `b|c` or d\*"
    assert code("") == '`""`'
    assert cell(code("a|b")) == r"`a\|b`"


def test_headings_that_are_alike_are_told_apart() -> None:
    anchor = anchors()
    assert [anchor(each) for each in ("A b_c-d 2.5!", "`A` b_c-d 25", "a", "a", "a")] == [
        "a-b_c-d-25",
        "a-b_c-d-25-1",
        "a",
        "a-1",
        "a-2",
    ]
