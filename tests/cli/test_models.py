"""The command `models`: its table, its blocks, its JSON, what it completes and refuses, and how it looks on a terminal."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from changed_contract import ChangedContract, with_operations
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from generation import our_contract
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST
from platforms import needs_terminals
from terminals import PIPE, Terminal, recorded

from images_api.cli import _models
from images_api.cli._families import families, known_models
from images_api.cli._operations import commands, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

RUN = "from images_api.cli._models import models; models()"
# The same on a day that stays, whenever the tests run.
ON_A_DAY = """
from datetime import date
from images_api.cli import _models
_models.date = type("Day", (date,), {"today": staticmethod(lambda: date(2026, 11, 26))})
_models.models()
"""
FACTS = set(
    "taken required types choices open form bounds sides image default fields bodies".split()  # noqa: SIM905  as the help lists them
)


@pytest.fixture(autouse=True)
def _on_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(date):
        @classmethod
        def today(cls) -> Day:
            return cls(2026, 11, 26)

    monkeypatch.setattr(_models, "date", Day)


def run(*arguments: str, columns: int = 80, code: int = 0, **environment: str) -> Result:
    result = CliRunner().invoke(_models.models, arguments, env={"COLUMNS": str(columns), "TERM": "xterm"} | environment)
    assert result.exit_code == code, result.output
    return result


def told(*arguments: str) -> Any:
    return json.loads(run("--json", *arguments).stdout)


class TestTheTable:
    @pytest.mark.parametrize("columns", [4, 20, 40, 80, 109, 110, 120, 200])
    def test_keeps_within_its_columns_and_loses_nothing(self, columns: int) -> None:
        lines = run(columns=columns).stdout.splitlines()
        assert max(map(len, lines)) <= columns
        assert not any(line.endswith(" ") for line in lines)
        shown = re.sub(r"\s", "", "".join(lines))
        assert all(model in shown for model in known_models())
        if 40 <= columns < 110:
            assert "autoorWIDTHxHEIGHT:multiplesof16,nosideabove3840,655360to8294400pixels,ratioatmost3:1" in shown
            assert "gpt-image-1.5,chatgpt-image-latest:until2026-12-01,thengpt-image-2" in shown

    def test_has_a_row_for_each_family(self) -> None:
        lines = run(columns=400).stdout.splitlines()
        assert re.split(r"\s{2,}", lines[0]) == ["commands", "n", "size", "output_format", "quality", "images in", "state"]
        row = lines[lines.index("dall-e-3") + 1]
        assert re.split(r"\s{2,}", row) == [
            "generate",
            "1",
            "1024x1024, 1792x1024, 1024x1792",
            "standard, hd",
            "retired 2026-05-12, use gpt-image-2.5-flare",
        ]
        start = lines.index("gpt-image-2 before 2.5")
        assert lines[start + 1] == "  gpt-image-2, gpt-image-2-2026-04-21"
        assert re.match("generate, edit +1 to 10 +auto or WIDTHxHEIGHT: multiples of 16", lines[start + 2])
        assert lines[start + 3].strip() == "also mask"

    def test_has_models_that_no_family_knows(self, tmp_path: Path) -> None:
        document = our_contract()
        document["components"]["schemas"]["ImageModel"]["enum"] += ["pixie-1", "pixie-2"]
        shown = ChangedContract(tmp_path, document).run(RUN).stdout
        assert "\npixie-1, pixie-2\n  commands       generate, edit, variation\n  n              at least 1\n" in shown

    def test_says_of_each_command_what_is_not_the_same(self, tmp_path: Path) -> None:
        document = our_contract()
        request = document["components"]["schemas"]["CreateImageVariationRequest"]
        request["then"]["allOf"].append({"if": {"required": ["model"]}, "then": {"properties": {"n": {"maximum": 3}}}})
        shown = ChangedContract(tmp_path, document).run(RUN, COLUMNS="80").stdout
        assert re.search(r"n +generate, edit: 1 to 10\n +variation: 1 to 3\n", shown)


class TestDetails:
    def test_show_every_operation_and_every_parameter(self) -> None:
        for each in families():
            shown = run(str(each.title), columns=300).stdout
            for command, operation in commands().items():
                text = shown.partition(f"\n{command}")[2].partition("\n\n")[0]
                if each.use(operation).bodies:
                    assert all(re.search(rf"\b{name}\b", text) for name in parameters(operation))
                else:
                    assert text.startswith(": not taken (")

    def test_of_a_model_that_is_known(self) -> None:
        shown = run("gpt-image-1", columns=200).stdout.splitlines()
        assert shown[:3] == [
            "gpt-image-1.x and chatgpt-image",
            "  gpt-image-1",
            "  state  retired 2026-10-23, use gpt-image-2.5-flare",
        ]
        assert "  prompt              1 to 32000 characters; required" in shown
        assert "  image               1 to 16 png, jpeg or webp images, under 50 MB each; required" in shown
        assert "  not taken: response_format (leave it out: base64 always comes), style" in shown
        assert "variation: not taken (GPT models create and edit, they do not vary)" in shown

    @pytest.mark.parametrize("model", ["gpt-image-3", "gpt-image-2.5-flare-2031-01-01"])
    def test_of_a_model_that_fits_a_familys_pattern(self, model: str) -> None:
        shown = run(model).stdout.splitlines()
        assert shown[:3] == ["gpt-image-2.5 and later", f"  {model}", "  state  not listed by the contract"]

    def test_of_a_model_that_is_free(self) -> None:
        shown = run("black-forest-labs/FLUX.2", columns=200).stdout
        assert shown.startswith("black-forest-labs/FLUX.2\nA free model: it belongs to no family that the contract knows")
        assert "  output_compression  integer\n" in shown
        assert "  image               one or more images; required\n" in shown
        assert "not taken" not in shown

    def test_of_a_family_in_words_and_of_a_wide_one(self) -> None:
        assert run("gpt-image-2", "before", "2.5").stdout == run("GPT-image-2 BEFORE 2.5").stdout
        titles = [line for line in run("GPT image models").stdout.splitlines() if line in {each.title for each in families()}]
        assert titles == [
            "gpt-image-2.5 and later",
            "gpt-image-2 before 2.5",
            "gpt-image-1.x and chatgpt-image",
            "gpt-image-1-mini",
        ]


class TestJson:
    def test_is_complete(self) -> None:
        found = told()
        assert found["as_of"] == "2026-11-26"
        assert [model["id"] for family in found["families"] for model in family["models"]] == sorted(
            known_models(), key=[model for each in families() for model in each.models].index
        )
        for family in found["families"]:
            assert family.keys() == {"title", "models", "operations"}
            assert all(model.keys() == {"id", "state", "date", "successor"} for model in family["models"])
            assert list(family["operations"]) == list(commands())
            for command, operation in family["operations"].items():
                assert operation.keys() == {"id", "taken", "reason", "streams", "bodies", "parameters"}
                assert list(operation["parameters"]) == list(parameters(commands()[command]))
                for facts in operation["parameters"].values():
                    self.check_facts(facts, is_taken=operation["taken"])

    def check_facts(self, facts: dict[str, Any], *, is_taken: bool) -> None:
        if facts["taken"]:
            assert is_taken
            assert facts.keys() == FACTS
            for field in facts["fields"].values():
                self.check_facts(field, is_taken=True)
        else:
            assert facts.keys() == {"taken", "reason"}

    def test_tells_values_as_the_contract_has_them(self) -> None:
        (family,) = told("dall-e-2")["families"]
        assert family["models"] == [
            {"id": "dall-e-2", "state": "retired", "date": "2026-05-12", "successor": "gpt-image-2.5-flare"}
        ]
        edit = family["operations"]["edit"]
        assert (edit["taken"], edit["streams"], edit["bodies"]) == (True, False, ["multipart/form-data"])
        assert edit["parameters"]["image"] == {
            "taken": True,
            "required": True,
            "types": ["string"],
            "choices": [],
            "open": True,
            "form": None,
            "bounds": {"minItems": 1, "maxItems": 1},
            "sides": {},
            "image": {"types": ["image/png"], "bytesBelow": 4194304, "square": True},
            "default": None,
            "fields": {},
            "bodies": ["multipart/form-data"],
        }
        assert edit["parameters"]["moderation"] == {"taken": False, "reason": "dall-e-2 takes uploaded images only"}
        assert edit["parameters"]["markup"] == {"taken": False, "reason": None}
        size = told("gpt-image-2")["families"][0]["operations"]["generate"]["parameters"]["size"]
        assert size["sides"] == {
            "multipleOf": 16,
            "maximum": 3840,
            "minimumPixels": 655360,
            "maximumPixels": 8294400,
            "maximumRatio": 3,
        }
        assert (size["open"], size["form"]) == (True, "auto or WIDTHxHEIGHT")

    def test_of_one_is_what_the_whole_has(self) -> None:
        whole = told()["families"]
        assert [told(each["title"])["families"] for each in whole] == [[each] for each in whole]

    def test_of_a_model_that_nobody_knows(self) -> None:
        (family,) = told("模型")["families"]
        assert family["title"] is None
        assert family["models"] == [{"id": "模型", "state": "unlisted", "date": None, "successor": None}]
        assert all(each["taken"] for each in family["operations"].values())
        assert family["operations"]["generate"]["parameters"]["n"]["bounds"] == {"minimum": 1}

    def test_has_what_is_added_to_the_contract(self, tmp_path: Path) -> None:
        changed = with_operations(tmp_path, (UPSCALE, UPSCALE_REQUEST), (COLLAGE, COLLAGE_REQUEST))
        for family in changed.told(RUN, "--json")["families"]:
            upscale = family["operations"]["create-image-upscale"]
            assert upscale["parameters"]["scale"]["bounds"] == {"minimum": 2, "maximum": 4}
            assert upscale["parameters"]["image"]["image"] == {"types": ["image/png"]}
            assert family["operations"]["create-image-collage"]["parameters"]["format"]["choices"] == ["a4", "letter"]
        assert changed.run(RUN).stdout.count("create-image-upscale") >= len(families())


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("dalle-3", "dalle-3 is no model that is known; did you mean dall-e-3?"),
            ("gpt-imgae-2", "gpt-imgae-2 is no model that is known; did you mean gpt-image-2?"),
            ("a\x1b[31m", "'a\\x1b[31m' can't be the name of a model"),
            ("\udcff", "'\\udcff' can't be the name of a model"),
            (" ", "' ' can't be the name of a model"),
            ("", "'' can't be the name of a model"),
        ],
    )
    def test_name_what_is_wrong(self, name: str, message: str) -> None:
        result = run(name, code=2)
        assert f"Error: {message}" in result.stderr
        assert result.stdout == ""


class TestCompletion:
    @pytest.mark.parametrize(
        ("before", "incomplete", "offered"),
        [
            ([], "dall", ["dall-e-3", "dall-e-2"]),
            ([], "GPT-image-2 ", ["gpt-image-2 before 2.5"]),
            ([], "gpt-image-1-", ["gpt-image-1-mini"]),
            (["gpt-image-2.5"], "a", ["and later"]),
            (["gpt-image-2.5", "and"], "", ["later"]),
            ([], "flux", []),
        ],
    )
    def test_offers_models_and_titles(self, before: list[str], incomplete: str, offered: list[str]) -> None:
        found = ShellComplete(_models.models, {}, "models", "_MODELS").get_completions(before, incomplete)
        assert [each.value for each in found] == offered

    def test_offers_all(self) -> None:
        found = {each.value for each in ShellComplete(_models.models, {}, "models", "_MODELS").get_completions([], "")}
        assert found == {*known_models(), *(str(each.title) for each in families())}


class TestAnyOutput:
    def test_a_pipe_gets_plain_text(self, tmp_path: Path) -> None:
        shown = ChangedContract(tmp_path, our_contract()).run(RUN)
        assert (shown.code, shown.stderr) == (0, "")
        assert "\x1b" not in shown.stdout
        assert "gpt-image-2.5-sunburst-2026-09-08" in shown.stdout

    def test_an_encoding_that_has_little(self, tmp_path: Path) -> None:
        shown = ChangedContract(tmp_path, our_contract()).run(RUN, COLUMNS="120", PYTHONIOENCODING="ascii")
        assert (shown.code, shown.stderr) == (0, "")
        assert "-" * 120 in shown.stdout

    @pytest.mark.parametrize(
        ("arguments", "forbidden"),
        [
            (["--help"], "httpx rich jsonschema_rs PIL textual_image images_api._contract images_api._client"),
            (["--json"], "httpx rich PIL textual_image images_api._client"),
            ([], "httpx PIL textual_image images_api._client"),
        ],
    )
    def test_imports_no_more_than_it_needs(self, arguments: list[str], forbidden: str, tmp_path: Path) -> None:
        script = f"import sys; {RUN.replace('()', '(standalone_mode=False)')}; print(*sys.modules, file=sys.stderr)"
        done = ChangedContract(tmp_path, our_contract()).run(script, *arguments)
        assert done.code == 0, done.stderr
        assert set(done.stderr.split()) & set(forbidden.split()) == set()


@needs_terminals
class TestOnATerminal:
    @pytest.mark.parametrize("columns", [40, 80, 120])
    @pytest.mark.parametrize("arguments", [[], ["gpt-image-1-mini"]], ids=["table", "one"])
    def test_in_colour(self, arguments: list[str], columns: int) -> None:
        with Terminal([sys.executable, "-c", ON_A_DAY, *arguments], columns=columns, rows=250) as terminal:
            assert terminal.wait() == 0
            recorded(f"models-{'one' if arguments else 'table'}-{columns}", terminal.screen.markup)

    def test_without_colour(self) -> None:
        with Terminal([sys.executable, "-c", ON_A_DAY], env={"NO_COLOR": "1"}, rows=250) as terminal:
            assert terminal.wait() == 0
            assert not re.search(rb"\x1b\[[0-9;]*(3|4|9|10)[0-7]m", terminal.raw)
            recorded("models-table-80-no-color", terminal.screen.markup)

    def test_a_pipe_beside_a_terminal_is_plain(self) -> None:
        with Terminal([sys.executable, "-c", ON_A_DAY], stdout=PIPE) as terminal:
            assert terminal.wait() == 0
            assert b"\x1b" not in terminal.stdout
            assert terminal.raw == b""
