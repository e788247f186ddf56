"""Drills that must simply work: a change of openapi.yaml and `make generate`, and nothing else, reach the facade.

A new parameter, a new choice, a tighter bound and a new family of models are usable, typed and checked at once. What must stop
instead is in test_drills.py.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from generation import CONTRACT, ROOT, copy_project, our_contract, run
from ruamel.yaml import YAML

from tools.generator.trees import contents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import DrawPicture

    from images_api.sandbox import Sandbox

BEFORE = our_contract()["components"]
# Nobody's model, so that the sandbox, which keeps the contract as it was, lets everything pass.
UNKNOWN = "somebodys-model"
NEW_MAXIMUM = 4
OLD_MAXIMUM = BEFORE["schemas"]["CreateImageRequest"]["$defs"]["CountRules"]["properties"]["n"]["maximum"]
Call = tuple[str, dict[str, Any]]


def generate(arguments: dict[str, Any]) -> Call:
    return "generate", arguments


NEW_PARAMETERS: dict[str, Any] = {
    "seed": {"description": "The same seed gives the same picture.", "type": "integer", "minimum": 0, "maximum": 99},
    "tags": {"description": "Names to find it by.", "type": "array", "items": {"type": "string"}, "maxItems": 2},
    "labels": {"description": "Notes that come back.", "type": "object", "additionalProperties": {"type": "string"}},
    "tone": {"description": "How it feels.", "enum": ["warm", "cold"], "type": "string"},
}


def change(contract: Path) -> None:
    """Do to the contract what a maintainer does: a bound, a choice, parameters, a family of models."""
    yaml = YAML()
    document = yaml.load(contract)
    components = document["components"]
    components["schemas"]["CreateImageRequest"]["$defs"]["CountRules"]["properties"]["n"]["maximum"] = NEW_MAXIMUM
    components["schemas"]["ImageQuality"]["enum"].append("ultra")
    creation = components["schemas"]["CreateImageRequest"]
    creation["properties"] |= NEW_PARAMETERS
    components["schemas"]["ImageModel"]["enum"].append("otter-9")
    components["schemas"]["ImageModel"]["$defs"]["Otter"] = {"pattern": "^otter-[0-9]"}
    creation["then"]["allOf"].append(
        {
            "description": "otters are shy",
            "if": {"properties": {"model": {"$ref": "#/components/schemas/ImageModel/$defs/Otter"}}, "required": ["model"]},
            "then": {
                "properties": {
                    "n": {"maximum": 2},
                    "size": {"enum": ["512x512", None]},
                    "quality": {"enum": ["ultra", None], "default": "ultra"},
                    "style": False,
                }
            },
        }
    )
    yaml.dump(document, contract)


SMALL = {"model": "dall-e-2", "size": "256x256"}


class Project(NamedTuple):
    folder: Path
    before: dict[str, bytes]

    def run(self, calls: Sequence[Call], *server: str) -> dict[str, Any]:
        paths = os.pathsep.join(str(self.folder / name) for name in ("facade", "generated"))
        script = ROOT / "tests" / "support" / "regenerated_calls.py"
        printed = run(sys.executable, "-W", "error", script, json.dumps(calls), *server, PYTHONPATH=paths)
        said: dict[str, Any] = json.loads(printed)
        assert said["facade"].startswith(str(self.folder))
        return said

    def outcomes(self, calls: Sequence[Call], *server: str) -> list[Any]:
        return list(self.run(calls, *server)["outcomes"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = copy_project(tmp_path_factory.mktemp("project"))
    change(folder / CONTRACT.name)
    before = contents(folder)
    run(sys.executable, "-m", "tools.generate", folder=folder)
    return Project(folder, before)


def test_only_the_generated_package_and_the_reference_are_written(project: Project) -> None:
    after = contents(project.folder)
    changed = {name for name in after.keys() | project.before.keys() if after.get(name) != project.before.get(name)}
    assert "generated/images_api_client/openapi.json" in changed
    assert {"/".join(name.split("/")[:2]) for name in changed} == {"docs/reference", "generated/images_api_client"}


@pytest.fixture
def picture(tmp_path: Path, draw: DrawPicture) -> str:
    path = tmp_path / "otter.png"
    path.write_bytes(draw(256, 256))
    return str(path)


class TestNewParameter:
    def test_it_is_documented_and_typed(self, project: Project) -> None:
        options = project.run([])["options"]
        assert {name: options[name] for name in NEW_PARAMETERS} == {
            "seed": str(int | None),
            "tags": str(list[str] | None),
            "labels": str(dict[str, str] | None),
            "tone": str(Literal["warm", "cold"] | None),
        }
        written = (project.folder / "generated" / "images_api_client" / "options.py").read_text(encoding="utf-8")
        assert '"""The same seed gives the same picture. At least 0. At most 99."""' in written

    def test_it_goes_out(self, project: Project, sandbox: Sandbox) -> None:
        values: list[dict[str, Any]] = [
            {"seed": 0},
            {"seed": 99, "tags": ["sea", "otter"], "labels": {"a": "b"}, "tone": "cold"},
            {"tags": []},
        ]
        bodies = [{"prompt": "x", "model": UNKNOWN, **each} for each in values]
        assert project.outcomes([*map(generate, bodies)], sandbox.base_url) == [200, 200, 200]
        assert [json.loads(request.body) for request in sandbox.requests] == bodies

    def test_it_is_checked(self, project: Project, sandbox: Sandbox) -> None:
        refusals: list[tuple[dict[str, Any], str]] = [
            ({"seed": 100}, "must be at most 99"),
            ({"seed": -1}, "must be at least 0"),
            ({"seed": "1"}, "must be a whole number"),
            ({"tags": "otter"}, "must be a list"),
            ({"labels": "a"}, "must be a mapping"),
            ({"tone": "sad"}, "must be warm or cold"),
        ]
        calls = [generate({"prompt": "x", "model": UNKNOWN, **options}) for options, _ in refusals]
        wanted = [[[name, why]] for options, why in refusals for name in options]
        assert project.outcomes(calls, sandbox.base_url) == wanted
        assert sandbox.requests == ()

    def test_it_belongs_to_its_operation(self, project: Project, sandbox: Sandbox, picture: str) -> None:
        calls: list[Call] = [
            ("edit", {"image": picture, "prompt": "x", "model": UNKNOWN, "seed": 1}),
            ("create_variation", {"image": picture, "seed": 1}),
        ]
        assert [why.partition("()")[2] for why in project.outcomes(calls, sandbox.base_url)] == [
            " got an unexpected keyword argument 'seed'",
            " got an unexpected keyword argument 'seed'",
        ]
        assert sandbox.requests == ()


class TestNewChoice:
    def test_it_is_typed(self, project: Project) -> None:
        assert "'ultra'" in project.run([])["options"]["quality"]

    def test_it_is_checked_and_goes_out(self, project: Project, sandbox: Sandbox) -> None:
        asked = [(model, quality) for model in ("otter-9", UNKNOWN) for quality in ("ultra", "mega")]
        calls = [generate({"prompt": "x", "model": model, "quality": quality}) for model, quality in asked]
        refusal = [["quality", "must be ultra for otter-9 (otters are shy)"]]
        assert project.outcomes(calls, sandbox.base_url) == [200, refusal, 200, 200]
        assert [json.loads(request.body)["quality"] for request in sandbox.requests] == ["ultra", "ultra", "mega"]


class TestTighterBound:
    def test_it_is_documented(self, project: Project) -> None:
        written = (project.folder / "generated" / "images_api_client" / "options.py").read_text(encoding="utf-8")
        assert f"At least 1. At most {NEW_MAXIMUM} for dall-e-2 and GPT image models." in written
        assert f"At most {OLD_MAXIMUM} for" not in written

    def test_it_is_checked_wherever_it_holds(self, project: Project, sandbox: Sandbox, picture: str) -> None:
        calls: list[Call] = [
            ("generate", {"prompt": "x", **SMALL}),
            ("edit", {"image": picture, "prompt": "x", "mask": picture, **SMALL}),
            ("create_variation", {"image": picture, **SMALL}),
        ]
        counted: list[Call] = [(name, {**given, "n": n}) for n in (NEW_MAXIMUM, NEW_MAXIMUM + 1) for name, given in calls]
        refusal = [["n", f"must be at most {NEW_MAXIMUM} for {SMALL['model']}"]]
        assert project.outcomes(counted, sandbox.base_url) == [200] * len(calls) + [refusal] * len(calls)
        created, edited, varied = sandbox.requests
        assert json.loads(created.body)["n"] == NEW_MAXIMUM
        assert all(b'name="n"\r\n\r\n%d\r\n' % NEW_MAXIMUM in form.body for form in (edited, varied))


class TestNewFamily:
    @pytest.mark.parametrize("model", ["otter-9", "otter-9-2027-01-01"])
    def test_it_has_its_own_limits(self, project: Project, sandbox: Sandbox, model: str) -> None:
        reason = f"for {model} (otters are shy)"
        refusals: list[tuple[dict[str, Any], list[list[str]]]] = [
            ({"n": 3}, [["n", f"must be at most 2 {reason}"]]),
            ({"n": NEW_MAXIMUM + 1}, [["n", f"must be at most 2 {reason}"]]),
            ({"size": "256x256"}, [["size", f"must be 512x512 {reason}"]]),
            ({"style": "vivid"}, [["style", f"is not supported {reason}"]]),
        ]
        calls = [generate({"prompt": "x", "model": model, **options}) for options, _ in refusals]
        assert project.outcomes(calls, sandbox.base_url) == [why for _, why in refusals]
        stranger = {"prompt": "x", "model": f"sea-{model}", "n": 3, "style": "vivid"}
        assert project.outcomes([generate(stranger)], sandbox.base_url) == [200]

    def test_its_default_is_sent_for_it_alone(self, project: Project, sandbox: Sandbox) -> None:
        calls = [generate({"prompt": "x", "model": model}) for model in ("otter-9", UNKNOWN, "dall-e-3")]
        project.outcomes([*calls, generate({"prompt": "x", "model": "otter-9", "quality": None})], sandbox.base_url)
        bodies = [json.loads(request.body) for request in sandbox.requests]
        assert [body.get("quality", "nothing") for body in bodies] == ["ultra", "nothing", "nothing", "ultra"]


def test_the_sandbox_keeps_the_same_contract(project: Project) -> None:
    calls = [
        generate({"prompt": "x", "model": UNKNOWN, "n": OLD_MAXIMUM, "seed": 99, "tags": ["a"], "quality": "ultra"}),
        generate({"prompt": "x", "n": OLD_MAXIMUM, **SMALL}),
        generate({"prompt": "x", "model": UNKNOWN, "seed": 100}),
        generate({"prompt": "x", "model": "otter-9", "n": 2}),
        generate({"prompt": "x", "model": "otter-9", "n": 3}),
    ]
    assert project.outcomes(calls) == [200, 400, 400, 200, 400]


def test_a_type_checker_knows_it(project: Project, tmp_path: Path) -> None:
    right = ["seed=5", 'quality="ultra"', 'tags=["a"]', 'labels={"a": "b"}', 'tone="warm"']
    wrong = ['seed="5"', "quality=7", "sead=5", 'tags="a"', "labels={1: 2}", 'tone="sad"']
    app = tmp_path / "app.py"
    calls = [f'client.generate("x", {arguments})' for arguments in (*right, *wrong)]
    app.write_text("\n".join(["from images_api import ImagesClient", "client = ImagesClient()", *calls]))
    paths = os.pathsep.join(str(project.folder / name) for name in ("facade", "generated"))
    # Without a cache of its own, it would leave one in the tree.
    options = ["--strict", "--follow-imports=silent", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    printed = run(sys.executable, "-m", "mypy", *options, "app.py", folder=tmp_path, code=1, MYPYPATH=paths)
    errors = [line.split(": ")[0] for line in printed.splitlines() if ": error: " in line]
    assert errors == [f"app.py:{3 + len(right) + place}" for place in range(len(wrong))]
