"""What may go wrong when the contract or the generator changes: `make generate` and `make drift` stop, and say what to do.

Each drill is a real change in a copy of the project. Changes that must simply work are in test_regenerate.py.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from generation import CONFIG, CONTRACT, PACKAGE, REFERENCE, compile_once, copy_project, generate, run
from jinja2 import Environment
from new_operations import COLLAGE, COLLAGE_REQUEST, add
from platforms import needs_links
from replay import Replay

from tools import generate as command
from tools.generator.contract import ContractError, read_contract
from tools.generator.trees import contents, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[Path], object]

GENERATOR = "openapi-python-client"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


class Command:
    """`make generate` and `make drift` of a project, and what they say to people."""

    def __init__(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 1) -> str:
        before = contents(self.project)
        assert command.main([*arguments, "--root", str(self.project)]) == code
        printed = self._capsys.readouterr().err
        if code:
            assert contents(self.project) == before
        return printed


@pytest.fixture
def make(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(Environment, "compile", compile_once)
    return Command(project, capsys)


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Replace the first of each text, which must be there."""
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8", newline="\n")


def rename(file: Path, old: str, new: str) -> None:
    """Rename a parameter everywhere in the contract."""
    text, count = re.subn(rf"(?<![\w`'-]){old}(?=\]|,|: [^W]|:\n)", new, file.read_text(encoding="utf-8"))
    assert count
    file.write_text(text, encoding="utf-8", newline="\n")


class TestNothingWrong:
    def test_generating_twice_changes_no_byte(self, make: Command) -> None:
        for _ in range(2):
            assert make(code=0) == ""
            assert contents(make.project / command.PACKAGE) == contents(PACKAGE)
            assert contents(make.project / command.REFERENCE) == contents(REFERENCE)

    def test_the_package_is_what_the_contract_makes_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["--check"]) == 0
        assert capsys.readouterr().err == ""

    def test_nobody_elses_settings_change_a_byte(self, tmp_path: Path) -> None:
        (tmp_path / "ruff.toml").write_text('line-length = 40\n[format]\nquote-style = "single"\n', encoding="utf-8")
        generate(tmp_path / "elsewhere")
        assert contents(tmp_path / "elsewhere") == contents(PACKAGE)

    def test_no_network_is_needed(self, project: Path, tmp_path: Path) -> None:
        walls = tmp_path / "walls"
        walls.mkdir()
        (walls / "sitecustomize.py").write_text(
            "import sys\n"
            "def refuse(event, arguments):\n"
            "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto'):\n"
            "        raise SystemExit(f'went online: {event} {arguments}')\n"
            "sys.addaudithook(refuse)\n"
        )
        outside = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')"
        assert "went online" in run(sys.executable, "-c", outside, code=1, PYTHONPATH=str(walls))
        for arguments in ((), ("--check",)):
            run(sys.executable, "-m", "tools.generate", *arguments, folder=project, PYTHONPATH=str(walls))


class TestDrift:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda package: (package / "extra.py").touch(), "not generated: extra.py"),
            (lambda package: (package / "models" / "extra.txt").touch(), "not generated: models/extra.txt"),
            (lambda package: (package / "errors.py").unlink(), "missing: errors.py"),
            (lambda package: (package / "errors.py").write_text("x = 1\n", encoding="utf-8"), "-x = 1"),
            (lambda package: (package / "py.typed").write_text("partial\n", encoding="utf-8"), "-partial"),
            (lambda package: (package / "py.typed").write_bytes(b"\xff"), "-\ufffd"),
            (lambda package: to_crlf(package / "errors.py"), "other line ends, which git sets by .gitattributes: errors.py"),
            pytest.param(
                lambda package: (package / "link.py").symlink_to("errors.py"),
                "not generated: link.py, a symbolic link",
                marks=needs_links,
            ),
            pytest.param(
                lambda package: to_link(package / "errors.py"), "not generated: errors.py, a symbolic link", marks=needs_links
            ),
            pytest.param(
                lambda package: (package / "link").symlink_to("nowhere"),
                "not generated: link, a symbolic link",
                marks=needs_links,
            ),
        ],
        ids=["stray", "stray below", "missing", "edited", "no code", "no text", "line ends", "link", "now a link", "dead link"],
    )
    def test_what_differs_is_shown(self, tmp_path: Path, change: Change, said: str) -> None:
        package = Path(shutil.copytree(PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__")))
        change(package)
        assert said in "".join(differences(PACKAGE, package))

    def test_an_edit_by_hand_stops_it(self, make: Command) -> None:
        edit(make.project / command.PACKAGE / "errors.py", ("class UnexpectedStatus", "class Unexpected"))
        (make.project / command.PACKAGE / "stray.py").touch()
        printed = make("--check")
        assert "-class Unexpected(Exception):\n+class UnexpectedStatus(Exception):\n" in printed
        assert "not generated: stray.py\n" in printed
        assert "Nobody edits it: what it should say belongs to openapi.yaml or tools/generator." in printed
        assert "Run `make generate` and commit the result." in printed

    def test_an_edit_of_the_reference_stops_it(self, make: Command) -> None:
        reference = make.project / command.REFERENCE
        edit(reference / "index.md", ("# Reference", "# The reference"))
        (reference / "families.md").unlink()
        (reference / "models" / "stray.md").touch()
        printed = make("--check")
        assert "-# The reference\n+# Reference\n" in printed
        assert "missing: families.md\n" in printed
        assert "not generated: models/stray.md\n" in printed
        assert "reference is not what openapi.yaml makes of it. Nobody edits it:" in printed
        assert "belongs to openapi.yaml or tools/reference. Run `make generate` and commit the result." in printed
        assert "images_api_client is" not in printed
        make(code=0)
        assert contents(reference) == contents(REFERENCE)

    @needs_links
    def test_what_is_no_part_of_it_is_gone_after_generating(self, make: Command) -> None:
        package = make.project / command.PACKAGE
        (package / "empty").mkdir()
        (package / "extra.py").touch()
        to_link(package / "errors.py")
        make(code=0)
        assert contents(package) == contents(PACKAGE)
        assert not (package / "empty").exists()

    def test_what_python_compiled_is_no_difference(self, tmp_path: Path) -> None:
        package = Path(shutil.copytree(PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__")))
        (package / "__pycache__").mkdir(exist_ok=True)
        (package / "__pycache__" / "errors.pyc").touch()
        assert list(differences(PACKAGE, package)) == []

    def test_a_long_difference_is_cut_and_says_so(self, make: Command) -> None:
        file = make.project / command.PACKAGE / "client.py"
        file.write_text("".join(f"# {number}\n" for number in range(100)), encoding="utf-8", newline="\n")
        printed = make("--check")
        assert len(printed.splitlines()) < 25
        assert re.search(r"\.\.\. and \d{3} more lines of this file", printed)

    def test_many_differences_are_counted(self, make: Command) -> None:
        package = make.project / command.PACKAGE
        shutil.rmtree(package)
        printed = make("--check")
        assert printed.count("missing: ") == 8
        assert f"... and {len(contents(PACKAGE)) - 8} more files differ" in printed

    def test_a_change_of_the_contract_alone_is_noticed(self, make: Command) -> None:
        edit(make.project / CONTRACT.name, ("n: {maximum: 10}", "n: {maximum: 12}"))
        assert "+    maximum" not in (printed := make("--check"))
        assert '"maximum": 12' in printed
        assert "`make generate`" in printed


def to_crlf(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def to_link(file: Path) -> None:
    file.rename(file.with_suffix(".txt"))
    file.symlink_to(file.with_suffix(".txt").name)


REQUEST = "\n    CreateImageRequest:\n"
STYLE = "        style:\n          description: Dramatic"


class TestBrokenContract:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("info:", "info: @", ":7: .*'@'"),
            ("  title: Images API", "\ttitle: Images API", ":1: .*'\\\\t'"),
            ("info:", "openapi: 3.1.0\ninfo:", ":1: .*duplicate key"),
            ("      summary: Create images", "       summary: Create images", r":8: .*block.*begins in line \d+"),
            ("openapi: 3.1.0", "openapi: 3.0.3", ': openapi: "3.0.3" does not match [^\n]*\n$'),
            ("info:\n  title: Images API\n", "info:\n", ': info: "title" is a required property\n$'),
            ("post:\n      operationId: createImage\n", "post:\n      operationID: createImage\n", ": .*'operationID' was"),
            ("post:\n      operationId: createImage\n", "post:\n", ": .*has no operationId"),
            ("operationId: createImageEdit\n", "operationId: createImage\n", ": .*another operation is called createImage"),
            ("operationId: createImage\n", "operationId: create image\n", ": .*must be a name such as createImage"),
            ("schema: {$ref: '#/components/schemas/CreateImageRequest'}", "schema: {type: object}", ": .*needs as its schema"),
            ("minimum: 1\n", "minimum: one\n", ': components/schemas/ImageCount/minimum: "one"'),
            ("type: [integer, 'null']\n", "type: [int, 'null']\n", ': components/schemas/ImageCount/type/0: "int"'),
            (
                "pattern: '^dall-e-2$'",
                "pattern: '^(dall-e-2$'",
                ": components/schemas/ImageModel/\\$defs/DallE2/pattern: .*regex",
            ),
            ("then: {properties: {output_compression: false}}", "then: {properties: {output_compression: 5}}", ": .*5 is not of"),
            ("then: {properties: {output_compression", "then: {propertys: {output_compression", ": .*propertys: no keyword"),
            ("schemas/CreateImageRequest'", "schemas/Nothing'", ": paths//images/generations/.*/schemas/Nothing"),
            ("schemas/ImageModel'", "schemas/Nothing'", ": components/schemas/.*/schemas/Nothing"),
            ("$ref: '#/components/schemas/User'", "$ref: 'more.yaml#/User'", ": .*in this file.*more.yaml"),
            ("$ref: '#/components/schemas/User'", "$ref: 5", ": .*not to 5"),
            ("enum: [high, low]", "enum: [high, 1]", ": components/schemas/ImageInputFidelity/enum: .*has int and str"),
            ("enum: [high, low]", "enum: []", ": components/schemas/ImageInputFidelity/enum: .*is empty"),
            ("enum: [high, low]", "enum: high", ': components/schemas/ImageInputFidelity/enum: "high"'),
            ("enum: [png, gif, svg]", "enum: [png, gfi, svg]", ": .*/if/.*output_format has no choice `gfi`; did you mean `gif`"),
            ("output_format: {const: gif}", "output_format: {const: gfi}", ": .*/const: output_format has no choice `gfi`"),
            ("{not: {const: transparent}}", "{not: {const: clear}}", ": .*/not/const: background has no choice `clear` "),
            ("stream: {not: {const: true}}", "stream: {not: {const: 1.5}}", ": .*/const: stream can't be 1.5 "),
            ("        n: {default: 1}", "        n: {default: one}", ": .*/n/default: n can't be `one` "),
            ("        n: {default: 1}", "        n: {maximum: 1, default: 2}", ": .*the rule itself refuses the default 2 of n"),
            ("{enum: [standard, null]}", "{enum: [standart, null]}", ": .*quality has no choice `standart`.*mean `standard`"),
            ("response_format: {default: url}", "response_format: {default: link}", ": .*response_format has no choice `link` "),
            ("pattern: '^dall-e-2$'", "pattern: '^dalle-2$'", ": .*/pattern: no choice of model matches `.dalle-2.`: add one"),
            ("square: true}", "sqare: true}", ": .*/x-image/sqare: is none of types, .*; did you mean square"),
            ("square: true}", "square: 1}", ": .*/x-image/square: 1 is not of type"),
            ("maximumRatio: 3", "maximalRatio: 3", ": .*/x-sides/maximalRatio: is none of .*; did you mean maximumRatio"),
            ("x-image: {types: [image/png]", "x-imgae: {types: [image/png]", ": .*/x-imgae: is no extension.*mean x-image"),
            ("{date: '2026-10-23'", "{date: '2026-13-23'", ': .*/date: "2026-13-23" is not a "date"'),
            ("successor: gpt-image-2}", "successor: gpt-2}", ": .*/successor: 'gpt-2' is none of the choices"),
            ("        dall-e-3: {date", "        dall-e-4: {date", ": .*/dall-e-4: 'dall-e-4' is none of the choices"),
            ("            quota: [", "            qouta: [", ": .*/qouta: is none of policy, phrases, quota and .*mean quota"),
            ("'429': [rate", "'4290': [rate", ": .*/x-codes/4290: is none of policy, phrases, quota and a status"),
            ("minimum: 1\n", "minimum: .inf\n", ": .*/minimum: must be a number that JSON can write"),
            ("  title: Images API", '  title: "a\\u202eb"', r": info/title: holds the character U\+202E"),
            ("default: dall-e-2\n", "default: 'dall\"2'\n", ": .*/default: must not hold quotes"),
            ("default: dall-e-2\n", "default: 7\n", ": components/schemas/CreateImageVariationRequest/.*/default: 7"),
            (STYLE, f"        glow: {{type: integer}}\n{STYLE}", ": components/.*/glow: has no description"),
            (STYLE, f"        glow: true\n{STYLE}", ": components/.*/glow: must be a mapping"),
            (STYLE, f"        self: {{type: string, description: x}}\n{STYLE}", ": .*/self: can't be a parameter"),
            (STYLE, f"        timeout: {{type: string, description: x}}\n{STYLE}", ": .*/timeout: can't be a parameter"),
            (
                STYLE,
                f"        project: {{type: string, description: x}}\n{STYLE}",
                ": .*/project: .*a client is made with a project",
            ),
            (STYLE, f"        extra_body: {{type: string, description: x}}\n{STYLE}", ": .*/extra_body: can't be a parameter"),
            ("x-method: {name: generate}", "x-method: {named: generate}", ": .*/x-method/named: is none of name, stream"),
            ("x-reference-of: image", "x-reference-of: imag", ": .*/x-reference-of: must be the name of a file parameter"),
            ("date: '2026-10-23'", "date: 2026-10-23", ": .*/date: must be in quotes"),
            ("'200':", "200:", ": .*/200: a key must be a text"),
            ("propertyName: type", "propertyName: kind", ": .*'kind' is no property of"),
            ("Event'\n    PartialImageEvent", "Evnt'\n    PartialImageEvent", ": .*/CompletedImageEvnt"),
        ],
    )
    def test_file_line_and_fault_are_said(self, make: Command, old: str, new: str, said: str) -> None:
        contract = make.project / CONTRACT.name
        text = contract.read_text(encoding="utf-8")
        line = text[: text.index(old)].count("\n") + 1
        edit(contract, (old, new))
        printed = make()
        assert re.search(f"^{re.escape(str(contract))}:{line}{said}", printed, re.MULTILINE), printed

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "No such file"),
            (b"", "must be a mapping"),
            (b"- a", "must be a mapping"),
            (b"\xff", "invalid start byte"),
            (b"swagger: '2.0'", '"openapi" is a required property'),
            (b"openapi: 3.1.0\ninfo: {title: a, version: '1'}\ncomponents: x", '"x" is not of type "object"'),
        ],
        ids=["missing", "empty", "list", "no UTF-8", "no OpenAPI", "no components"],
    )
    def test_what_is_no_contract_at_all_is_said(self, tmp_path: Path, content: bytes | None, said: str) -> None:
        contract = tmp_path / "contract.yaml"
        if content is not None:
            contract.write_bytes(content)
        with pytest.raises(ContractError, match=f"{re.escape(str(contract))}:.*{said}"):
            read_contract(contract)

    def test_a_rule_that_leads_back_to_itself_is_named(self, make: Command) -> None:
        rules = "#/components/schemas/CreateImageRequest/$defs"
        edit(make.project / CONTRACT.name, ("NotDallE3Rules:\n", f"NotDallE3Rules:\n          $ref: '{rules}/EditRules'\n"))
        pattern = rf"defs/(\w+): leads back to itself: {re.escape(rules)}/\1 -> .* -> {re.escape(rules)}/\1\n"
        assert re.search(pattern, make())


class TestRename:
    def test_a_rule_with_the_old_name_stops_it(self, make: Command) -> None:
        contract = make.project / CONTRACT.name
        edit(
            contract,
            ("        input_fidelity: {$ref", "        fidelity: {$ref"),
            ("        input_fidelity: {$ref", "        fidelity: {$ref"),
        )
        places = {
            "components/schemas/CreateImageEditRequest/then/allOf/0/then/properties/input_fidelity",
            "components/schemas/CreateImageEditRequest/then/allOf/1/then/properties/input_fidelity",
            "components/schemas/CreateImageEditByReferenceRequest/then/allOf/0/then/properties/input_fidelity",
            "components/schemas/CreateImageRequest/$defs/EditRules/allOf/2/then/properties/input_fidelity",
            "components/schemas/CreateImageRequest/$defs/EditRules/allOf/3/then/properties/input_fidelity",
        }
        found = re.findall(
            rf"{re.escape(str(contract))}:(\d+): (\S+): 'input_fidelity' is no property of .* mean fidelity\?", make()
        )
        lines = contract.read_text(encoding="utf-8").splitlines()
        assert {place for _, place in found} == places
        assert all("input_fidelity:" in lines[int(line) - 1] for line, _ in found)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "required: [image, prompt]",
                "required: [image, promt]",
                "'promt' is no property of CreateImageEditRequest",
            ),
            ("sameSizeAs: image", "sameSizeAs: picture", "'picture' is no property of CreateImageEditRequest"),
            ("required: [markup]}", "required: [mark]}", "'mark' is no property of CreateImageEditRequest"),
            ("if: {required: [image_url]}", "if: {required: [url]}", "'url' is no property of ImageReference"),
            ("else: {required: [file_id]}", "else: {required: [id]}", "'id' is no property of ImageReference"),
            ("            markup: false", "            mark: false", "'mark' is no property of CreateImageEditRequest"),
            # The other requests still have it, and share the rule.
            (
                "        size: {$ref",
                "        sizes: {$ref",
                "'size' is no property of CreateImageRequest: rename it in",
            ),
            ("        stream: {$ref", "        live: {$ref", "'stream' is no property of CreateImageRequest: rename it in"),
        ],
    )
    def test_every_name_must_be_a_parameter(self, make: Command, old: str, new: str, said: str) -> None:
        edit(make.project / CONTRACT.name, (old, new))
        assert re.search(said, make())

    def test_an_option_that_is_renamed_everywhere_is_no_fault(self, make: Command) -> None:
        rename(make.project / CONTRACT.name, "input_fidelity", "fidelity")
        assert make(code=0) == ""
        assert "    fidelity: " in (make.project / command.PACKAGE / "options.py").read_text(encoding="utf-8")


DEPTH = "        depth: {description: x, type: string, format: binary, x-image: {}}\n"
LIMITS = """\
  /images/{model}/limits:
    parameters:
      - {name: model, in: path, required: true, schema: {type: string}}
    get:
      operationId: getLimits
      x-method: false
      tags: [images]
      summary: Say what a model takes.
      responses:
        '200': {$ref: '#/components/responses/Images'}
"""
LOW_LEVEL_CALLS = """
import sys
from images_api_client import Client
from images_api_client.api.images import create_image_collage, get_limits
from images_api_client.models import CreateImageCollageRequest
from images_api_client.operations import REQUESTS, ImageOperations
client = Client(base_url=sys.argv[1])
print(create_image_collage.sync(client=client, body=CreateImageCollageRequest(input_="x", class_=2)).created)
print(get_limits.sync("gpt-image-9", client=client).created)
print(hasattr(ImageOperations, "create_image_collage"), hasattr(ImageOperations, "get_limits"), len(REQUESTS))
"""


class TestOperations:
    @pytest.fixture
    def server(self) -> Iterator[Replay]:
        with Replay() as server:
            yield server

    def test_new_ones_work_at_a_low_level_whether_or_not_they_have_a_method(self, make: Command, server: Replay) -> None:
        contract = make.project / CONTRACT.name
        add(contract, (COLLAGE, COLLAGE_REQUEST))
        edit(contract, ("\ncomponents:\n", f"\n{LIMITS}\ncomponents:\n"))
        assert make(code=0) == make("--check", code=0) == ""
        server.answer(headers={"Content-Type": "application/json"}, body=b'{"created": 7}')
        printed = run(sys.executable, "-c", LOW_LEVEL_CALLS, server.origin, PYTHONPATH=str(make.project / "generated"))
        assert printed.split() == ["7", "7", "True", "False", "4"]
        collage, limits = server.asked
        assert (collage.method, collage.target, json.loads(collage.body)) == (
            "POST",
            "/images/collage",
            {"input": "x", "class": 2},
        )
        assert (limits.method, limits.target, limits.body) == ("GET", "/images/gpt-image-9/limits", b"")
        options = (make.project / command.PACKAGE / "options.py").read_text(encoding="utf-8")
        assert "class CreateImageCollageOptions(TypedDict" in options
        assert "Limits" not in options

    @pytest.mark.parametrize(
        ("changes", "written"),
        [
            ([("operationId: createImage\n", "operationId: makeImage\n")], ['"makeImage": {', ".api.images.make_image"]),
            ([("      tags: [images]\n", "      tags: [old pictures]\n")], [".api.old_pictures.create_image"]),
            ([("      tags: [images]\n", "")], [".api.default.create_image"]),
            ([("required: [prompt]", "required: []")], ["self,\n        *,\n        prompt: str | None = None,"]),
            (
                [("required: [prompt]", "required: [prompt, style]")],
                ["        prompt: str,\n        style: ImageStyle | str,\n        *,"],
            ),
            (
                [("        markup:\n", f"{DEPTH}        markup:\n")],
                ["        depth: ImageInput | None = None,\n        markup: ImageInput | None = None,"],
            ),
            ([("{name: edit, subject: prompt}", "{name: change}")], ["def change(", "def stream_change("]),
            (
                [("{name: edit, subject: prompt}", "{name: edit, arguments: [image, prompt, mask]}")],
                ["        prompt: str,\n        mask: ImageInput | None = None,\n        *,\n        markup"],
            ),
        ],
        ids=[
            "renamed",
            "moved",
            "without a tag",
            "now optional",
            "now required",
            "one more image",
            "called otherwise",
            "by position",
        ],
    )
    def test_one_that_changes_changes_its_method(self, make: Command, changes: list[tuple[str, str]], written: list[str]) -> None:
        edit(make.project / CONTRACT.name, *changes)
        assert make(code=0) == ""
        operations = make.project / command.PACKAGE / "operations.py"
        assert all(text in operations.read_text(encoding="utf-8") for text in written)
        program = """
from importlib import import_module
from images_api_client.operations import REQUESTS
for builders in REQUESTS.values():
    for builder in builders.values():
        module = import_module(builder.module, "images_api_client")
        print(module._get_kwargs.__name__, getattr(module, builder.model).__name__)
"""
        assert run(sys.executable, "-c", program, PYTHONPATH=str(make.project / "generated")).count("_get_kwargs") == 4

    def test_one_that_is_gone_has_no_method(self, make: Command) -> None:
        contract = make.project / CONTRACT.name
        text = contract.read_text(encoding="utf-8")
        contract.write_text(re.sub(r"  /images/variations:\n(?: {4}.*\n)+", "", text), encoding="utf-8")
        assert make(code=0) == ""
        assert "variation" not in (make.project / command.PACKAGE / "operations.py").read_text(encoding="utf-8")

    def test_without_any_there_is_no_method(self, make: Command) -> None:
        contract = make.project / CONTRACT.name
        text = contract.read_text(encoding="utf-8")
        contract.write_text(re.sub(r"x-method: \{.*\}", "x-method: false", text), encoding="utf-8")
        assert make(code=0) == ""
        program = "from images_api_client.operations import *; print(REQUESTS, [n for n in dir(ImageOperations) if n[0] != '_'])"
        assert run(sys.executable, "-c", program, PYTHONPATH=str(make.project / "generated")) == "{} []\n"


def python_without(name: str, folder: Path) -> Path:
    """Make an environment with all that is installed here but one distribution."""
    builder = venv.EnvBuilder(symlinks=os.name == "posix")
    builder.create(folder)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(name.replace("-", "_")):
            (packages / entry.name).symlink_to(entry)
    return Path(builder.ensure_directories(folder).env_exec_cmd)


class Tools:
    """Runs the generator in a process of its own, with another generator or other tools than those installed."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.site = project / "site"

    def __call__(self, *, code: int = 1, python: Path = Path(sys.executable), **environment: str) -> str:
        before = contents(self.project / command.PACKAGE)
        options = {"PYTHONPATH": str(self.site)} | environment
        printed = run(python, "-m", "tools.generate", folder=self.project, code=code, **options)
        assert "Traceback" not in printed
        assert contents(self.project / command.PACKAGE) == before
        return printed

    def copy_generator(self) -> Path:
        """Return a copy of the generator that stands before the installed one."""
        spec = importlib.util.find_spec("openapi_python_client")
        assert spec
        assert spec.origin
        return Path(shutil.copytree(Path(spec.origin).parent, self.site / "openapi_python_client"))

    def pretend(self, version: str) -> None:
        """Give the generator's copy another version."""
        installed = distribution(GENERATOR)
        metadata = installed.read_text("METADATA")
        assert metadata
        folder = self.site / f"openapi_python_client-{version}.dist-info"
        folder.mkdir(parents=True)
        text = metadata.replace(f"\nVersion: {installed.version}\n", f"\nVersion: {version}\n")
        (folder / "METADATA").write_text(text, encoding="utf-8")

    def pin(self, version: str) -> None:
        edit(self.project / "pyproject.toml", (f"{GENERATOR}=={distribution(GENERATOR).version}", f"{GENERATOR}=={version}"))


@pytest.fixture
def tools(project: Path) -> Tools:
    return Tools(project)


class TestGenerator:
    def test_one_that_is_upgraded_needs_fixes_that_apply(self, tools: Tools) -> None:
        tools.pin("0.30.0")
        assert re.search(
            r"openapi-python-client: .*pyproject\.toml asks for ==0\.30\.0, but \S+ is installed", printed := tools()
        )
        assert "`make clean generate`" in printed
        edit(tools.copy_generator() / "templates" / "types.py.jinja", ("    status_code: HTTPStatus", "    status: HTTPStatus"))
        tools.pretend("0.30.0")
        printed = tools()
        assert "the fix 'any-status' no longer applies: what it replaces in types.py.jinja is there 0 times" in printed
        assert "Rewrite it in tools/generator/fixes.toml" in printed
        edit(
            tools.site / "openapi_python_client" / "templates" / "types.py.jinja",
            ("    status: HTTPStatus", "    status_code: HTTPStatus"),
        )
        assert tools(code=0).startswith("What changed for callers can't be told. git finds no revision HEAD")

    def test_one_that_was_not_asked_for_is_refused(self, tools: Tools) -> None:
        tools.pretend("0.28.0")
        assert "but 0.28.0 is installed" in tools()

    @pytest.mark.parametrize(
        ("template", "said"),
        [
            ("types.py.jinja", "no longer applies: the generator has no template types.py.jinja"),
            ("api_init.py.jinja", "a template is missing or broken: TemplateNotFound: api_init.py.jinja"),
        ],
        ids=["with a fix", "without one"],
    )
    def test_a_template_of_it_that_is_gone_is_named(self, tools: Tools, template: str, said: str) -> None:
        (tools.copy_generator() / "templates" / template).unlink()
        assert said in tools()

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            ("options.py.jinja", r"TemplateNotFound: 'options.py.jinja'.*`git restore tools/generator`"),
            ("operations.py.jinja", r"TemplateNotFound: 'operations.py.jinja'.*`git restore tools/generator`"),
            ("package/forms.py", r"form_parts isn't in images_api_client.forms\n(.*\n)*`git restore tools/generator/package`"),
            ("fixes.toml", r"fixes\.toml: .*No such file"),
        ],
    )
    def test_a_file_of_ours_that_is_gone_is_named(self, tools: Tools, file: str, said: str) -> None:
        (tools.project / "tools" / "generator" / file).unlink()
        assert re.search(said, tools())

    @pytest.mark.parametrize(
        ("file", "old", "new", "said"),
        [
            ("fixes.toml", "[[fix]]", "[[fix]", r"fixes\.toml: .*at line \d+, column"),
            (
                "fixes.toml",
                "reason =",
                "raison =",
                r"fixes\.toml: .*'raison'.*the keys id, template, reason, link, find, replace",
            ),
            ("options.py.jinja", "{% endfor %}", "", "a template is missing or broken: TemplateSyntaxError"),
            ("options.py.jinja", "field.name", "field.nam", "a template is missing or broken: UndefinedError"),
            ("operations.py.jinja", "{% endfor %}", "", "a template is missing or broken: TemplateSyntaxError"),
            ("package/forms.py", "def ", "deff ", r"ruff failed: .*forms\.py:\d+:\d+"),
        ],
    )
    def test_a_file_of_ours_that_is_broken_is_named(self, tools: Tools, file: str, old: str, new: str, said: str) -> None:
        edit(tools.project / "tools" / "generator" / file, (old, new))
        assert re.search(said, tools())

    def test_a_warning_of_it_stops_it(self, make: Command) -> None:
        page = "'404': {description: A page., content: {application/pdf: {schema: {type: object}}}}"
        edit(make.project / CONTRACT.name, ("\n        default: {$ref", f"\n        {page}\n        default: {{$ref"))
        printed = make()
        assert re.search(r"WARNING parsing POST /images/generations .*application/pdf", printed)
        assert "None of this may be passed over: change openapi.yaml" in printed

    def test_a_schema_that_it_passes_over_has_a_line(self, make: Command) -> None:
        contract = make.project / CONTRACT.name
        edit(contract, (REQUEST, f"\n    Odd:\n      description: x\n      type: array\n{REQUEST}"))
        line = contract.read_text(encoding="utf-8").splitlines().index("    Odd:") + 1
        assert f"{contract}:{line}: Unable to parse schema /components/schemas/Odd" in make()

    @needs_links
    def test_one_that_is_not_there_is_named(self, tools: Tools, tmp_path: Path) -> None:
        printed = tools(python=python_without(GENERATOR, tmp_path / "venv"), PATH=str(tmp_path))
        assert printed == "openapi_python_client isn't installed: `make clean generate` installs what pyproject.toml asks for.\n"

    @needs_links
    def test_ruff_that_is_not_there_is_named(self, tools: Tools, tmp_path: Path) -> None:
        printed = tools(python=python_without("ruff", tmp_path / "venv"), PATH=str(tmp_path))
        assert re.search(r"ruff: .* asks for ==\S+, but it is not installed\.\n`make clean generate`", printed)

    def test_another_ruff_is_refused(self, tools: Tools) -> None:
        edit(tools.project / "pyproject.toml", ("ruff==", "ruff==9."))
        assert re.search(r"ruff: .* asks for ==9\.\S+, but \S+ is installed", tools())

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "No such file"),
            ("a: [b", r"line 1"),
            ("- a", "'list' object"),
            ("literal_enums: maybe", "valid boolean"),
            ("literal_enumz: true", "knows no literal_enumz"),
        ],
    )
    def test_a_configuration_that_is_wrong_is_named(self, make: Command, content: str | None, said: str) -> None:
        config = make.project / CONFIG.name
        config.unlink()
        if content is not None:
            config.write_text(content, encoding="utf-8")
        assert re.search(f"{re.escape(str(config))}: (.*\n)*.*{said}", make())
