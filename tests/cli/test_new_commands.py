"""A drill: what is added to the contract is at the prompt after `make generate`, with no edit anywhere else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
from generation import CONTRACT, PACKAGE, ROOT, generate
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, add
from pictures import drawn
from PIL import Image
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

# What the command line calls something else: its options are called otherwise then.
TAKEN = ("output", "json", "partials", "local", "help", "param")


class Prompt(NamedTuple):
    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join(map(str, (self.folder / "generated", ROOT / "facade")))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI_"))}
        return subprocess.run(  # noqa: S603  our own command
            [sys.executable, "-m", "images_api.cli", *arguments],
            cwd=self.folder,
            env=kept | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Prompt:
    folder = tmp_path_factory.mktemp("drill")
    contract = folder / CONTRACT.name
    shutil.copyfile(CONTRACT, contract)
    add(contract, (UPSCALE, UPSCALE_REQUEST), (COLLAGE, COLLAGE_REQUEST))
    yaml = YAML()
    document = yaml.load(contract)
    properties = document["components"]["schemas"]["CreateImageRequest"]["properties"]
    properties["mood"] = {"description": "How it feels.", "type": "string", "enum": ["calm", "wild"]}
    properties["crisp"] = {"description": "Whether lines are sharp.", "type": "boolean"}
    properties["weights"] = {"description": "How much of each.", "type": "array", "items": {"type": "number"}}
    for name in TAKEN:
        properties[name] = {"description": "x.", "type": "string"}
    yaml.dump(document, contract)
    generate(folder / "generated" / PACKAGE.name, contract=contract)
    (folder / "otter.png").write_bytes(drawn(32, 32))
    return Prompt(folder)


def test_a_new_operation_is_a_command(prompt: Prompt) -> None:
    said = prompt("--help").stdout
    assert "create-image-upscale  Make an image larger." in said
    assert "create-image-collage  Draw a collage." in said
    said = prompt("create-image-upscale", "--help").stdout
    assert said.startswith("Usage: images-api create-image-upscale [OPTIONS] IMAGE SCALE\n\n  Make an image larger.\n")
    assert "SCALE  How many times as wide and as high it becomes.  [2 to 4]" in said
    done = prompt("create-image-upscale", "otter.png", "2", "--local", "-o", "large.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "large.png\n", "")
    with Image.open(prompt.folder / "large.png") as image:
        assert image.format == "PNG"


def test_what_a_new_operation_refuses_is_refused(prompt: Prompt) -> None:
    done = prompt("create-image-upscale", "otter.png", "9", "--local")
    assert (done.returncode, done.stderr) == (2, "error: scale must be at most 4, got 9\n")
    done = prompt("create-image-upscale", "otter.png", "big", "--local")
    assert "error: Invalid value for 'SCALE': 'big' is not a valid integer.\n" in done.stderr


def test_what_may_be_given_by_position_may_be_left_out(prompt: Prompt) -> None:
    said = prompt("create-image-collage", "--help").stdout
    assert said.startswith("Usage: images-api create-image-collage [OPTIONS] INPUT [FILTER]")
    for more, fields in (([], {}), (["fish", "--class", "3"], {"filter": "fish", "class": 3})):
        done = prompt("create-image-collage", "x", *more, "--aspect-ratio", "1.5", "--local", "--dry-run", "--json")
        assert json.loads(done.stdout)["fields"] == fields | {"input": "x", "aspectRatio": 1.5}


def test_a_new_parameter_is_an_option(prompt: Prompt) -> None:
    said = prompt("generate", "--help").stdout
    assert "--mood TEXT" in said
    assert "How it feels.  [calm, wild]" in said
    assert "--crisp / --no-crisp" in said
    given = ["--mood", "calm", "--no-crisp", "--weights", "[1, 0.5]"]
    done = prompt("generate", "x", *given, "--local", "--dry-run", "--json")
    assert json.loads(done.stdout)["fields"].items() >= {"mood": "calm", "crisp": False, "weights": [1, 0.5]}.items()
    assert "mood" in prompt("models", "--json").stdout


def test_a_parameter_that_is_called_like_an_option_of_our_own_can_be_said(prompt: Prompt) -> None:
    given = [part for name in TAKEN for part in (f"--api-{name}", name)]
    done = prompt("generate", "x", *given, "--local", "--dry-run", "--json")
    assert json.loads(done.stdout)["fields"].items() >= {name: name for name in TAKEN}.items()


@pytest.mark.parametrize(
    ("words", "wanted"), [("create-image-up", ["create-image-upscale"]), ("generate --mood ", ["calm", "wild"])]
)
def test_they_are_completed(prompt: Prompt, words: str, wanted: list[str]) -> None:
    asked = {"COMP_WORDS": f"images-api {words}", "COMP_CWORD": str(len(words.split(" ")))}
    done = prompt(_IMAGES_API_COMPLETE="bash_complete", **asked)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == wanted
