"""The sandbox with operations that only a changed openapi.yaml has: nothing in it knows them by name."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from generation import CONTRACT, ROOT, generate
from pictures import drawn
from PIL import Image
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS = """
/images/upscale:
  post:
    operationId: createImageUpscale
    tags: [images]
    summary: Enlarge an image.
    requestBody:
      required: true
      content:
        multipart/form-data: {schema: {$ref: '#/components/schemas/CreateImageUpscaleRequest'}}
        application/json: {schema: {$ref: '#/components/schemas/CreateImageUpscaleByReferenceRequest'}}
    responses: &answers {'200': {$ref: '#/components/responses/Images'}}
/images/cutouts:
  put:
    operationId: cutOut
    tags: [images]
    summary: Cut out what an image shows.
    requestBody:
      required: true
      content: {multipart/form-data: {schema: {$ref: '#/components/schemas/CutOutRequest'}}}
    responses: *answers
/icons:
  post:
    operationId: createIcon
    tags: [images]
    summary: Draw an icon.
    requestBody:
      required: true
      content: {application/json: {schema: {$ref: '#/components/schemas/CreateIconRequest'}}}
    responses: *answers
/images/reviews:
  post:
    operationId: createReview
    tags: [images]
    summary: Count what an image would cost.
    requestBody:
      required: true
      content: {application/json: {schema: {$ref: '#/components/schemas/CreateIconRequest'}}}
    responses: {'200': {description: Counts., content: {application/json: {schema: {$ref: '#/components/schemas/ImageUsage'}}}}}
"""
SCHEMAS = """
CreateImageUpscaleRequest:
  description: What to enlarge.
  type: object
  required: [image, scale]
  properties:
    image: {description: The image., type: string, format: binary, x-image: {types: [image/png, image/jpeg]}}
    scale: {description: By how much., type: integer, minimum: 2, maximum: 4}
    sharpness: {description: How sharp., type: [number, 'null'], minimum: 0, maximum: 1}
    crop: {description: Where to cut., type: array, items: {type: integer}, maxItems: 4}
    model: &model
      description: The model that draws.
      anyOf: [{$ref: '#/components/schemas/ImageModel'}, {type: string}, {type: 'null'}]
    response_format: &response_format {$ref: '#/components/schemas/ResponseFormat'}
    stream: &stream {$ref: '#/components/schemas/Stream'}
    partial_images: &partial_images {$ref: '#/components/schemas/PartialImages'}
CreateImageUpscaleByReferenceRequest:
  description: What to enlarge.
  type: object
  required: [image, scale]
  properties:
    image: {$ref: '#/components/schemas/ImageReference', x-reference-of: image}
    scale: {description: By how much., type: integer, minimum: 2, maximum: 4}
    model: *model
CutOutRequest:
  description: What to cut out.
  type: object
  required: [image]
  properties:
    image: {description: The image., type: string, format: binary, x-image: {}}
    mask: {description: Where., type: string, format: binary, x-image: {sameSizeAs: image}}
    stream: *stream
CreateIconRequest:
  description: What to draw.
  type: object
  required: [motif, tone]
  properties:
    tone: {description: How it feels., type: string, enum: [warm, cold]}
    motif: {description: What it shows., type: string, minLength: 1}
    n: {$ref: '#/components/schemas/ImageCount'}
    response_format: *response_format
    stream: *stream
    partial_images: *partial_images
"""
OWN_EVENTS = {
    "image_cutout.partial_image": "#/components/schemas/PartialImageEvent",
    "image_cutout.completed": "#/components/schemas/CompletedImageEvent",
}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a sandbox whose contract has some operations more."""
    folder = tmp_path_factory.mktemp("changed")
    yaml = YAML(typ="safe")
    document = yaml.load(CONTRACT)
    document["paths"] |= yaml.load(OPERATIONS)
    document["components"]["schemas"] |= yaml.load(SCHEMAS)
    document["components"]["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"] |= OWN_EVENTS
    yaml.dump(document, folder / CONTRACT.name)
    generate(folder / "images_api_client", contract=folder / CONTRACT.name)
    paths = os.pathsep.join([str(folder), str(ROOT / "facade")])
    command = [sys.executable, "-W", "error", "-m", "images_api.sandbox", "--any-model"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}) as process:  # noqa: S603  ourselves
        assert process.stdout is not None
        try:
            with httpx.Client(base_url=process.stdout.readline().strip(), trust_env=False) as client:
                yield client
        finally:
            process.terminate()


def opened(entry: dict[str, Any]) -> Image.Image:
    """The image of a response's or an event's entry, decoded to its last pixel."""
    image = Image.open(BytesIO(base64.b64decode(entry["b64_json"], validate=True)))
    image.load()
    return image


def answer(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return dict(response.json())


def refusal(response: httpx.Response) -> tuple[str, str]:
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    return error["param"], error["code"]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line.startswith("data: ")]


class TestUpscale:
    def upscale(self, http: httpx.Client, image: bytes | None = None, **fields: Any) -> httpx.Response:
        files = {"image": ("a.png", drawn(48, 32) if image is None else image)}
        return http.post("/images/upscale", data={"scale": 2, **fields}, files=files)

    def test_it_draws(self, http: httpx.Client) -> None:
        first, again, other = (answer(self.upscale(http, scale=scale)) for scale in (2, 2, 3))
        assert opened(first["data"][0]).size == (48, 32)
        assert first["size"] == "48x32"
        assert first["usage"]["input_tokens_details"]["image_tokens"] > 0
        assert first["data"] == again["data"] != other["data"]

    def test_another_image_looks_different(self, http: httpx.Client) -> None:
        responses = [answer(self.upscale(http, drawn(48, 32, mode=mode))) for mode in ("L", "1")]
        assert responses[0]["data"] != responses[1]["data"]

    @pytest.mark.parametrize(
        ("fields", "refused"),
        [
            ({"scale": 5}, ("scale", "integer_above_max_value")),
            ({"scale": 1}, ("scale", "integer_below_min_value")),
            ({"scale": "two"}, ("scale", "invalid_type")),
            ({"scale": None}, ("scale", "invalid_type")),
            ({"sharpness": "1.5"}, ("sharpness", "integer_above_max_value")),
            ({"sharpness": "very"}, ("sharpness", "invalid_type")),
            ({"crop[]": [1, 2, 3, 4, 5]}, ("crop", "array_above_max_length")),
            ({"crop[]": [1, "x"]}, ("crop.1", "invalid_type")),
            ({"size": "64x64"}, ("size", "unknown_parameter")),
            ({"prompt": "x", "model": "gpt-image-2"}, ("prompt", "unknown_parameter")),
        ],
    )
    def test_it_is_checked(self, http: httpx.Client, fields: dict[str, Any], refused: tuple[str, str]) -> None:
        assert refusal(self.upscale(http, **fields)) == refused

    def test_images_are_checked(self, http: httpx.Client) -> None:
        assert refusal(self.upscale(http, drawn(kind="WEBP"))) == ("image", "invalid_image_file")
        assert refusal(self.upscale(http, drawn()[:-40])) == ("image", "invalid_image_file")
        assert refusal(http.post("/images/upscale", data={"scale": 2}, files={"x": b""})) == (
            "image",
            "missing_required_parameter",
        )

    def test_numbers_and_lists_have_the_contracts_types(self, http: httpx.Client) -> None:
        fields: dict[str, Any] = {"sharpness": "0.5", "crop[]": [1, 2, 3, 4]}
        answer(self.upscale(http, **fields))

    def test_the_models_of_other_servers_take_more(self, http: httpx.Client) -> None:
        said = answer(self.upscale(http, model="my-model", seed=1))
        assert {name for name, value in said.items() if value is not None} == {"created", "data"}

    def test_it_answers_links(self, http: httpx.Client) -> None:
        linked = answer(self.upscale(http, response_format="url", model="my-model"))["data"][0]["url"]
        fetched = http.get(linked)
        assert fetched.headers["content-type"] == "image/png"
        assert fetched.content == base64.b64decode(answer(self.upscale(http, model="my-model"))["data"][0]["b64_json"])

    def test_it_streams(self, http: httpx.Client) -> None:
        sent = events(self.upscale(http, stream="true", partial_images=2))
        assert [event["type"] for event in sent] == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]
        assert {opened(event).size for event in sent} == {(48, 32)}
        assert sent[-1]["b64_json"] == answer(self.upscale(http))["data"][0]["b64_json"]

    def test_an_image_by_reference(self, http: httpx.Client) -> None:
        def ask(image: bytes, kind: str = "png", **fields: Any) -> httpx.Response:
            url = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
            return http.post("/images/upscale", json={"image": {"image_url": url}, "scale": 2, **fields})

        assert answer(ask(drawn(48, 32)))["data"] == answer(self.upscale(http))["data"]
        assert refusal(ask(drawn(48, 32), scale=5)) == ("scale", "integer_above_max_value")
        assert refusal(ask(drawn(kind="WEBP"), "webp")) == ("image", "invalid_image_file")
        by_id = http.post("/images/upscale", json={"image": {"file_id": "file-1"}, "scale": 2})
        assert refusal(by_id) == ("image.file_id", "invalid_value")

    def test_its_own_image_by_reference(self, http: httpx.Client) -> None:
        url = answer(self.upscale(http, response_format="url", model="my-model"))["data"][0]["url"]
        enlarged = answer(http.post("/images/upscale", json={"image": {"image_url": url}, "scale": 4}))
        assert opened(enlarged["data"][0]).size == (48, 32)


class TestWithoutAModel:
    def cut_out(self, http: httpx.Client, **more: Any) -> httpx.Response:
        files = {"image": ("a.png", drawn(96, 128)), **more.pop("files", {})}
        return http.put("/images/cutouts", data=more, files=files)

    def test_it_draws_and_tells_all(self, http: httpx.Client) -> None:
        said = answer(self.cut_out(http))
        assert opened(said["data"][0]).size == (96, 128)
        told = {name for name, value in said.items() if value is not None}
        assert told == {"created", "data", "background", "output_format", "quality", "size", "usage"}

    def test_a_mask_says_where(self, http: httpx.Client) -> None:
        mask = Image.new("RGBA", (96, 128), "black")
        mask.paste((0, 0, 0, 0), (0, 0, 48, 128))
        file = BytesIO()
        mask.save(file, "PNG")
        source = Image.open(BytesIO(drawn(96, 128))).convert("RGB")
        masked = opened(answer(self.cut_out(http, files={"mask": ("m.png", file.getvalue())}))["data"][0]).convert("RGB")
        right = (48, 0, 96, 128)
        assert masked.crop(right).tobytes() == source.crop(right).tobytes()
        assert masked.tobytes() != source.tobytes()

    def test_it_is_checked(self, http: httpx.Client) -> None:
        assert refusal(self.cut_out(http, model="gpt-image-2")) == ("model", "unknown_parameter")
        assert refusal(self.cut_out(http, files={"mask": ("m.png", drawn(9, 9))})) == ("mask", "invalid_image_file")

    def test_events_have_the_names_that_the_contract_has_for_them(self, http: httpx.Client) -> None:
        sent = events(self.cut_out(http, stream="true"))
        assert [event["type"] for event in sent] == ["image_cutout.completed"]
        assert opened(sent[0]).size == (96, 128)


class TestWithoutFiles:
    ICON: dict[str, Any] = {"motif": "an otter", "tone": "warm"}  # noqa: RUF012  nobody changes it

    def draw(self, http: httpx.Client, **fields: Any) -> httpx.Response:
        return http.post("/icons", json={**self.ICON, **fields})

    def test_it_draws(self, http: httpx.Client) -> None:
        said = answer(self.draw(http, n=2))
        first, second = (opened(entry) for entry in said["data"])
        assert first.size == second.size == (1024, 1024)
        assert first.tobytes() != second.tobytes()

    def test_its_required_text_is_its_prompt(self, http: httpx.Client) -> None:
        short, long = (answer(self.draw(http, motif=motif)) for motif in ("an otter", "an otter " * 40))
        assert short["data"] != long["data"]
        tokens = [said["usage"]["input_tokens_details"]["text_tokens"] for said in (short, long)]
        assert tokens == sorted(set(tokens))

    @pytest.mark.parametrize(
        ("fields", "refused"),
        [
            ({"tone": "sad"}, ("tone", "invalid_value")),
            ({"motif": ""}, ("motif", "empty_string")),
            ({"motif": None}, ("motif", "invalid_type")),
            ({"n": 0}, ("n", "integer_below_min_value")),
            ({"scale": 2}, ("scale", "unknown_parameter")),
        ],
    )
    def test_it_is_checked(self, http: httpx.Client, fields: dict[str, Any], refused: tuple[str, str]) -> None:
        assert refusal(self.draw(http, **fields)) == refused

    def test_it_streams(self, http: httpx.Client) -> None:
        sent = events(self.draw(http, stream=True, partial_images=1))
        assert [event["type"] for event in sent] == ["image_generation.partial_image", "image_generation.completed"]
        assert {opened(event).size for event in sent} == {(1024, 1024)}


def test_what_was_there_before_still_is(http: httpx.Client) -> None:
    said = answer(http.post("/images/generations", json={"prompt": "x", "size": "64x64", "model": "gpt-image-next"}))
    assert opened(said["data"][0]).size == (64, 64)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/images/upscale", 405), ("POST", "/images/cutouts", 405), ("POST", "/images/reviews", 404)],
)
def test_nothing_else_is_answered(http: httpx.Client, method: str, path: str, status: int) -> None:
    assert http.request(method, path).status_code == status
