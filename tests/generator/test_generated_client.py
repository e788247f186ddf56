"""The generated client alone, as a vendor has it: copied under another name, with httpx and attrs and nothing else."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from generation import PACKAGE, ROOT, Part, form_parts, make_environment, our_contract
from PIL import Image

from images_api.sandbox import Sandbox
from tools.vendor import vendor

if TYPE_CHECKING:
    from images_api.sandbox._journal import ReceivedRequest

KEY = "sk-vendor"
SCHEMAS = our_contract()["components"]["schemas"]
MODEL, VARYING_MODEL = (
    SCHEMAS[request]["properties"]["model"]["default"] for request in ("CreateImageRequest", "CreateImageVariationRequest")
)
MODES = ("sync", "async")
STREAMS = ("streamed creation", "streamed edit", "streamed variation")
CALLS = ("creation", "edit", "edit by reference", "variation", "refused", "stranger", *STREAMS)


class Run(NamedTuple):
    """What the vendored client said of each call, and what the server got."""

    said: dict[str, Any]
    requests: tuple[ReceivedRequest, ...]
    png: bytes

    def reply(self, mode: str, call: str) -> dict[str, Any]:
        reply: dict[str, Any] = self.said["replies"][mode][CALLS.index(call)]
        return reply

    def request(self, mode: str, call: str) -> ReceivedRequest:
        return self.requests[MODES.index(mode) * len(CALLS) + CALLS.index(call)]

    def json(self, mode: str, call: str) -> Any:
        request = self.request(mode, call)
        assert request.headers["content-type"] == "application/json"
        return json.loads(request.body)

    def parts(self, mode: str, call: str) -> list[Part]:
        request = self.request(mode, call)
        return form_parts(request.headers["content-type"], request.body)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("vendor")
    environment = make_environment(folder / "venv", "httpx", "attrs")
    host = environment.packages / "acme"
    host.mkdir()
    vendor(host, "pictures")
    picture = folder / "otter.png"
    Image.new("RGBA", (256, 256)).save(picture)
    with Sandbox(api_key=KEY, any_model=True) as sandbox:
        output = environment.run(ROOT / "tests" / "support" / "vendored_calls.py", sandbox.base_url, KEY, str(picture))
        return Run(json.loads(output), sandbox.requests, picture.read_bytes())


def pictures(reply: dict[str, Any]) -> list[tuple[str | None, tuple[int, int]]]:
    assert reply["status"] == 200, reply
    opened = [Image.open(BytesIO(b64decode(content, validate=True))) for content in reply["pictures"]]
    return [(picture.format, picture.size) for picture in opened]


def test_nothing_else_is_installed(run: Run) -> None:
    assert run.said["missing"] == ["images_api", "images_api_client", "jsonschema_rs", "pybase64", "dateutil", "PIL"]


def test_every_module_is_imported_from_the_copy(run: Run) -> None:
    copied = {path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    wanted = {".".join(("acme", "pictures", *parts)).removesuffix(".__init__") for parts in copied}
    assert {*run.said["modules"], "acme.pictures"} == wanted


def test_it_says_which_contract_it_keeps(run: Run) -> None:
    assert run.said["version"] == our_contract()["info"]["version"]


@pytest.mark.parametrize("mode", MODES)
class TestCalls:
    def test_pictures_are_created(self, run: Run, mode: str) -> None:
        reply = run.reply(mode, "creation")
        assert pictures(reply) == [("WEBP", (64, 32))] * 2
        assert reply["format"] == "webp"
        assert reply["tokens"] > 0
        assert run.json(mode, "creation") == {
            "prompt": "an otter, größer",
            "n": 2,
            "size": "64x32",
            "model": "gpt-image-next",
            "output_format": "webp",
        }

    def test_pictures_are_edited(self, run: Run, mode: str) -> None:
        assert pictures(run.reply(mode, "edit")) == [("PNG", (256, 256))]
        assert run.parts(mode, "edit") == [
            Part("prompt", None, None, b"a beret"),
            Part("model", None, None, MODEL.encode()),
            Part("quality", None, None, b"low"),
            Part("stream", None, None, b"false"),
            Part("image[]", "größe 1.png", "image/png", run.png),
            Part("image[]", "upload.png", "image/png", run.png),
            Part("mask", "mask.png", "image/png", run.png),
        ]

    def test_pictures_are_edited_by_reference(self, run: Run, mode: str) -> None:
        assert pictures(run.reply(mode, "edit by reference")) == [("PNG", (256, 256))]
        body = run.json(mode, "edit by reference")
        assert b64decode(body.pop("images")[0]["image_url"].removeprefix("data:image/png;base64,")) == run.png
        assert body == {"prompt": "a beret", "model": MODEL, "n": None, "user": "u"}

    def test_a_picture_is_varied(self, run: Run, mode: str) -> None:
        assert pictures(run.reply(mode, "variation")) == [("PNG", (256, 256))]
        assert run.parts(mode, "variation") == [
            Part("model", None, None, VARYING_MODEL.encode()),
            Part("size", None, None, b"256x256"),
            Part("response_format", None, None, b"b64_json"),
            Part("image", "upload.png", "image/png", run.png),
        ]

    def test_a_refusal_is_parsed(self, run: Run, mode: str) -> None:
        reply = run.reply(mode, "refused")
        assert (reply["status"], reply["param"]) == (400, "n")
        assert reply["message"]

    def test_a_client_without_a_token_sends_none(self, run: Run, mode: str) -> None:
        assert run.reply(mode, "stranger")["status"] == 401
        assert run.reply(mode, "stranger")["message"]
        assert "authorization" not in run.request(mode, "stranger").headers
        assert "authorization" in run.request(mode, "creation").headers

    @pytest.mark.parametrize(
        ("call", "partial", "drawn"),
        [
            ("streamed creation", [0, 1], ("WEBP", (64, 32))),
            ("streamed edit", [0], ("PNG", (256, 256))),
            ("streamed variation", [], ("PNG", (256, 256))),
        ],
    )
    def test_pictures_are_streamed(self, run: Run, mode: str, call: str, partial: list[int], drawn: object) -> None:
        reply = run.reply(mode, call)
        assert pictures(reply) == [drawn]
        assert reply["partial"] == partial
