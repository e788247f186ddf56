"""Drills that must simply work: an operation more in openapi.yaml and `make generate`, and nothing else, reach both clients.

The sandbox answers them, and draws. What the generator alone makes of such operations is in test_new_operations.py.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from generation import CONTRACT, ROOT, Part, copy_project, form_parts, run
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, add, without

from tools.generator.trees import contents

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import DrawPicture

ENLARGE = UPSCALE.replace("/upscale", "/enlarge").replace("Upscale", "Enlarge")
ENLARGE_REQUEST = without(UPSCALE_REQUEST, "model").replace("Upscale", "Enlarge")
# An operation that answers images as well, but is left to the generated client.
HIDDEN = COLLAGE.replace("/collage", "/hidden").replace("Collage", "Hidden").replace("{arguments: [input, filter]}", "false")
HIDDEN_REQUEST = COLLAGE_REQUEST.replace("Collage", "Hidden")
ODD = {"input": "otters", "type": "wall", "format": "a4", "filter": "fish", "aspectRatio": 1.5, "class": 2}
Call = tuple[str, dict[str, Any]]


class Project(NamedTuple):
    folder: Path
    before: dict[str, bytes]

    def __call__(self, *calls: Call, **defaults: Any) -> dict[str, Any]:
        paths = os.pathsep.join(str(self.folder / name) for name in ("facade", "generated"))
        script = ROOT / "tests" / "support" / "new_calls.py"
        printed = run(sys.executable, "-W", "error", script, json.dumps(calls), json.dumps(defaults), PYTHONPATH=paths)
        told: dict[str, Any] = json.loads(printed)
        assert told["outcomes"] == told["aoutcomes"]
        return told

    def form(self, *calls: Call, **defaults: Any) -> list[Part]:
        """Return the parts of the form that one call sends."""
        ((method, path, content_type, body),) = self(*calls, **defaults)["sent"]
        assert (method, path) == ("POST", "/v1/images/upscale" if "upscale" in calls[0][0] else "/v1/images/enlarge")
        return form_parts(content_type, b64decode(body))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = copy_project(tmp_path_factory.mktemp("project"))
    add(folder / CONTRACT.name, (UPSCALE, UPSCALE_REQUEST), (ENLARGE, ENLARGE_REQUEST), (COLLAGE, COLLAGE_REQUEST))
    before = contents(folder)
    run(sys.executable, "-m", "tools.generate", folder=folder)
    return Project(folder, before)


@pytest.fixture
def image(tmp_path: Path, draw: DrawPicture) -> str:
    path = tmp_path / "otter.png"
    path.write_bytes(draw(64, 48))
    return str(path)


def test_nothing_but_the_generated_package_is_written(project: Project) -> None:
    after = contents(project.folder)
    changed = {name for name in after.keys() | project.before.keys() if after.get(name) != project.before.get(name)}
    assert "generated/images_api_client/operations.py" in changed
    assert {"/".join(name.split("/")[:2]) for name in changed} == {"docs/reference", "generated/images_api_client"}


@pytest.mark.parametrize("name", ["create_image_upscale", "create_image_enlarge"])
class TestFiles:
    def test_it_works_on_both_clients(self, project: Project, image: str, name: str) -> None:
        given = {"image": image, "scale": 2}
        drawn, streamed = project((name, given), (f"stream_{name}", given))["outcomes"]
        assert [format_ for format_, _, _ in drawn["images"]] == ["png"]
        assert streamed["images"] == drawn["images"]
        assert len(streamed["events"]) == 1

    def test_what_was_said_goes_out_and_what_the_contract_says_for_it(self, project: Project, image: str, name: str) -> None:
        parts = project.form((name, {"image": image, "scale": 3, "response_format": None}))
        assert {part.name: part.content for part in parts if part.filename is None} == {
            "scale": b"3",
            **({"model": b"gpt-image-2.5-flare"} if "upscale" in name else {}),
        }
        (file,) = [part for part in parts if part.filename is not None]
        assert (file.name, file.filename, file.type) == ("image", "otter.png", "image/png")

    def test_it_is_checked(self, project: Project, image: str, name: str) -> None:
        outcomes = project(
            (name, {"image": image, "scale": 5}),
            (name, {"image": image, "scale": 1, "response_format": 7}),
            (name, {"image": image}),
            (name, {"image": image, "scale": 2, "sclae": 2}),
        )["outcomes"]
        assert outcomes[0] == [["scale", "must be at most 4"]]
        assert [parameter for parameter, _ in outcomes[1]] == ["scale", "response_format"]
        assert "missing 1 required positional argument: 'scale'" in outcomes[2]
        assert "unexpected keyword argument 'sclae'" in outcomes[3]

    def test_what_is_no_image_of_the_right_type_is_refused(self, project: Project, tmp_path: Path, name: str) -> None:
        text = tmp_path / "otter.txt"
        text.write_text("an otter")
        ((problem,),) = project((name, {"image": str(text), "scale": 2}))["outcomes"]
        assert problem[0] == "image"
        assert "must be png" in problem[1]

    def test_it_is_documented_and_typed(self, project: Project, image: str, name: str) -> None:
        given = {"image": image, "scale": 2}
        told = project((name, given), (f"stream_{name}", given))["methods"]
        assert told[name]["signature"].startswith("(self, image: 'ImageInput', scale: 'int', *, ")
        assert told[name]["doc"].startswith("Make an image larger.\n\nArgs:\n    image: The image to enlarge. ")
        assert told[f"stream_{name}"]["doc"].startswith("Make an image larger, streamed as events.\n")
        assert {"image", "scale", "response_format", "timeout", "return"} <= set(told[name]["types"])
        assert "sclae" in told[name]["misspelt"]


def test_defaults_of_a_client_reach_it(project: Project, image: str) -> None:
    given = {"image": image, "scale": 2}
    for name, wanted in (("create_image_upscale", b"somebodys-model"), ("create_image_enlarge", None)):
        parts = project.form((name, given), model="somebodys-model", n=1, response_format="b64_json")
        said = {part.name: part.content for part in parts}
        assert said.get("model") == wanted
        assert said["response_format"] == b"b64_json"
        assert "n" not in said


def test_one_without_files_works_and_its_odd_names_go_out(project: Project) -> None:
    given = {f"{name}_" if name == "class" else name: value for name, value in ODD.items()}
    positional = "create_image_collage", given
    told = project(positional, ("stream_create_image_collage", given))
    drawn, streamed = told["outcomes"]
    assert [format_ for format_, _, _ in drawn["images"]] == [format_ for format_, _, _ in streamed["images"]] == ["png"]
    assert [(method, path, kind) for method, path, kind, _ in told["sent"]] == [
        ("POST", "/v1/images/collage", "application/json")
    ] * 2
    assert [json.loads(b64decode(body)) for *_, body in told["sent"]] == [ODD] * 2


def test_odd_names_are_checked_by_the_names_on_the_wire(project: Project) -> None:
    (found,) = project(("create_image_collage", {"input": "x", "class_": 0, "format": "a3", "aspectRatio": "wide"}))["outcomes"]
    assert [parameter for parameter, _ in found] == ["format", "aspectRatio", "class"]


def test_one_that_is_left_to_the_low_level_client_hinders_no_other(tmp_path: Path, image: str) -> None:
    folder = copy_project(tmp_path)
    add(folder / CONTRACT.name, (UPSCALE, UPSCALE_REQUEST), (HIDDEN, HIDDEN_REQUEST))
    run(sys.executable, "-m", "tools.generate", folder=folder)
    (drawn,) = Project(folder, {})(("create_image_upscale", {"image": image, "scale": 2}))["outcomes"]
    assert len(drawn["images"]) == 1
    written = (folder / "generated" / "images_api_client" / "operations.py").read_text(encoding="utf-8")
    assert "hidden" not in written.lower()
