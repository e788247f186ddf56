"""The sandbox over real sockets, driven by httpx and by a client that nobody here wrote: openai."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from PIL import Image, ImageChops, ImageOps
from platforms import needs_posix
from stopwatch import Stopwatch
from waiting import wait_until

from images_api.sandbox import Sandbox, Settings, create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# It has no least size, so that what is drawn for it is drawn fast.
GPT = "gpt-image-next"
SMALL = {"prompt": "x", "model": GPT, "size": "64x64"}


def png(width: int = 64, height: int = 64, mode: str = "RGB", kind: str = "PNG") -> bytes:
    file = BytesIO()
    ImageOps.fit(Image.linear_gradient("L"), (width, height)).convert(mode).save(file, kind)
    return file.getvalue()


def mask(width: int = 64, height: int = 64) -> bytes:
    """Transparent in its left half."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def contents(response: Any) -> list[bytes]:
    """The images of a response, as openai gives it or as JSON."""
    data = response["data"] if isinstance(response, dict) else [one.to_dict() for one in response.data]
    return [base64.b64decode(one["b64_json"]) for one in data]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-secret", base_url=sandbox.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, trust_env=False) as client:
        yield client


def post(http: httpx.Client, path: str, **request: Any) -> dict[str, Any]:
    response = http.post(path, **request)
    assert response.status_code == 200, response.text
    return dict(response.json())


def refusal(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["x-request-id"].startswith("req_")
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return dict(error)


class TestOpenAI:
    def test_generate(self, client: openai.OpenAI) -> None:
        response = client.images.generate(prompt="an otter", model=GPT, n=2, size="320x640")
        first, second = contents(response)
        assert opened(first).size == (320, 640)
        assert first != second
        assert abs(response.created - time.time()) < 60
        assert (response.size, response.quality) == ("320x640", "medium")
        assert (response.background, response.output_format) == ("opaque", "png")
        assert response.usage is not None
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
        details = response.usage.input_tokens_details
        assert details.image_tokens + details.text_tokens == response.usage.input_tokens

    def test_generate_with_links(self, client: openai.OpenAI, http: httpx.Client) -> None:
        response = client.images.generate(prompt="an otter", model="dall-e-3", size="1024x1792")
        assert response.data is not None
        assert response.data[0].b64_json is None
        assert (response.data[0].revised_prompt or "").startswith("an otter")
        assert (response.usage, response.size) == (None, None)
        fetched = http.get(str(response.data[0].url))
        assert fetched.headers["content-type"] == "image/png"
        assert opened(fetched.content).size == (1024, 1792)

    def test_the_same_image_as_text_and_as_a_link(self, client: openai.OpenAI, http: httpx.Client) -> None:
        linked = client.images.generate(prompt="x", model="dall-e-2", size="256x256")
        inline = client.images.generate(prompt="x", model="dall-e-2", size="256x256", response_format="b64_json")
        assert linked.data is not None
        assert http.get(str(linked.data[0].url)).content == contents(inline)[0]

    def test_edit_one(self, client: openai.OpenAI) -> None:
        response = client.images.edit(image=("a.png", png()), prompt="a beret", model=GPT)
        assert opened(contents(response)[0]).size == (64, 64)
        assert response.usage is not None
        assert response.usage.input_tokens_details.image_tokens > 0

    def test_edit_several(self, client: openai.OpenAI, sandbox: Sandbox) -> None:
        images = [("a.png", png()), ("b.jpg", png(kind="JPEG")), ("c.webp", png(kind="WEBP"))]
        response = client.images.edit(image=images, prompt="together", model=GPT, size="512x512")
        alone = client.images.edit(image=images[0], prompt="together", model=GPT, size="512x512")
        assert contents(response) != contents(alone)
        assert sandbox.requests[0].body.count(b'name="image[]"') == 3

    @pytest.mark.parametrize("size", ["auto", "128x128"])
    def test_edit_with_a_mask(self, client: openai.OpenAI, size: str) -> None:
        response = client.images.edit(image=("a.png", png()), mask=("m.png", mask()), prompt="x", model=GPT, size=size)
        edited = opened(contents(response)[0])
        source = opened(png()).resize(edited.size)
        changed = ImageChops.difference(edited.convert("RGB"), source).getbbox()
        assert changed is not None
        assert changed[2] <= edited.width // 2

    def test_edit_where_the_image_is_its_own_mask(self, client: openai.OpenAI) -> None:
        response = client.images.edit(
            image=("a.png", mask(256, 256)), prompt="x", model="dall-e-2", size="256x256", response_format="b64_json"
        )
        edited = opened(contents(response)[0]).convert("RGBA")
        assert edited.crop((128, 0, 256, 256)).getcolors() == [(128 * 256, (0, 0, 0, 255))]
        assert len(edited.crop((0, 0, 128, 256)).getcolors(1 << 20) or ()) > 100

    def test_variations(self, client: openai.OpenAI) -> None:
        with pytest.warns(DeprecationWarning, match="deprecated"):
            response = client.images.create_variation(  # pyright: ignore[reportDeprecated]
                image=("a.png", png()), n=3, model="small", size="256x256", response_format="b64_json"
            )
        assert len(set(contents(response))) == 3
        assert {opened(content).size for content in contents(response)} == {(256, 256)}

    @pytest.mark.parametrize("count", [1, 2])
    def test_stream_generate(self, client: openai.OpenAI, sandbox: Sandbox, count: int) -> None:
        stream = client.images.generate(prompt="x", model=GPT, size="256x256", n=count, stream=True, partial_images=3)
        events = [event.to_dict() for event in stream]
        one = ["image_generation.partial_image"] * 3 + ["image_generation.completed"]
        assert [event["type"] for event in events] == one * count
        assert [e["partial_image_index"] for e in events if "partial_image_index" in e] == [*(0, 1, 2) * count]
        for event in events:
            assert opened(base64.b64decode(str(event["b64_json"]))).size == (256, 256)
            facts = (event["size"], event["quality"], event["background"], event["output_format"])
            assert facts == ("256x256", "medium", "opaque", "png")
        assert all("usage" in event for event in events[3::4])
        assert sandbox.pictures_made == count
        plain = client.images.generate(prompt="x", model=GPT, size="256x256", n=count)
        assert [base64.b64decode(str(e["b64_json"])) for e in events[3::4]] == contents(plain)

    def test_stream_edit(self, client: openai.OpenAI) -> None:
        stream = client.images.edit(image=("a.png", png()), prompt="x", model=GPT, stream=True)
        assert [event.type for event in stream] == ["image_edit.completed"]

    @pytest.mark.anyio
    async def test_asynchronously(self, sandbox: Sandbox) -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=sandbox.base_url) as client:
            response = await client.images.generate(prompt="x", model=GPT, size="64x64")
        assert opened(contents(response)[0]).size == (64, 64)

    @pytest.mark.parametrize(
        ("call", "param", "code"),
        [
            (lambda i: i.generate(prompt="x", model=GPT, n=11), "n", "integer_above_max_value"),
            (lambda i: i.generate(prompt="x", model=GPT, n=0), "n", "integer_below_min_value"),
            (lambda i: i.generate(prompt="x", model=GPT, n="2"), "n", "invalid_type"),
            (lambda i: i.generate(prompt="x", model="dall-e-3", n=2), "n", "integer_above_max_value"),
            (lambda i: i.generate(prompt="x" * 1001, model="dall-e-2"), "prompt", "string_above_max_length"),
            (lambda i: i.generate(prompt="x", model="gpt-image-2", size="1000x1000"), "size", "invalid_value"),
            (lambda i: i.generate(prompt="x", model=GPT, quality="hd"), "quality", "invalid_value"),
            (lambda i: i.generate(prompt="x", model=GPT, response_format="url"), "response_format", "unknown_parameter"),
            (lambda i: i.generate(prompt="x", model=GPT, extra_body={"glow": 1}), "glow", "unknown_parameter"),
            (lambda i: i.edit(image=png(), prompt="x"), "image", "unsupported_file_mimetype"),
            (lambda i: i.edit(image=("a.png", b"no image"), prompt="x"), "image", "invalid_image_file"),
            (lambda i: i.edit(image=("a.png", png()[:-40]), prompt="x"), "image", "invalid_image_file"),
            (
                lambda i: i.edit(image=("a.png", png()), mask=("m.png", mask(32, 32)), prompt="x", model=GPT),
                "mask",
                "invalid_image_file",
            ),
            (lambda i: i.edit(image=("a.png", png(64, 32, "RGBA")), prompt="x", model="dall-e-2"), "image", "invalid_image_file"),
            (lambda i: i.edit(image=("a.png", png()), prompt="x", model="dall-e-3"), "model", "invalid_value"),
        ],
    )
    def test_refusals(
        self, client: openai.OpenAI, sandbox: Sandbox, call: Callable[[Any], object], param: str, code: str
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            call(client.images)
        assert (caught.value.param, caught.value.code) == (param, code)
        assert caught.value.type == "invalid_request_error"
        assert caught.value.request_id
        assert param in caught.value.message
        assert sandbox.pictures_made == 0

    def test_keys(self) -> None:
        with Sandbox(api_key="sk-right", any_model=True) as sandbox:
            with openai.OpenAI(api_key="sk-wrong", base_url=sandbox.base_url) as wrong:
                with pytest.raises(openai.AuthenticationError) as caught:
                    wrong.images.generate(prompt="x", model=GPT)
                right = wrong.with_options(api_key="sk-right")
                assert right.images.generate(prompt="x", model=GPT, size="64x64").data
            assert caught.value.code == "invalid_api_key"
            assert "sk-" not in caught.value.message
            bare = httpx.post(f"{sandbox.base_url}/images/generations", json={"prompt": "x"})
            assert refusal(bare, 401)["code"] == "invalid_api_key"


class TestResponses:
    def test_a_fault_of_its_own_is_told_and_logged(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("images_api.sandbox._studio.plan", fail)
        with Sandbox(any_model=True) as sandbox:
            response = httpx.post(f"{sandbox.base_url}/images/generations", json=SMALL)
        assert response.status_code == 500
        assert response.json()["error"]["type"] == "server_error"
        assert response.headers["x-request-id"]
        assert "failed to answer POST /v1/images/generations" in caplog.text

    def test_no_model_means_the_default_one(self, http: httpx.Client) -> None:
        response = post(http, "/images/generations", json={"prompt": "x"})
        assert opened(contents(response)[0]).size == (1024, 1024)
        assert response["size"] == "1024x1024"

    def test_unknown_models_take_anything_and_say_little(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": "my-model", "size": "100x50", "steps": 4}
        responses = [post(http, "/images/generations", json={**body, "glow": number}) for number in (1, 1, 2)]
        assert {name for name, value in responses[0].items() if value is not None} == {"created", "data"}
        first, again, other = (contents(response)[0] for response in responses)
        assert first == again != other
        assert opened(first).size == (100, 50)

    def test_unknown_models_give_links_when_asked(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": "my-model", "size": "64x64", "response_format": "url"}
        url = post(http, "/images/generations", json=body)["data"][0]["url"]
        assert opened(http.get(url).content).size == (64, 64)

    def test_enormous_images_are_refused(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": "my-model", "size": "99999x99999"}
        error = refusal(http.post("/images/generations", json=body))
        assert (error["param"], error["code"]) == ("size", "invalid_value")

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "svg"])
    def test_formats(self, http: httpx.Client, kind: str) -> None:
        body = {"prompt": "<x>", "model": GPT, "size": "256x256", "output_format": kind}
        response = post(http, "/images/generations", json=body)
        assert response["output_format"] == kind
        content = contents(response)[0]
        if kind == "svg":
            assert content.startswith(b"<svg ")
        else:
            assert opened(content).format == kind.upper()

    def test_an_svg_reports_what_its_model_used(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": GPT, "output_format": "svg", "svg": {"model": "gpt-9"}}
        usage = post(http, "/images/generations", json=body)["svg_usage"]
        assert usage["model"] == "gpt-9"
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]

    def test_another_server_draws_the_same(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": GPT, "size": "256x256", "n": 2}
        with Sandbox(any_model=True) as other:
            there = httpx.post(f"{other.base_url}/images/generations", json=body).json()
        assert contents(there) == contents(post(http, "/images/generations", json=body))

    def test_how_it_is_asked_makes_no_difference(self, http: httpx.Client) -> None:
        fields = {"prompt": "x", "model": GPT}
        data = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
        form = post(http, "/images/edits", data=fields, files={"image": ("a.png", png())})
        by_link = post(http, "/images/edits", json={**fields, "images": [{"image_url": data}]})
        assert contents(form) == contents(by_link)

    def test_token_counts_grow_with_the_work(self, http: httpx.Client) -> None:
        def tokens(**fields: object) -> tuple[int, int]:
            body = {"prompt": "x", "model": GPT, "size": "64x64", **fields}
            usage = post(http, "/images/generations", json=body)["usage"]
            return usage["input_tokens"], usage["output_tokens"]

        plain = tokens()
        assert tokens(prompt="x" * 400)[0] > plain[0]
        assert tokens(n=2)[1] == 2 * plain[1]
        assert tokens(quality="max")[1] > tokens(quality="low")[1]
        assert tokens(size="1024x1024")[1] > plain[1]

    def test_half_finished_images_are_not_counted(self, http: httpx.Client, sandbox: Sandbox) -> None:
        body = {"prompt": "x", "model": GPT, "size": "64x64", "stream": True, "partial_images": 3}
        with http.stream("POST", "/images/generations", json=body) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in response.iter_lines() if line]
        assert [line.partition(":")[0] for line in lines] == ["event", "data"] * 4
        for event, data in zip(lines[::2], lines[1::2], strict=True):
            assert json.loads(data.removeprefix("data: "))["type"] == event.removeprefix("event: ")
        assert sandbox.pictures_made == 1


class TestForms:
    def edit(self, http: httpx.Client, *files: tuple[str, Any], **fields: Any) -> httpx.Response:
        return http.post("/images/edits", data={"prompt": "x", "model": GPT, **fields}, files=[*files])

    def test_values_are_typed_by_the_contract(self, http: httpx.Client) -> None:
        image = ("image", ("a.png", png()))
        response = self.edit(http, image, n="2", stream="False", output_format="webp")
        assert len(response.json()["data"]) == 2
        for name, value in (("n", "two"), ("n", "None"), ("stream", "yes")):
            error = refusal(self.edit(http, image, **{name: value}))
            assert (error["param"], error["code"]) == (name, "invalid_type")

    def test_brackets_make_objects(self, http: httpx.Client) -> None:
        image, asked = ("image", ("a.png", png())), {"output_format": "svg", "svg[model]": "m"}
        response = self.edit(http, image, **asked, **{"svg[reasoning][effort]": "low"})
        assert response.json()["svg_usage"]["model"] == "m"
        refused = self.edit(http, image, **asked, **{"svg[reasoning][effort]": "vast"})
        assert refusal(refused)["param"].startswith("svg")
        assert refusal(self.edit(http, image, output_format="svg", svg='{"model": "m"}'))

    @pytest.mark.parametrize("names", [("svg[model]", "svg[]"), ("svg[]", "svg[model]"), ("svg", "svg[x]"), ("svg[x]", "svg")])
    def test_contradictory_brackets_are_refused(self, http: httpx.Client, names: tuple[str, str]) -> None:
        error = refusal(self.edit(http, ("image", ("a.png", png())), **dict.fromkeys(names, "x")))
        assert (error["param"], error["code"]) == ("svg", "invalid_type")

    def test_other_servers_fields_are_not_read(self, http: httpx.Client) -> None:
        odd = {"model": "my-model", "svg": "x", "output_format": "x", "frame_count": "x", "quality": "x", "background": "x"}
        files = {"image": ("a.png", png())}
        assert http.post("/images/variations", data=odd, files=files).status_code == 200

    @pytest.mark.parametrize("name", ["image", "image[]"])
    def test_one_image_under_either_name(self, http: httpx.Client, name: str) -> None:
        assert self.edit(http, (name, ("a.png", png()))).status_code == 200

    @pytest.mark.parametrize("names", [("image", "image"), ("image", "image[]"), ("image[]", "image")])
    def test_a_repeated_name_is_refused(self, http: httpx.Client, names: tuple[str, str]) -> None:
        error = refusal(self.edit(http, *((name, ("a.png", png())) for name in names)))
        assert error["code"] == "duplicate_parameter"
        assert "image[]" in error["message"]

    def test_a_repeated_text_is_refused(self, http: httpx.Client) -> None:
        error = refusal(self.edit(http, ("image", ("a.png", png())), prompt=["a", "b"]))
        assert (error["param"], error["code"]) == ("prompt", "duplicate_parameter")

    def test_a_file_without_a_name_is_a_text(self, http: httpx.Client) -> None:
        error = refusal(self.edit(http, ("image", (None, png(), "image/png"))))
        assert (error["param"], error["code"]) == ("image", "invalid_type")

    def test_a_text_must_not_be_a_file(self, http: httpx.Client) -> None:
        files = [("image", ("a.png", png())), ("size", ("a.png", png()))]
        error = refusal(self.edit(http, *files))
        assert (error["param"], error["code"]) == ("size", "invalid_type")

    @pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", ""])
    def test_other_types_are_refused(self, http: httpx.Client, kind: str) -> None:
        error = refusal(self.edit(http, ("image[]", ("a", png(), kind))))
        assert (error["param"], error["code"]) == ("image[0]", "unsupported_file_mimetype")
        assert "unsupported mimetype" in error["message"]

    def test_the_bytes_decide_what_an_image_is(self, http: httpx.Client) -> None:
        jpeg = ("a.png", png(kind="JPEG"), "image/png")
        assert self.edit(http, ("image", jpeg)).status_code == 200
        refused = self.edit(http, ("image", jpeg), model="dall-e-2")
        assert refusal(refused)["code"] == "invalid_image_file"

    def test_unknown_files_are_refused(self, http: httpx.Client) -> None:
        files = [("image", ("a.png", png())), ("depth", ("d.png", png()))]
        assert refusal(self.edit(http, *files))["code"] == "unknown_parameter"
        assert self.edit(http, *files, model="my-model").status_code == 200

    def test_a_phone_s_turned_image_is_set_upright(self, http: httpx.Client) -> None:
        file, exif = BytesIO(), Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (64, 32), "red").save(file, "JPEG", exif=exif)
        response = self.edit(http, ("image", ("a.jpg", file.getvalue())))
        assert response.json()["size"] == "32x64"

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
    def test_every_kind_of_png_is_read(self, http: httpx.Client, mode: str) -> None:
        file = BytesIO()
        Image.new(mode, (40, 40)).save(file, "PNG")
        assert self.edit(http, ("image", ("a.png", file.getvalue()))).status_code == 200

    def test_awkward_texts_arrive(self, http: httpx.Client) -> None:
        prompt = '漢字 é 😀\r\n--+++\r\nContent-Disposition: form-data; name="n"\r\n\r\n9'
        response = self.edit(http, ("image", ("a.png", png())), prompt=prompt)
        assert len(response.json()["data"]) == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx',
            b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--b\r\n',
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        ],
    )
    def test_broken_forms(self, http: httpx.Client, body: bytes) -> None:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        response = http.post("/images/edits", content=body, headers=headers)
        assert refusal(response)["code"] == "invalid_form"

    def test_a_form_without_a_boundary(self, http: httpx.Client) -> None:
        headers = {"content-type": "multipart/form-data"}
        response = http.post("/images/edits", content=b"x", headers=headers)
        assert refusal(response)["code"] == "invalid_form"


class TestJSON:
    @pytest.mark.parametrize("body", [b"", b"{", b'{"prompt": NaN}', b'"\xff"', b"[" * 99999, b'{"prompt": "\\ud800"}'])
    def test_broken_documents(self, http: httpx.Client, body: bytes) -> None:
        headers = {"content-type": "application/json"}
        response = http.post("/images/generations", content=body, headers=headers)
        assert refusal(response)["code"] == "invalid_json"

    def test_other_documents(self, http: httpx.Client) -> None:
        assert refusal(http.post("/images/generations", json=[]))["code"] == "invalid_type"
        missing = refusal(http.post("/images/generations", json={}))
        assert (missing["param"], missing["code"]) == ("prompt", "missing_required_parameter")

    @pytest.mark.parametrize("path", ["/images/generations", "/images/edits", "/images/variations"])
    def test_other_content_types(self, http: httpx.Client, path: str) -> None:
        response = http.post(path, content=b"prompt=x", headers={"content-type": "text/plain"})
        assert refusal(response, 415)["code"] == "unsupported_content_type"


class TestReferences:
    def edit(self, http: httpx.Client, *images: object, **more: object) -> httpx.Response:
        body = {"prompt": "x", "model": GPT, "images": images, **more}
        return http.post("/images/edits", json=body)

    @staticmethod
    def data_url(content: bytes) -> dict[str, str]:
        return {"image_url": f"data:image/png;base64,{base64.b64encode(content).decode()}"}

    def test_own_links(self, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": "dall-e-2", "size": "256x256"}
        url = post(http, "/images/generations", json=body)["data"][0]["url"]
        assert opened(contents(self.edit(http, {"image_url": url}).json())[0]).size == (256, 256)

    def test_masks(self, http: httpx.Client) -> None:
        response = self.edit(http, self.data_url(png()), mask=self.data_url(mask())).json()
        changed = ImageChops.difference(opened(contents(response)[0]), opened(png())).getbbox()
        assert changed is not None
        assert changed[2] <= 32
        refused = self.edit(http, self.data_url(png()), mask=self.data_url(mask(9, 9)))
        assert refusal(refused)["param"] == "mask"

    @pytest.mark.parametrize(
        ("image", "param"),
        [
            ({"file_id": "file-1"}, "images[0].file_id"),
            ({"image_url": "https://example.com/otter.png"}, "images[0].image_url"),
            ({"image_url": "data:image/png;base64,%%%"}, "images[0].image_url"),
            ({"image_url": "data:text/plain;base64,aGk="}, "images[0].image_url"),
            ({"image_url": "data:image/png;base64,aGk="}, "images[0].image_url"),
        ],
    )
    def test_refusals(self, http: httpx.Client, image: dict[str, str], param: str) -> None:
        assert refusal(self.edit(http, image))["param"] == param

    def test_what_holds_for_files_holds_for_them(self, http: httpx.Client) -> None:
        good, gif = self.data_url(png()), self.data_url(png(kind="GIF"))
        for images, param in (([gif], "images"), ([good, gif], "images[1]")):
            error = refusal(self.edit(http, *images))
            assert (error["param"], error["code"]) == (param, "invalid_image_file")

    @pytest.mark.parametrize("images", [[], [{}], ["x"], [{"image_url": 1}], None])
    def test_malformed_references(self, http: httpx.Client, images: object) -> None:
        refusal(http.post("/images/edits", json={"prompt": "x", "model": GPT, "images": images}))


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/images/generations", 405),
            ("POST", "/v1/images/generations/", 404),
            ("POST", "/images/generations", 404),
            ("POST", "/v1/models", 405),
            ("GET", "/nothing", 404),
            ("GET", "/files/nothing.png", 404),
            ("DELETE", "/files/nothing.png", 405),
        ],
    )
    def test_nothing_there(self, sandbox: Sandbox, method: str, path: str, status: int) -> None:
        url = sandbox.base_url.removesuffix("/v1") + path
        assert refusal(httpx.request(method, url), status)["code"]


class TestLog:
    def test_requests_are_kept_byte_for_byte_without_secrets(
        self, client: openai.OpenAI, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        client.images.edit(image=("a.png", png()), prompt="é", model=GPT, extra_query={"v": "1"})
        secrets = {"api-key": "hush", "Cookie": "hush", "X-Goog-Api-Key": "hush", "x-plain": "ok"}
        http.post("/nowhere", content=b"body", headers=secrets)
        first, second = sandbox.requests
        assert (first.method, first.path, first.query) == ("POST", "/v1/images/edits", "v=1")
        assert first.headers["authorization"] == "[redacted]"
        assert png() in first.body
        assert len(first.body) == int(first.headers["content-length"])
        assert abs(first.received_at.timestamp() - time.time()) < 60
        assert (second.path, second.body) == ("/v1/nowhere", b"body")
        assert second.headers["x-plain"] == "ok"
        assert "hush" not in repr(second)
        assert repr(first) == f"<ReceivedRequest {first.number} POST /v1/images/edits 200>"
        assert repr(second) == f"<ReceivedRequest {second.number} POST /v1/nowhere 404 unknown_url>"
        assert "hush" not in str(second.headers)
        assert "sk-secret" not in repr(first)
        with pytest.raises(AttributeError):
            first.body = b""  # type: ignore[misc]

    def test_the_log_is_bounded(self, sandbox: Sandbox, http: httpx.Client) -> None:
        for number in range(1010):
            http.get(f"/{number}")
        assert len(sandbox.requests) == 1000
        assert sandbox.requests[-1].path == "/v1/1009"

    def test_clear(self, sandbox: Sandbox, http: httpx.Client) -> None:
        body = {"prompt": "x", "model": "dall-e-2", "size": "256x256", "n": 2}
        response = post(http, "/images/generations", json=body)
        assert (len(sandbox.requests), sandbox.pictures_made) == (1, 2)
        sandbox.clear()
        assert (len(sandbox.requests), sandbox.pictures_made) == (0, 0)
        assert http.get(response["data"][0]["url"]).status_code == 200

    def test_many_at_once(self, sandbox: Sandbox, http: httpx.Client) -> None:
        def ask(number: int) -> list[bytes]:
            body = {"prompt": f"image {number % 8}", "model": GPT, "size": "64x64"}
            return contents(post(http, "/images/generations", json=body))

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, range(64)))
        assert answers[:8] * 8 == answers
        assert len({answer[0] for answer in answers}) == 8
        assert len(sandbox.requests) == sandbox.pictures_made == 64

    def test_request_ids_differ(self, http: httpx.Client) -> None:
        responses = [http.get("/nothing").headers for _ in range(3)]
        assert len({headers["x-request-id"] for headers in responses}) == 3
        assert all(headers["openai-processing-ms"].isdigit() for headers in responses)


class TestLines:
    def test_each_request_is_one_line_that_says_what_became_of_it(
        self, sandbox: Sandbox, http: httpx.Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", logger="images_api.sandbox")
        http.post("/images/generations", json=SMALL)
        http.post("/images/generations", json={**SMALL, "n": 99})
        sandbox.fail_next(status=429)
        http.post("/images/generations", json=SMALL)
        http.get("/%1b%5b31m%0a%e2%80%ae?x=secret")
        wait_until(lambda: len(caplog.records) >= 4)  # each is written once all of an answer is sent
        lines = [re.sub(r" in [0-9.]+ s", "", record.message) for record in caplog.records if record.name == "images_api.sandbox"]
        assert lines == [
            "POST /v1/images/generations 200",
            "POST /v1/images/generations 400 integer_above_max_value",
            "POST /v1/images/generations 429 rate_limit_exceeded, fault: 429",
            "GET /v1/%1B%5B31m%0A%E2%80%AE 404 unknown_url",
        ]


class TestServer:
    def test_it_starts_and_stops_fast_and_leaves_nothing_behind(self) -> None:
        before, starting = set(threading.enumerate()), Stopwatch()
        with Sandbox(any_model=True) as sandbox:
            assert starting.seconds() < 1
            url = f"{sandbox.base_url}/images/generations"
            assert httpx.post(url, json={**SMALL, "n": 4}).status_code == 200
            big = {"image": ("a.png", png(1200, 1200, "RGBA"), "image/png")}
            edited = httpx.post(f"{sandbox.base_url}/images/edits", data=SMALL, files=big)
            assert edited.status_code == 200
            stopping = Stopwatch()
        assert stopping.seconds() < 1
        assert set(threading.enumerate()) <= before
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)

    def test_it_can_be_started_again(self) -> None:
        sandbox = Sandbox(any_model=True)
        with pytest.raises(RuntimeError, match="isn't running"):
            _ = sandbox.base_url
        for _ in range(2):
            with sandbox:
                url = f"{sandbox.base_url}/images/generations"
                assert httpx.post(url, json=SMALL).status_code == 200
                with pytest.raises(RuntimeError, match="already"):
                    sandbox.start()
        sandbox.stop()
        assert sandbox.pictures_made == 2

    @pytest.mark.anyio
    async def test_it_runs_beside_an_event_loop(self) -> None:
        async with Sandbox(any_model=True) as sandbox, httpx.AsyncClient() as client:
            several = [client.post(f"{sandbox.base_url}/images/generations", json=SMALL) for _ in range(3)]
            assert [response.status_code for response in await asyncio.gather(*several)] == [200] * 3
        with pytest.raises(RuntimeError, match="isn't running"):
            _ = sandbox.base_url

    def test_it_shows_no_key(self) -> None:
        settings = Settings(api_key="sk-secret")
        with Sandbox(api_key="sk-secret") as sandbox:
            httpx.post(f"{sandbox.base_url}/images/generations", json=SMALL, headers={"authorization": "Bearer sk-secret"})
            shown = [repr(settings), repr(sandbox), repr(vars(sandbox)), repr(sandbox.requests)]
        with pytest.raises(ValueError, match="latency") as caught:
            Sandbox(api_key="sk-" + "secret", latency=-1)
        ours = [each for each in caught.traceback if "sandbox" in str(each.path) and "tests" not in str(each.path)]
        shown += [repr(each.locals) for each in ours]
        assert len(ours) > 1
        assert not [text for text in shown if "sk-secret" in text]

    def test_a_taken_port(self, sandbox: Sandbox) -> None:
        port = httpx.URL(sandbox.base_url).port
        with pytest.raises(OSError) as caught, Sandbox(port=port or 0):  # noqa: PT011  the system's words vary
            pass
        assert caught.value.errno == errno.EADDRINUSE

    def test_latency(self) -> None:
        with Sandbox(latency=60, any_model=True) as sandbox:
            url = f"{sandbox.base_url}/images/generations"
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(url, json=SMALL, timeout=httpx.Timeout(30, read=0.15))
            wait_until(lambda: sandbox.pictures_made == 1)
            # A refusal doesn't take as long as that.
            assert httpx.post(url, json={"prompt": ""}, timeout=30).status_code == 400
        with Sandbox(latency=0.4, any_model=True) as sandbox:
            url, streamed = f"{sandbox.base_url}/images/generations", {**SMALL, "stream": True, "partial_images": 3}
            started, watch = time.perf_counter(), Stopwatch()
            with httpx.stream("POST", url, json=streamed) as response:
                moments = [watch.seconds() for line in response.iter_lines() if line.startswith("event")]
            assert time.perf_counter() - started >= 0.4
        assert len(moments) == 4
        assert moments[0] < 0.3

    def test_stopping_does_not_wait_out_the_latency(self) -> None:
        with Sandbox(latency=30, any_model=True) as sandbox:
            url, answers = f"{sandbox.base_url}/images/generations", list[int]()
            asking = threading.Thread(target=lambda: answers.append(httpx.post(url, json=SMALL).status_code))
            asking.start()
            wait_until(lambda: sandbox.pictures_made > 0)
            stopping = Stopwatch()
        asking.join()
        assert stopping.seconds() < 2
        assert answers == [200]

    @pytest.mark.anyio
    async def test_the_application_runs_under_other_servers(self) -> None:
        app = create_app(Settings(any_model=True, allowed_hosts=["sandbox"]))
        for _ in range(2):
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox") as client,
            ):
                response = await client.post("/v1/images/generations", json=SMALL)
                assert response.status_code == 200

    def test_importing_is_light(self) -> None:
        code = (
            "import sys, images_api.sandbox\n"
            "assert not {'PIL', 'starlette', 'uvicorn'} & set(sys.modules)\n"
            "assert set(images_api.sandbox.__all__) >= {'Sandbox', 'create_app'}\n"
        )
        run("-c", code).check_returncode()

    def test_it_stands_on_the_contract_and_the_images_alone(self) -> None:
        code = (
            "import sys, httpx\n"
            "from images_api.sandbox import Sandbox\n"
            "with Sandbox(any_model=True) as sandbox:\n"
            f"    httpx.post(f'{{sandbox.base_url}}/images/generations', json={SMALL}).raise_for_status()\n"
            "print(*sorted({name.split('.')[1] for name in sys.modules if name.startswith('images_api.')}))\n"
        )
        done = run("-c", code)
        assert (done.stderr, done.stdout.split()) == ("", ["_contract", "_images", "_secrets", "sandbox"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)  # noqa: S603  ourselves


class TestCommand:
    @needs_posix
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_serves_until_it_is_told_to_stop(self, number: int) -> None:
        command = [sys.executable, "-W", "error", "-m", "images_api.sandbox", "--latency", "0.01"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  ourselves
            assert process.stdout is not None
            assert process.stderr is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert url.endswith("/v1")
            response = httpx.post(f"{url}/images/generations", json={"prompt": "x"})
            assert opened(contents(response.json())[0]).size == (1024, 1024)
            process.send_signal(number)
            assert process.wait(60) == 0
            assert re.fullmatch(r"[0-9:]{8} POST /v1/images/generations 200 in [0-9.]+ s\n", process.stdout.read())
            assert process.stderr.read() == ""

    @pytest.mark.parametrize("missing", ["uvicorn", "starlette", "PIL", "python_multipart"])
    def test_without_the_extra_one_line_says_what_to_install(self, missing: str) -> None:
        code = f"import runpy, sys; sys.modules[{missing!r}] = None; runpy.run_module('images_api.sandbox', run_name='__main__')"
        done = run("-c", code)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("pip install 'images-api[sandbox]'\n")
        assert done.stderr.count("\n") == 1

    def test_what_is_wrong_with_an_argument_is_said(self) -> None:
        for wrong in (
            ["--latency", "-1"],
            ["--fault", "429=2"],
            ["--fault", "nonsense=1"],
            ["--fault", "429"],
            ["--dialect", "x"],
        ):
            done = run("-m", "images_api.sandbox", *wrong)
            assert done.returncode == 2
            assert "error: " in done.stderr
            assert "Traceback" not in done.stderr

    def test_listening_for_others_is_warned_of_in_one_line(self) -> None:
        code = "import sys; from images_api.sandbox.__main__ import main; sys.exit(main(['--host', '192.0.2.1']))"
        done = run("-W", "error", "-c", code)
        assert done.returncode == 1
        assert "warning: the sandbox listens on 192.0.2.1" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_taken_port(self, sandbox: Sandbox) -> None:
        port = str(httpx.URL(sandbox.base_url).port)
        done = run("-m", "images_api.sandbox", "--port", port)
        assert (done.returncode, done.stdout) == (1, "")
        assert port in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
