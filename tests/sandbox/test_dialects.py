"""The sandbox in other servers' words, over real sockets: read by our own client, by openai's, and byte for byte."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from functools import partial
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import ZipFile

import httpx
import openai
import pytest
from pictures import drawn, half_clear
from PIL import Image

import images_api
from images_api import AsyncImagesClient, ImagesClient
from images_api.sandbox import Sandbox, Settings
from images_api.sandbox._dialects import dialect, dialects, read
from images_api.sandbox._templates import filled
from tools.reference.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = "sk-dialect"
FILES = files("images_api.sandbox") / "dialects"
ALL = (
    *("azure", "litellm", "localai", "minimax", "openrouter", "sd.cpp"),
    *("sglang", "siliconflow", "together", "vllm-omni", "xai", "xinference"),
)
# What our client is told of a server whose paths are its own, and of where it wants its key.
OWN_PATHS = {"openrouter": {"createImage": "/images"}, "minimax": {"createImage": "/image_generation"}}
KEY_HEADERS = {"azure": "api-key"}
MODELS = {
    "azure": "gpt-image-2",
    "litellm": "gpt-image-2",
    "localai": "dall-e-3",  # an alias there, with none of the rules of the model of that name
    "minimax": "image-01",
    "openrouter": "openai/gpt-image-2",
    "siliconflow": "Kwai-Kolors/Kolors",
    "together": "black-forest-labs/FLUX.1-schnell",
    "xai": "grok-imagine-image",
}
# How each is asked for a small image, in its own words, beyond prompt and model.
SMALL: dict[str, dict[str, Any]] = {
    "minimax": {"width": 64, "height": 64},
    "siliconflow": {"image_size": "64x64"},
    "together": {"width": 64, "height": 64},
    "xai": {"aspect_ratio": "2:1"},
}
SIZED = {"size": "64x64"}
BLOCKED = "moderation_blocked"
# httpx takes longer to build a TLS context than the sandbox to answer.
fetch = partial(httpx.request, trust_env=False, verify=ssl.create_default_context())


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[str], Sandbox]]:
    """Start the sandbox of a dialect, once."""
    with ExitStack() as stack:
        started: dict[str, Sandbox] = {}

        def run(name: str) -> Sandbox:
            if name not in started:
                # No model of the contract's that Azure and LiteLLM have draws a small image.
                started[name] = stack.enter_context(Sandbox(dialect=name, api_key=KEY, any_model=name in ("azure", "litellm")))
            return started[name]

        yield run


def model_of(name: str) -> str:
    return MODELS.get(name, "painter-9")


def asked(name: str, **more: Any) -> dict[str, Any]:
    model = "gpt-image-next" if name in ("azure", "litellm") else model_of(name)
    return {"prompt": "an otter", "model": model, **SMALL.get(name, SIZED), **more}


def our_settings(name: str, sandbox: Sandbox, key: str = KEY) -> dict[str, Any]:
    header = {"auth_header": KEY_HEADERS[name]} if name in KEY_HEADERS else {}
    return {
        "api_key": key,
        "base_url": sandbox.base_url,
        "max_retries": 0,
        "validate": "off",
        "paths": OWN_PATHS.get(name),
        **header,
    }


def generate(client: Any, fields: Mapping[str, Any], method: str = "generate") -> Any:
    """Call our client with what it knows as an option, and the rest as it is."""
    known = {name: value for name, value in fields.items() if name in ("model", "size", "n")}
    rest = {name: value for name, value in fields.items() if name not in (*known, "prompt")}
    return getattr(client, method)(fields["prompt"], **known, extra_body=rest or None)


def origin(sandbox: Sandbox) -> str:
    return str(httpx.URL(sandbox.base_url).copy_with(path=""))


def post(sandbox: Sandbox, path: str, headers: Mapping[str, str] | None = None, **request: Any) -> httpx.Response:
    sent = {"authorization": f"Bearer {KEY}", **(headers or {})}
    return fetch("POST", f"{origin(sandbox)}{path}", headers=sent, **request)


def first_path(name: str) -> str:
    return dialect(name).routes[0].path.replace("{model}", "m")


def described(said: Any, sandbox: Sandbox) -> Any:
    """Return a body with what each image is in place of it, and what changes from call to call by its kind."""
    if isinstance(said, dict):
        return {name: _described(name, each, sandbox) for name, each in cast("dict[str, Any]", said).items()}
    if isinstance(said, list):
        return [described(each, sandbox) for each in said]
    return _text(said, sandbox) if isinstance(said, str) else said


def _text(said: str, sandbox: Sandbox) -> str:
    if said.startswith("data:"):
        return f"data {kind_of(base64.b64decode(said.partition(',')[2]))}"
    if said.startswith("http://"):
        return f"link {kind_of(fetch('GET', said).raise_for_status().content)}"
    if said.startswith("/v1/images/"):
        return f"path {kind_of(fetch('GET', origin(sandbox) + said).raise_for_status().content)}"
    try:
        return kind_of(base64.b64decode(said, validate=True))
    except (ValueError, OSError):
        return said


def _described(name: str, said: Any, sandbox: Sandbox) -> Any:
    if name in ("created", "seed", "inference", "inference_time_s") and isinstance(said, int | float):
        return name
    if name == "id" and str(said).startswith("sandbox-"):
        return ID
    # Where a file lies on the server's disk; its name follows from the image.
    return "..." if str(said).startswith(("/sgl-workspace/outputs/", "/root/.xinference/image/")) else described(said, sandbox)


def kind_of(content: bytes) -> str:
    image = Image.open(BytesIO(content))
    image.load()
    return f"{image.format} {image.width}x{image.height}"


def size_of(response: httpx.Response) -> tuple[int, int]:
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(base64.b64decode(response.json()["data"][0]["b64_json"].rpartition(",")[2]))).size


class TestWhichThereAre:
    def test_all_that_were_asked_for(self) -> None:
        assert tuple(dialects()) == ALL

    @pytest.mark.parametrize("make", [lambda: Settings(dialect="ollama"), lambda: Sandbox(dialect="ollama")])
    def test_another_is_refused_with_their_names(self, make: Callable[[], object]) -> None:
        with pytest.raises(ValueError, match=f"dialect must be one of {', '.join(ALL)}, got 'ollama'"):
            make()

    @pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["--dialect", "ollama"], 2)])
    def test_the_command_line_names_them(self, arguments: list[str], status: int) -> None:
        command = [sys.executable, "-m", "images_api.sandbox", *arguments]
        ended = subprocess.run(  # noqa: S603  our own command
            command, capture_output=True, text=True, check=False, timeout=60
        )
        assert ended.returncode == status
        said = ended.stdout + ended.stderr
        assert all(name in said for name in ALL)

    def test_the_reference_tells_what_the_files_say(self) -> None:
        page = (Path(__file__).parents[2] / "docs" / "reference" / "dialects.md").read_text(encoding="utf-8")
        for name in ALL:
            said = tomllib.loads((FILES / f"{name}.toml").read_text(encoding="utf-8"))
            _, _, section = page.partition(f"\n## {said['title']}\n")
            section = section.partition("\n## ")[0]
            assert f"{said['about']}: `--dialect {name}`." in section
            assert section.count("- `POST ") == len(said["routes"])
            assert all(f"\n- {markdown(quirk)}\n" in section for quirk in said["quirks"])
            assert all(f"\n- <{source}>\n" in section for source in said["sources"])
            row = next(line for line in page.splitlines() if line.startswith(f"| [{said['title']}](#"))
            assert f"| `{dialect(name).base}` |" in row
            assert row.endswith("| no |") is not any(dialect(name).streams(route.operation.id) for route in dialect(name).routes)


class TestFile:
    @pytest.mark.parametrize("name", ALL)
    def test_is_read(self, name: str) -> None:
        assert dialect(name).routes

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ('title = "', 'titel = "', "required"),
            ("[models]", "[models", "wrong"),
            ('taken = "listed"', 'taken = "some"', "at models/taken"),
            ('operation = "createImage"', 'operation = "drawImage"', "leads to drawImage, which is no operation"),
            ('with_images = "createImageEdit"', 'with_images = "e"', "leads to e, which is no operation"),
            ('entry = {url = "{url}"}', 'entry = {url = "{link}"}', "response.entry names link, which is none of"),
            ('entry = {url = "{url}"}', 'entry = {url = "{url"}', "response.entry has a brace that is no part of a place"),
            ('seed = "{seed}"}', 'seed = "{b64_json}"}', "response.body names b64_json"),
            ('x-siliconcloud-trace-id = "{id}"', 'x-siliconcloud-trace-id = "{model}"', "headers names model"),
            ('created = 0, owned_by = ""', 'created = 0, owned_by = "{owner}"', "models.entry names owner"),
            ('data = "{models}"', 'data = "{model}"', "pages./v1/models names model"),
            ('message = "{message}"', 'message = "{words}"', "refusals.any names words"),
            ("[refusals.model_not_found]", "[refusals.model_not_fund]", "at refusals"),
            ("status = 401", "status = 499", "499 is not a valid HTTPStatus"),
            ("[refusals.any]\nstatus = 400\nbody =", "[refusals.any]\nstatus = 400\n#", '"body" is a required property'),
            ('text = "image_size"', 'width = "w"', '"height" is a required property'),
            ('default = "1024x1024"', 'default = "large"', "at size/default"),
            ("[response]\n", '[stream]\nend = "[DONE]"\n\n[response]\n', '"completed" is a required property'),
            ("https://docs.siliconflow.cn/", "docs.siliconflow.cn/", "at sources/0"),
        ],
    )
    def test_that_is_wrong_is_refused_with_what_is_wrong(self, old: str, new: str, says: str) -> None:
        text = (FILES / "siliconflow.toml").read_text(encoding="utf-8")
        assert old in text
        with pytest.raises(ValueError, match="the file of the dialect siliconflow is wrong") as caught:
            read("siliconflow", text.replace(old, new, 1))
        assert says in str(caught.value)

    def test_may_have_a_stream_that_tells_of_unfinished_images(self) -> None:
        said = (FILES / "openrouter.toml").read_text(encoding="utf-8")
        with pytest.raises(ValueError, match=r"stream\.partial names url"):
            read("openrouter", said.replace('partial_image_index = "{partial_image_index}"', 'partial_image_index = "{url}"'))


class TestTemplate:
    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("{n}", 7),
            ("{n!s}", "7"),
            ("{none}", None),
            ("{none!s}", "None"),
            ("{null}", None),
            ("n is {n}, none is {none}", "n is 7, none is None"),
            ({"a": "{none?}", "b": "{n?}", "{text}": 1}, {"b": 7, "x": 1}),
            (["{none?}", "{n}", ["{list}"]], [7, [[1, 2]]]),
            ("{none?}", None),
            (True, True),
        ],
    )
    def test_is_filled(self, template: object, expected: object) -> None:
        assert filled(template, {"n": 7, "none": None, "text": "x", "list": [1, 2]}) == expected


ID = "a request's"
SAFE = {"filtered": False, "severity": "safe"}
FILTERS = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), SAFE)
FOUND = {
    "content_filter_results": FILTERS,
    "prompt_filter_results": {
        **FILTERS,
        "jailbreak": {"detected": False, "filtered": False},
        "profanity": {"detected": False, "filtered": False},
    },
}
NULLS = {"url": None, "revised_prompt": None}
FACTS = {"background": "opaque", "output_format": "png", "quality": "medium", "size": "64x64"}
USAGE = {
    "input_tokens": 6,
    "input_tokens_details": {"text_tokens": 6, "image_tokens": 0},
    "output_tokens": 4,
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 4},
    "total_tokens": 10,
}
NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": None,
    "output_tokens": 0,
    "total_tokens": 0,
    "completion_tokens_details": None,
    "prompt_tokens_details": None,
}
PNG, JPEG = "PNG 64x64", "JPEG 64x64"
SERVED = {"success_count": "1", "failed_count": "0"}
GOOD = {"status_code": 0, "status_msg": "success"}
# By dialect: what is asked beyond a small image, and the whole body of the answer.
BODIES: list[tuple[str, dict[str, Any], Any]] = [
    ("azure", {}, {"created": "created", "data": [{"b64_json": PNG, **NULLS, **FOUND}], **FACTS, "usage": USAGE}),
    ("litellm", {}, {"created": "created", "data": [{"b64_json": PNG, **NULLS}], **FACTS, "usage": NO_USAGE}),
    (
        "localai",
        {},
        {
            "created": "created",
            "id": ID,
            "data": [{"embedding": None, "index": 0, "url": f"link {PNG}"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        },
    ),
    (
        "localai",
        {"response_format": "b64_json", "n": 2},
        {
            "created": "created",
            "id": ID,
            "data": [{"embedding": None, "index": 0, "b64_json": PNG}] * 2,
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        },
    ),
    ("minimax", {}, {"id": ID, "data": {"image_urls": [f"link {JPEG}"]}, "metadata": SERVED, "base_resp": GOOD}),
    (
        "minimax",
        {"response_format": "base64", "n": 2},
        {"id": ID, "data": {"image_base64": [JPEG] * 2}, "metadata": SERVED | {"success_count": "2"}, "base_resp": GOOD},
    ),
    (
        "openrouter",
        {"response_format": "url"},
        {
            "created": "created",
            "data": [{"b64_json": PNG, "media_type": "image/png"}],
            "usage": {
                "prompt_tokens": 6,
                "completion_tokens": 4,
                "total_tokens": 10,
                "completion_tokens_details": {"image_tokens": 4, "reasoning_tokens": 0},
                "cost": 0.04,
                "is_byok": False,
            },
        },
    ),
    ("sd.cpp", {"response_format": "url"}, {"created": "created", "data": [{"b64_json": PNG}], "output_format": "png"}),
    (
        "sd.cpp",
        {"output_format": "webp", "output_compression": 900},
        {"created": "created", "data": [{"b64_json": "WEBP 64x64"}], "output_format": "webp"},
    ),
    (
        "sglang",
        {},
        {
            "id": ID,
            "created": "created",
            "data": [{"b64_json": None, "url": f"path {PNG}", "revised_prompt": "an otter", "file_path": "..."}],
            "peak_memory_mb": 20480.5,
            "inference_time_s": "inference_time_s",
        },
    ),
    (
        "sglang",
        {"response_format": "b64_json", "n": 99},
        {
            "id": ID,
            "created": "created",
            "data": [{"b64_json": PNG, "url": None, "revised_prompt": "an otter", "file_path": "..."}] * 10,
            "peak_memory_mb": 20480.5,
            "inference_time_s": "inference_time_s",
        },
    ),
    (
        "siliconflow",
        {"n": 3, "size": "9x9", "response_format": "b64_json", "batch_size": 2},
        {"images": [{"url": f"link {PNG}"}] * 2, "timings": {"inference": "inference"}, "seed": "seed"},
    ),
    (
        "together",
        {},
        {
            "id": ID,
            "model": MODELS["together"],
            "object": "list",
            "data": [{"index": 0, "url": f"link {JPEG}", "type": "url"}],
        },
    ),
    (
        "together",
        {"response_format": "base64", "output_format": "png", "n": 2},
        {
            "id": ID,
            "model": MODELS["together"],
            "object": "list",
            "data": [{"index": index, "b64_json": PNG, "type": "b64_json"} for index in range(2)],
        },
    ),
    (
        "vllm-omni",
        {"num_inference_steps": 4},
        {
            "created": "created",
            "data": [{"b64_json": PNG, "url": None, "revised_prompt": None}],
            "output_format": None,
            "size": None,
            "cot_output": None,
            "metrics": None,
        },
    ),
    (
        "xai",
        {},
        {
            "data": [{"url": "link JPEG 1456x720", "mime_type": "image/jpeg", "revised_prompt": ""}],
            "usage": {"cost_in_usd_ticks": 200000000},
        },
    ),
    (
        "xai",
        {"response_format": "b64_json", "resolution": "0.5k"},
        {
            "data": [{"b64_json": "data JPEG 720x368", "mime_type": "image/jpeg", "revised_prompt": ""}],
            "usage": {"cost_in_usd_ticks": 200000000},
        },
    ),
    ("xinference", {}, {"created": "created", "data": [{"url": "...", "b64_json": None}]}),
    (
        "xinference",
        {"response_format": "b64_json", "size": "64*64"},
        {"created": "created", "data": [{"url": None, "b64_json": JPEG}]},
    ),
]


class TestResponse:
    @pytest.mark.parametrize(("name", "more", "body"), BODIES, ids=[f"{name} {index}" for index, (name, *_) in enumerate(BODIES)])
    def test_is_the_servers_own(self, name: str, more: dict[str, Any], body: Any, running: Callable[[str], Sandbox]) -> None:
        sandbox = running(name)
        response = post(sandbox, first_path(name), json=asked(name, **more))
        assert response.status_code == 200, response.text
        said = described(response.json(), sandbox)
        # What the contract has besides may be null.
        assert {key: each for key, each in said.items() if each is not None or key in body} == body

    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("azure", "apim-request-id"),
            ("litellm", "x-litellm-call-id"),
            ("localai", "x-correlation-id"),
            ("siliconflow", "x-siliconcloud-trace-id"),
        ],
    )
    def test_has_the_servers_headers_also_where_it_refuses(
        self, name: str, header: str, running: Callable[[str], Sandbox]
    ) -> None:
        for response in (
            post(running(name), first_path(name), json=asked(name)),
            post(running(name), first_path(name), json=asked(name, prompt=BLOCKED)),
            post(running(name), first_path(name), json=asked(name), headers={"authorization": "Bearer no"}),
        ):
            assert response.headers[header] == f"sandbox-{int(response.headers['x-request-id'].rpartition('_')[2]):06d}"

    @pytest.mark.parametrize("n", [1, 2])
    def test_of_vllm_omni_may_be_the_image_itself(self, n: int, running: Callable[[str], Sandbox]) -> None:
        response = post(running("vllm-omni"), "/v1/images/generations", json=asked("vllm-omni", response_format="file", n=n))
        if n == 1:
            assert response.headers["content-type"] == "image/png"
            assert kind_of(response.content) == PNG
        else:
            assert response.headers["content-type"] == "application/zip"
            with ZipFile(BytesIO(response.content)) as archive:
                assert [kind_of(archive.read(each)) for each in archive.namelist()] == [PNG, PNG]

    def test_tells_the_seed_that_was_asked_for(self, running: Callable[[str], Sandbox]) -> None:
        sandbox, path = running("siliconflow"), first_path("siliconflow")
        said = [post(sandbox, path, json=asked("siliconflow", **more)).json() for more in ({"seed": 41}, {"seed": 42}, {}, {})]
        assert [each["seed"] for each in said[:2]] == [41, 42]
        assert said[2]["seed"] == said[3]["seed"]
        first, second, third, fourth = (fetch("GET", each["images"][0]["url"]).content for each in said)
        assert len({first, second, third}) == 3
        assert third == fourth


class TestOurClient:
    @pytest.mark.parametrize("name", [name for name in ALL if name != "xinference"])
    def test_reads_it(self, name: str, running: Callable[[str], Sandbox]) -> None:
        with ImagesClient(**our_settings(name, running(name))) as client:
            result = generate(client, asked(name))
            expected = "1456x720" if name == "xai" else "64x64"
            assert [kind_of(image.read()).partition(" ")[2] for image in result] == [expected]

    @pytest.mark.parametrize("name", [name for name in ALL if name != "xinference"])
    def test_reads_it_asynchronously(self, name: str, running: Callable[[str], Sandbox]) -> None:
        async def call() -> list[str]:
            async with AsyncImagesClient(**our_settings(name, running(name))) as client:
                return [kind_of(await image.aread()) for image in await generate(client, asked(name))]

        assert len(asyncio.run(call())) == 1

    def test_is_told_what_to_ask_for_by_a_server_whose_links_are_its_own_files(self, running: Callable[[str], Sandbox]) -> None:
        with ImagesClient(**our_settings("xinference", running("xinference"))) as client:
            with pytest.raises(images_api.DownloadError, match="ask for response_format='b64_json'"):
                generate(client, asked("xinference"))[0].read()
            (image,) = client.generate("an otter", model="m", size="64x64", response_format="b64_json")
            assert kind_of(image.read()) == JPEG

    @pytest.mark.parametrize("name", [name for name in ALL if name != "sglang"])
    def test_streams_it_whether_there_is_a_stream_or_not(self, name: str, running: Callable[[str], Sandbox]) -> None:
        fields = asked(name, **({"partial_images": 2} if name in ("azure", "litellm") else {}))
        partial_images = {"azure": 2, "litellm": 2, "openrouter": 1}
        with ImagesClient(**our_settings(name, running(name))) as client, generate(client, fields, "stream_generate") as stream:
            events = [event.type.rpartition(".")[2] for event in stream]
            assert events == ["partial_image"] * partial_images.get(name, 0) + ["completed"]
            if name != "xinference":
                assert stream.result()[0].read()

    def test_says_that_there_is_no_image_in_sglangs_stream(self, running: Callable[[str], Sandbox]) -> None:
        says = "0 finished and 0 unfinished images"
        with (
            ImagesClient(**our_settings("sglang", running("sglang"))) as client,
            pytest.raises(images_api.StreamInterruptedError, match=says),
        ):
            list(generate(client, asked("sglang"), "stream_generate"))
        response = post(running("sglang"), "/v1/images/generations", json=asked("sglang", stream=True))
        first, last, rest = response.text.split("\n\n")
        assert json.loads(first.removeprefix("data: ")) == {
            "type": "image_generation.completed",
            "b64_json": "",
            "created_at": json.loads(first.removeprefix("data: "))["created_at"],
        }
        assert (last, rest) == ("data: [DONE]", "")

    @pytest.mark.parametrize("name", ["azure", "litellm", "sd.cpp", "sglang", "vllm-omni"])
    def test_edits(self, name: str, running: Callable[[str], Sandbox]) -> None:
        model = asked(name)["model"]
        with ImagesClient(**our_settings(name, running(name))) as client:
            (image,) = client.edit(drawn(), "an otter", model=model)
            assert kind_of(image.read()) == PNG
            (image,) = client.edit([drawn(), drawn(32, 32)], "an otter", mask=half_of(drawn()), model=model)
            assert kind_of(image.read()) == PNG

    def test_edits_where_localai_does(self, running: Callable[[str], Sandbox]) -> None:
        settings = our_settings("localai", running("localai"))
        settings["paths"] = {"createImageEdit": "/images/inpainting"}
        with ImagesClient(**settings) as client:
            (image,) = client.edit(drawn(), "an otter", mask=half_of(drawn()), model="m")
            assert kind_of(image.read()) == PNG

    def test_edits_and_varies_at_xinference(self, running: Callable[[str], Sandbox]) -> None:
        with ImagesClient(**our_settings("xinference", running("xinference"))) as client:
            (edited,) = client.edit(drawn(), "an otter", model="m", response_format="b64_json")
            (varied,) = client.create_variation(drawn(), model="m", response_format="b64_json")
            (prompted,) = client.create_variation(drawn(), model="m", response_format="b64_json", extra_body={"prompt": "x"})
            assert {kind_of(each.read()).partition(" ")[2] for each in (edited, varied, prompted)} == {"64x64"}
            assert varied.read() != prompted.read()


def half_of(image: bytes) -> bytes:
    width, height = Image.open(BytesIO(image)).size
    file = BytesIO()
    Image.open(BytesIO(half_clear("PNG"))).resize((width, height)).save(file, "PNG")
    return file.getvalue()


NO_MODEL = "The model 'nope' does not exist."
WRONG_KEY = "Incorrect API key provided: the request carries a wrong key."
# By dialect: the request, and the status and the body of the answer.
JSON_ONLY = "Expected request with `Content-Type: application/json`"
REFUSALS: list[tuple[str, dict[str, Any], int, Any]] = [
    ("azure", {"n": 0}, 400, {"error": {"message": ..., "type": "invalid_request_error", "param": "n", "code": ...}}),
    ("litellm", {"n": 0}, 400, {"error": {"message": ..., "type": "None", "param": "None", "code": "400"}}),
    ("localai", {"n": "two"}, 500, {"error": {"code": 500, "message": ..., "type": ""}}),
    ("localai", {"model": 5}, 500, {"error": {"code": 500, "message": ..., "type": ""}}),
    ("minimax", {"n": 10}, 200, {"id": ..., "base_resp": {"status_code": 2013, "status_msg": ...}}),
    ("minimax", {"model": "nope"}, 200, {"id": ..., "base_resp": {"status_code": 2013, "status_msg": ...}}),
    ("openrouter", {"model": "nope"}, 404, {"error": {"message": NO_MODEL, "code": 404}}),
    ("openrouter", {"size": "large"}, 400, {"error": {"message": ..., "code": 400}}),
    ("sd.cpp", {"output_format": "bmp"}, 400, {"error": ...}),
    ("sd.cpp", {"prompt": "x <sd_cpp_extra_args>{</sd_cpp_extra_args>"}, 400, {"error": "invalid sd_cpp_extra_args"}),
    ("sglang", {"response_format": "file"}, 400, {"detail": ...}),
    ("sglang", {"prompt": 5}, 422, {"detail": [{"type": "invalid_type", "loc": ["body", "prompt"], "msg": ...}]}),
    (
        "siliconflow",
        {"model": "nope"},
        400,
        {"code": 20012, "message": "Model does not exist. Please check it carefully.", "data": None},
    ),
    ("siliconflow", {"batch_size": 5}, 400, {"code": 20015, "message": ..., "data": None}),
    (
        "together",
        {"model": "nope"},
        404,
        {
            "id": ...,
            "error": {"message": NO_MODEL, "type": "invalid_request_error", "param": None, "code": "model_not_available"},
        },
    ),
    (
        "together",
        {"n": 5},
        400,
        {"id": ..., "error": {"message": ..., "type": "invalid_request_error", "param": "n", "code": "invalid_value"}},
    ),
    (
        "together",
        {"width": "wide"},
        400,
        {"id": ..., "error": {"message": ..., "type": "invalid_request_error", "param": "width", "code": "invalid_type"}},
    ),
    (
        "vllm-omni",
        {"response_format": "url"},
        400,
        {"error": {"message": ..., "type": "Bad Request", "param": None, "code": 400}},
    ),
    (
        "vllm-omni",
        {"size": "large"},
        400,
        {"error": {"message": ..., "type": "Bad Request", "param": None, "code": 400}},
    ),
    ("xai", {"size": "1024x1024"}, 400, {"code": "400", "error": "Argument not supported: size"}),
    ("xai", {"model": "nope"}, 404, {"code": "Some requested entity was not found", "error": NO_MODEL}),
    ("xinference", {"size": "large"}, 400, {"detail": ...}),
]
MISSING: list[tuple[str, str, int, Any]] = [
    ("litellm", "prompt", 500, {"error": {"message": ..., "type": "None", "param": "None", "code": "500"}}),
    ("minimax", "model", 200, {"id": ..., "base_resp": {"status_code": 2013, "status_msg": ...}}),
    ("sd.cpp", "prompt", 400, {"error": "prompt required"}),
    ("sglang", "prompt", 422, {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}]}),
    ("xai", "prompt", 422, {"code": ..., "error": "missing field `prompt`"}),
    ("xinference", "model", 422, {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}),
]
# By dialect: what a wrong key, a wrong path and content that is refused are answered with; the class of our client's error of
# the key and of the content.
KEYS: dict[str, tuple[int, Any, str]] = {
    "azure": (401, {"error": {"code": "401", "message": ...}}, "AuthenticationError"),
    "litellm": (401, {"error": {"message": ..., "type": "auth_error", "param": "None", "code": "401"}}, "AuthenticationError"),
    "localai": (401, {"error": {"code": 401, "message": ..., "type": "invalid_request_error"}}, "AuthenticationError"),
    "minimax": (200, {"base_resp": {"status_code": 1004, "status_msg": ...}}, "AuthenticationError"),
    "openrouter": (401, {"error": {"message": "No auth credentials found", "code": 401}}, "AuthenticationError"),
    "sd.cpp": (401, {"error": WRONG_KEY}, "AuthenticationError"),
    "sglang": (401, {"detail": WRONG_KEY}, "AuthenticationError"),
    "siliconflow": (401, "Invalid token", "AuthenticationError"),
    "together": (
        401,
        {"id": ..., "error": {"message": ..., "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}},
        "AuthenticationError",
    ),
    "vllm-omni": (401, {"error": "Unauthorized"}, "AuthenticationError"),
    "xai": (400, {"code": "Client specified an invalid argument", "error": WRONG_KEY}, "BadRequestError"),
    "xinference": (401, {"detail": WRONG_KEY}, "AuthenticationError"),
}
PATHS: dict[str, tuple[int, Any]] = {
    "azure": (404, {"error": {"code": "404", "message": "Resource not found"}}),
    "litellm": (404, {"detail": "Not Found"}),
    "localai": (404, {"error": {"code": 404, "message": "Resource not found", "type": ""}}),
    "minimax": (404, "404 page not found"),
    "openrouter": (404, {"error": {"message": "Not Found", "code": 404}}),
    "sd.cpp": (404, ""),
    "sglang": (404, {"detail": "Not Found"}),
    "siliconflow": (404, "404 page not found"),
    "together": (404, {"error": {"message": "Not Found", "type": "invalid_request_error", "param": None, "code": None}}),
    "vllm-omni": (404, {"detail": "Not Found"}),
    "xai": (404, ""),
    "xinference": (404, {"detail": "Not Found"}),
}
CONTENT: dict[str, tuple[int, Any, str]] = {
    "azure": (
        400,
        {
            "error": {
                "message": ...,
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": {**FILTERS, "violence": {"filtered": True, "severity": "high"}},
                },
            }
        },
        "ContentPolicyError",
    ),
    "litellm": (400, {"error": {"message": ..., "type": "None", "param": "None", "code": "400"}}, "ContentPolicyError"),
    "localai": (500, {"error": {"code": 500, "message": ..., "type": ""}}, "ContentPolicyError"),
    "minimax": (
        200,
        {
            "id": ...,
            "metadata": {"success_count": "0", "failed_count": "1"},
            "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"},
        },
        "ContentPolicyError",
    ),
    "openrouter": (403, {"error": {"message": ..., "code": 403, "metadata": ...}}, "ContentPolicyError"),
    "sd.cpp": (400, {"error": ...}, "ContentPolicyError"),
    "sglang": (400, {"detail": ...}, "ContentPolicyError"),
    "siliconflow": (400, {"code": 20015, "message": ..., "data": None}, "ContentPolicyError"),
    "together": (
        422,
        {
            "id": ...,
            "error": {
                "message": "NSFW content detected in the prompt",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            },
        },
        "ContentPolicyError",
    ),
    "vllm-omni": (
        400,
        {"error": {"message": ..., "type": "Bad Request", "param": None, "code": 400}},
        "ContentPolicyError",
    ),
    "xai": (
        200,
        {
            "data": [{"url": "", "mime_type": "image/jpeg", "revised_prompt": "", "respect_moderation": False}],
            "usage": {"cost_in_usd_ticks": 200000000},
        },
        "ContentPolicyError",
    ),
    "xinference": (400, {"detail": ...}, "ContentPolicyError"),
}


def check(response: httpx.Response, status: int, body: Any) -> None:
    assert response.status_code == status, response.text
    is_json = response.headers["content-type"].startswith("application/json")
    assert same(response.json() if is_json else response.text, body), response.text


def same(said: Any, expected: Any) -> bool:
    """Compare, where `...` stands for anything but nothing."""
    if expected is ...:
        return bool(said)
    if isinstance(expected, dict) and isinstance(said, dict):
        return said.keys() == expected.keys() and all(same(said[name], each) for name, each in expected.items())
    if isinstance(expected, list) and isinstance(said, list):
        return len(said) == len(expected) and all(map(same, said, expected))
    return bool(said == expected) and type(said) is type(expected)


class TestRefusal:
    @pytest.mark.parametrize(("name", "more", "status", "body"), REFUSALS, ids=[f"{name} {more}" for name, more, *_ in REFUSALS])
    def test_is_in_the_servers_words(
        self, name: str, more: dict[str, Any], status: int, body: Any, running: Callable[[str], Sandbox]
    ) -> None:
        fields = asked(name, **more)
        check(post(running(name), first_path(name), json=fields), status, body)
        with ImagesClient(**our_settings(name, running(name))) as client:
            with pytest.raises(images_api.ImagesAPIError) as caught:
                generate(client, fields)
            assert type(caught.value) is not images_api.InvalidRequestError

    @pytest.mark.parametrize(
        ("name", "missing", "status", "body"), MISSING, ids=[f"{name} {which}" for name, which, *_ in MISSING]
    )
    def test_of_what_was_left_out(
        self, name: str, missing: str, status: int, body: Any, running: Callable[[str], Sandbox]
    ) -> None:
        fields = {key: value for key, value in asked(name).items() if key != missing}
        check(post(running(name), first_path(name), json=fields), status, body)

    @pytest.mark.parametrize("name", ALL)
    def test_of_a_key(self, name: str, running: Callable[[str], Sandbox]) -> None:
        status, body, kind = KEYS[name]
        path, headers = first_path(name), {"authorization": "Bearer no"}
        check(post(running(name), path, headers, json=asked(name)), status, body)
        with ImagesClient(**our_settings(name, running(name), "no")) as client:
            with pytest.raises(images_api.ImagesAPIError) as caught:
                generate(client, asked(name))
            assert type(caught.value).__name__ == kind

    @pytest.mark.parametrize("name", ALL)
    def test_of_a_path(self, name: str, running: Callable[[str], Sandbox]) -> None:
        for method, path in (("POST", "/v1/images/scribbles"), ("GET", "/v1/scribbles")):
            response = fetch(method, f"{origin(running(name))}{path}")
            check(response, *PATHS[name])

    @pytest.mark.parametrize("name", ALL)
    def test_of_content(self, name: str, running: Callable[[str], Sandbox]) -> None:
        status, body, kind = CONTENT[name]
        fields = asked(name, prompt=f"an otter, {BLOCKED}")
        before = running(name).pictures_made
        check(post(running(name), first_path(name), json=fields), status, body)
        with ImagesClient(**our_settings(name, running(name))) as client:
            with pytest.raises(images_api.ImagesAPIError) as caught:
                generate(client, fields)
            assert type(caught.value).__name__ == kind
        assert running(name).pictures_made == before
        assert running(name).requests[-1].error == BLOCKED

    @pytest.mark.parametrize(
        ("name", "path", "status", "body"),
        [
            ("sd.cpp", "/v1/images/edits", 400, {"error": "Content-Type must be multipart/form-data"}),
            ("sglang", "/v1/images/edits", 415, {"detail": ...}),
            ("litellm", "/images/edits", 415, {"error": {"message": ..., "type": "None", "param": "None", "code": "415"}}),
        ],
    )
    def test_of_json_where_there_are_forms_alone(
        self, name: str, path: str, status: int, body: Any, running: Callable[[str], Sandbox]
    ) -> None:
        check(post(running(name), path, json=asked(name)), status, body)

    def test_of_a_form_where_there_is_json_alone(self, running: Callable[[str], Sandbox]) -> None:
        response = post(running("xai"), "/v1/images/edits", data={"prompt": "x"}, files={"image": drawn()})
        check(response, 415, JSON_ONLY)

    def test_of_a_body_that_is_no_json(self, running: Callable[[str], Sandbox]) -> None:
        response = post(running("sd.cpp"), "/v1/images/generations", {"content-type": "application/json"}, content=b"{")
        check(response, 500, {"error": "server_error", "message": ...})

    @pytest.mark.parametrize("name", ALL)
    def test_of_a_rate(self, name: str) -> None:
        with Sandbox(dialect=name, any_model=True, requests_per_minute=1) as sandbox:
            assert post(sandbox, first_path(name), json=asked(name)).status_code == 200
            response = post(sandbox, first_path(name), json=asked(name))
            assert response.status_code == (200 if name == "minimax" else 429)
            assert int(response.headers["retry-after"]) > 0
            with ImagesClient(**our_settings(name, sandbox)) as client, pytest.raises(images_api.RateLimitError):
                generate(client, asked(name))

    @pytest.mark.parametrize("name", ["localai", "minimax", "openrouter", "siliconflow", "together", "xai"])
    def test_of_what_the_server_has_not(self, name: str, running: Callable[[str], Sandbox]) -> None:
        response = post(running(name), f"{dialect(name).base}/images/variations", files={"image": drawn()})
        check(response, *PATHS[name])


class TestModels:
    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize("any_model", [False, True])
    def test_are_those_of_the_server_or_any(self, name: str, running: Callable[[str], Sandbox], *, any_model: bool) -> None:
        is_taken = any_model or dialect(name).models["taken"] == "any"
        with Sandbox(dialect=name, any_model=any_model) as sandbox:
            fields = {**asked(name), "model": "nope"}
            with ImagesClient(**our_settings(name, sandbox)) as client:
                if is_taken:
                    assert generate(client, fields)
                else:
                    with pytest.raises(images_api.ImagesAPIError):
                        generate(client, fields)

    @pytest.mark.parametrize("name", ["localai", "sd.cpp", "sglang", "vllm-omni", "xai"])
    def test_need_not_be_named(self, name: str, running: Callable[[str], Sandbox]) -> None:
        fields = {key: value for key, value in asked(name).items() if key != "model"}
        assert post(running(name), first_path(name), json=fields).status_code == 200

    @pytest.mark.parametrize(
        ("name", "path", "expected"),
        [
            ("azure", "/openai/v1/models", {"object": "list", "data": ...}),
            ("azure", "/openai/models?api-version=1", {"object": "list", "data": ...}),
            ("litellm", "/models", {"data": ..., "object": "list"}),
            ("localai", "/v1/models", {"object": "list", "data": ...}),
            ("openrouter", "/api/v1/images/models", {"data": ...}),
            ("sd.cpp", "/v1/models", {"data": [{"id": "sd-cpp-local", "object": "model", "owned_by": "local"}]}),
            ("sglang", "/v1/models", {"object": "list", "data": ...}),
            ("siliconflow", "/v1/models", {"object": "list", "data": ...}),
            ("together", "/v1/models", ...),
            ("vllm-omni", "/v1/models", {"object": "list", "data": ...}),
            ("xai", "/v1/image-generation-models", {"models": ...}),
            ("xinference", "/v1/models", {"object": "list", "data": ...}),
        ],
    )
    def test_are_listed(self, name: str, path: str, expected: Any, running: Callable[[str], Sandbox]) -> None:
        response = fetch("GET", f"{origin(running(name))}{path}")
        check(response, 200, expected)
        said = response.json()
        listed = said if isinstance(said, list) else next(each for each in said.values() if isinstance(each, list))
        assert all(isinstance(each["id"], str) for each in cast("list[dict[str, Any]]", listed))

    def test_of_sglang_are_one_and_told_in_full(self, running: Callable[[str], Sandbox]) -> None:
        said = fetch("GET", f"{origin(running('sglang'))}/models").json()
        assert set(said) >= {"model_path", "task_type", "pipeline_name", "num_gpus"}

    def test_of_minimax_are_not_listed(self, running: Callable[[str], Sandbox]) -> None:
        assert fetch("GET", f"{origin(running('minimax'))}/v1/models").status_code == 404

    def test_of_the_contract_are_listed_without_a_dialect(self) -> None:
        with Sandbox() as sandbox, openai.OpenAI(api_key=KEY, base_url=sandbox.base_url, max_retries=0) as client:
            listed = [each.id for each in client.models.list()]
            assert "gpt-image-2" in listed
            assert client.models.retrieve("gpt-image-2").owned_by == "sandbox"
            with pytest.raises(openai.NotFoundError) as caught:
                client.models.retrieve("nope")
            assert caught.value.code == "model_not_found"


class TestSize:
    @pytest.mark.parametrize(
        ("name", "said", "expected"),
        [
            ("localai", {}, (512, 512)),
            ("localai", {"size": "large"}, (512, 512)),
            ("localai", {"size": "96x64"}, (96, 64)),
            ("sd.cpp", {}, (512, 512)),
            ("sd.cpp", {"size": "1K!"}, (512, 512)),
            ("vllm-omni", {"size": "128x64"}, (128, 64)),
            ("vllm-omni", {"size": "auto"}, (1024, 1024)),
            ("sglang", {"width": 96, "height": 64}, (96, 64)),
            ("sglang", {"size": "96x64", "width": 7}, (96, 64)),
            ("xinference", {"size": "128*64"}, (128, 64)),
            ("together", {"width": 128, "height": 64}, (128, 64)),
            ("together", {"size": "9x9"}, (1024, 1024)),
            ("openrouter", {"size": "2K"}, (2048, 2048)),
            ("openrouter", {"size": "96x64"}, (96, 64)),
            ("openrouter", {"resolution": "512", "aspect_ratio": "4:1"}, (1024, 256)),
            ("openrouter", {"size": "0.5K", "aspect_ratio": "1:4"}, (256, 1024)),
            ("openrouter", {"aspect_ratio": "auto"}, (1024, 1024)),
            ("xai", {"aspect_ratio": "19.5:9", "resolution": "1k"}, (1504, 688)),
            ("xai", {"aspect_ratio": "0:9", "resolution": "0k"}, (1024, 1024)),
            ("minimax", {"aspect_ratio": "16:9"}, (1280, 720)),
            ("minimax", {"aspect_ratio": "21:9"}, (1344, 576)),
            ("minimax", {"width": 128, "height": 64}, (128, 64)),
            ("minimax", {"width": 128, "height": 64, "aspect_ratio": "3:2"}, (1248, 832)),
            ("minimax", {"aspect_ratio": "5:4"}, (1152, 912)),
            ("siliconflow", {"image_size": "128x64"}, (128, 64)),
        ],
    )
    def test_is_what_the_words_mean(
        self, name: str, said: dict[str, Any], expected: tuple[int, int], running: Callable[[str], Sandbox]
    ) -> None:
        fields = {"prompt": "x", "model": model_of(name), **said}
        fields["response_format"] = "base64" if name in ("minimax", "together") else "b64_json"
        response = post(running(name), first_path(name), json=fields)
        if name == "minimax":
            (text,) = response.json()["data"]["image_base64"]
            assert Image.open(BytesIO(base64.b64decode(text))).size == expected
        elif name == "siliconflow":
            content = fetch("GET", response.json()["images"][0]["url"]).content
            assert Image.open(BytesIO(content)).size == expected
        else:
            assert size_of(response) == expected

    @pytest.mark.parametrize("said", [{"size": "9" * 5000 + "x9"}, {"size": 7.5}, {"size": ["64x64"]}, {"resolution": "99K"}])
    def test_that_is_out_of_all_bounds_is_refused(self, said: dict[str, Any], running: Callable[[str], Sandbox]) -> None:
        fields = {"prompt": "x", "model": model_of("openrouter"), **said}
        assert post(running("openrouter"), "/api/v1/images", json=fields).status_code == 400


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


class TestImages:
    @pytest.mark.parametrize(
        ("name", "path", "more"),
        [
            ("localai", "/v1/images/generations", {"file": base64.b64encode(drawn()).decode()}),
            ("minimax", "/v1/image_generation", {"subject_reference": [{"type": "character", "image_file": data_url(drawn())}]}),
            (
                "openrouter",
                "/api/v1/images",
                {"input_references": [{"type": "image_url", "image_url": {"url": data_url(drawn())}}]},
            ),
            ("siliconflow", "/v1/images/generations", {"image": data_url(drawn())}),
            ("together", "/v1/images/generations", {"image_url": data_url(drawn())}),
            ("together", "/v1/images/generations", {"reference_images": [data_url(drawn()), data_url(drawn(32, 32))]}),
            ("xai", "/v1/images/edits", {"image": {"url": data_url(drawn()), "type": "image_url"}}),
            ("xai", "/v1/images/edits", {"images": [{"url": data_url(drawn())}, {"url": data_url(drawn(32, 32))}]}),
        ],
    )
    def test_are_referred_to_in_the_servers_way(
        self, name: str, path: str, more: dict[str, Any], running: Callable[[str], Sandbox]
    ) -> None:
        sandbox = running(name)
        response = post(sandbox, path, json={"prompt": "an otter", "model": model_of(name), **more})
        assert response.status_code == 200, response.text
        assert "64x64" in str(described(response.json(), sandbox))
        received = next(each for each in reversed(sandbox.requests) if each.path == path)
        images = [image for several in received.images.values() for image in several]
        assert (images[0].width, images[0].content) == (64, drawn())
        assert len(images) == (2 if any(isinstance(each, list) and len(each) == 2 for each in more.values()) else 1)
        assert received.parameters.keys() >= more.keys()

    @pytest.mark.parametrize("name", ["sglang", "vllm-omni"])
    @pytest.mark.parametrize("key", ["url", "url[]"])
    def test_are_links_in_a_form(self, name: str, key: str, running: Callable[[str], Sandbox]) -> None:
        made = post(running(name), "/v1/images/generations", json=asked(name, response_format="b64_json")).json()["data"][0]
        link = f"data:image/png;base64,{made['b64_json']}"
        # Without a file, httpx would write another kind of form.
        response = post(running(name), "/v1/images/edits", data={}, files={"prompt": (None, "x"), key: (None, link)})
        assert size_of(response) == (64, 64)

    def test_are_links_to_what_the_server_made(self, running: Callable[[str], Sandbox]) -> None:
        sandbox = running("sglang")
        target = post(sandbox, "/v1/images/generations", json=asked("sglang")).json()["data"][0]["url"]
        assert target.startswith("/v1/images/")
        assert "/content" in target
        form = {"prompt": (None, "x"), "url": (None, f"{origin(sandbox)}{target}")}
        assert size_of(post(sandbox, "/v1/images/edits", files=form)) == (64, 64)

    def test_that_lead_elsewhere_are_refused(self, running: Callable[[str], Sandbox]) -> None:
        for link in ("https://example.com/a.png", f"{origin(running('xai'))}/files/none.png", "?"):
            response = post(running("xai"), "/v1/images/edits", json={"prompt": "x", "image": {"url": link}})
            assert response.status_code == 400
            assert set(response.json()) == {"code", "error"}

    @pytest.mark.parametrize("name", ["litellm", "sd.cpp", "sglang", "vllm-omni", "xinference"])
    @pytest.mark.parametrize("key", ["image", "image[]"])
    def test_may_repeat_a_name_in_a_form(self, name: str, key: str, running: Callable[[str], Sandbox]) -> None:
        sandbox, sent = running(name), [(key, ("a.png", drawn(), "image/png")), (key, ("b.png", drawn(32, 32), "image/png"))]
        form = {"prompt": "x", "model": str(asked(name)["model"])}
        assert post(sandbox, "/v1/images/edits", data=form, files=sent).status_code == 200
        assert [image.width for image in sandbox.requests[-1].images["image"]] == [64, 32]

    @pytest.mark.parametrize("key", ["image", "images"])
    def test_and_a_mask_have_other_names_at_xinference(self, key: str, running: Callable[[str], Sandbox]) -> None:
        sandbox = running("xinference")
        sent = {key: ("a.png", drawn(), "image/png"), "mask_image": ("m.png", half_of(drawn()), "image/png")}
        form = {"prompt": "x", "model": "m", "response_format": "b64_json"}
        assert size_of(post(sandbox, "/v1/images/inpainting", data=form, files=sent)) == (64, 64)
        assert set(sandbox.requests[-1].images) == {"image", "mask"}


class TestQuirk:
    def test_azure_has_the_model_in_the_path_and_a_version_behind_it(self, running: Callable[[str], Sandbox]) -> None:
        sandbox = running("azure")
        path = "/openai/deployments/gpt-image-next/images/generations"
        fields = {"prompt": "x", "size": "64x64"}
        check(post(sandbox, path, json=fields), *PATHS["azure"])
        assert post(sandbox, f"{path}?api-version=2025-04-01-preview", json=fields).status_code == 200
        for header in ({"api-key": KEY, "authorization": ""}, {"authorization": f"Bearer {KEY}"}):
            assert post(sandbox, f"{path}?api-version=1", header, json=fields).status_code == 200
        settings = our_settings("azure", sandbox)
        settings["base_url"] = f"{origin(sandbox)}{path}?api-version=1"
        with ImagesClient(**settings) as client:
            assert client.generate("x", size="64x64", model="another")[0].read()

    def test_litellm_takes_azures_paths(self, running: Callable[[str], Sandbox]) -> None:
        path = "/openai/deployments/gpt-image-next/images/generations"
        assert post(running("litellm"), path, json={"prompt": "x", "size": "64x64"}).status_code == 200

    def test_the_models_of_the_contract_keep_their_rules_where_they_are(self, running: Callable[[str], Sandbox]) -> None:
        fields = {"prompt": "x", "model": "dall-e-3", "size": "64x64"}
        assert post(running("azure"), "/openai/v1/images/generations", json=fields).status_code == 400
        assert post(running("localai"), "/v1/images/generations", json=fields).status_code == 200

    def test_localai_takes_a_negative_prompt_behind_a_bar(self, running: Callable[[str], Sandbox]) -> None:
        def draw(**said: Any) -> str:
            fields = asked("localai", response_format="b64_json", **said)
            return str(post(running("localai"), "/images/generations", json=fields).json()["data"][0]["b64_json"])

        barred = draw(prompt="an otter|rain")
        assert barred == draw(prompt="an otter", negative_prompt="rain")
        assert barred != draw(prompt="an otter")

    def test_stable_diffusion_cpp_takes_more_within_the_prompt(self, running: Callable[[str], Sandbox]) -> None:
        def draw(prompt: str, **more: Any) -> httpx.Response:
            return post(running("sd.cpp"), "/v1/images/generations", json={"prompt": prompt, "size": "64x64", **more})

        def extra(**said: Any) -> str:
            return f"an otter <sd_cpp_extra_args>{json.dumps(said)}</sd_cpp_extra_args>"

        plain, seeded, again = draw("an otter "), draw(extra(seed=1)), draw(extra(seed=1))
        assert seeded.json()["data"] == again.json()["data"] != plain.json()["data"]
        assert draw("an otter ", seed=1, steps=9, model="a").json()["data"] == plain.json()["data"]
        assert size_of(draw(extra(width=96, height=32))) == (96, 32)
        for wrong in ("[]", "[" * 100_000, "5"):
            check(draw(f"<sd_cpp_extra_args>{wrong}</sd_cpp_extra_args>x"), 400, {"error": "invalid sd_cpp_extra_args"})

    def test_openrouter_streams_with_types_of_its_own(self, running: Callable[[str], Sandbox]) -> None:
        reference = {"type": "image_url", "image_url": {"url": data_url(drawn())}}
        fields = {"prompt": "x", "model": model_of("openrouter"), "stream": True, "input_references": [reference]}
        response = post(running("openrouter"), "/api/v1/images", json=fields)
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(each.removeprefix("data: ")) for each in response.text.split("\n\n") if each]
        assert [each["type"] for each in events] == ["image_generation.partial_image", "image_generation.completed"]
        assert set(events[0]) == {"type", "b64_json", "partial_image_index"}
        assert set(events[1]) == {"type", "b64_json", "created", "media_type", "usage"}

    def test_vllm_omni_streams_edits_in_a_form_of_its_own(self, running: Callable[[str], Sandbox]) -> None:
        with (
            ImagesClient(**our_settings("vllm-omni", running("vllm-omni"))) as client,
            client.stream_edit(drawn(), "an otter", model="m") as stream,
        ):
            assert [event.type for event in stream] == ["image"]
            assert kind_of(stream.result()[0].read()) == PNG
        form = {"prompt": "x", "model": "m", "stream": "true"}
        response = post(running("vllm-omni"), "/v1/images/edits", data=form, files={"image": ("a.png", drawn(), "image/png")})
        first, last, rest = response.text.split("\n\n")
        assert json.loads(first.removeprefix("data: ")).keys() >= {"object", "type", "data", "created", "model"}
        assert (last, rest) == ("data: [DONE]", "")

    @pytest.mark.parametrize(
        "more",
        [
            {"prompt": "<sd_cpp_extra_args>" * 100_000},
            {"prompt": 5, "size": [[[["9x9"]]]]},
            {"size": {"a": 1}},
            {"n": 1e300},
            {"output_format": {"a": []}},
        ],
    )
    def test_none_breaks_the_sandbox(self, more: dict[str, Any], running: Callable[[str], Sandbox]) -> None:
        for name in ALL:
            response = post(running(name), first_path(name), json=asked(name, **more))
            assert "itself failed" not in response.text
            assert response.status_code in (200, 400, 422, 500)

    @pytest.mark.parametrize("depth", [500, 5000])
    def test_no_nesting_breaks_the_sandbox(self, depth: int, running: Callable[[str], Sandbox]) -> None:
        deep = b"[" * depth + b"]" * depth
        for name in ALL:
            for key in (b"size", b"image", b"reference_images", b"input_references", b"response_format", b"model", b"prompt"):
                content = b'{"prompt": "x", "%b": %b}' % (key, deep)
                response = post(running(name), first_path(name), {"content-type": "application/json"}, content=content)
                assert "nested too deep" in response.text or name in ("minimax", "siliconflow", "sd.cpp", "vllm-omni"), name
                assert "itself failed" not in response.text

    def test_no_nesting_in_a_form_breaks_the_sandbox(self, running: Callable[[str], Sandbox]) -> None:
        form = {"prompt": "x", f"size{'[a]' * 200}": "64x64"}
        response = post(running("sglang"), "/v1/images/edits", data=form, files={"image": ("a.png", drawn(), "image/png")})
        check(response, 422, {"detail": [{"type": "invalid_type", "loc": ["body", "size"], "msg": ...}]})

    def test_what_was_asked_is_noted_as_it_was_asked(self, running: Callable[[str], Sandbox]) -> None:
        sandbox = running("siliconflow")
        fields = asked("siliconflow", batch_size=2, n=7)
        post(sandbox, first_path("siliconflow"), json=fields)
        assert sandbox.requests[-1].parameters == fields
        assert sandbox.requests[-1].operation == "createImage"
        assert len(sandbox.requests[-1].images_made) == 2

    def test_links_expire_and_are_signed_as_elsewhere(self) -> None:
        with Sandbox(dialect="sglang", url_lifetime=0) as sandbox:
            target = post(sandbox, "/v1/images/generations", json=asked("sglang")).json()["data"][0]["url"]
            assert fetch("GET", f"{origin(sandbox)}{target.partition('?')[0]}").status_code == 404


class TestOpenAI:
    @pytest.mark.parametrize("name", ["azure", "litellm", "localai", "sd.cpp", "sglang", "together", "vllm-omni", "xinference"])
    def test_generates(self, name: str, running: Callable[[str], Sandbox]) -> None:
        fields = asked(name)
        fields |= {} if name in ("azure", "litellm") else {"response_format": "base64" if name == "together" else "b64_json"}
        known = {key: fields.pop(key) for key in ("prompt", "model")}
        with openai.OpenAI(api_key=KEY, base_url=running(name).base_url, max_retries=0) as client:
            response = client.images.generate(**known, extra_body=fields)
        assert response.data is not None
        assert kind_of(base64.b64decode(response.data[0].b64_json or "")).endswith("64x64")

    def test_generates_at_xai(self, running: Callable[[str], Sandbox]) -> None:
        with openai.OpenAI(api_key=KEY, base_url=running("xai").base_url, max_retries=0) as client:
            response = client.images.generate(prompt="x", model="grok-imagine-image")
            assert response.data is not None
            assert kind_of(fetch("GET", str(response.data[0].url)).content) == "JPEG 1024x1024"
            with pytest.raises(openai.BadRequestError) as caught:
                client.images.generate(prompt="x", model="grok-imagine-image", size="1024x1024")
            assert caught.value.response.json()["error"] == "Argument not supported: size"
            with pytest.raises(openai.APIStatusError):
                client.images.edit(image=drawn(), prompt="x", model="grok-imagine-image")

    def test_generates_and_streams_at_azure(self, running: Callable[[str], Sandbox]) -> None:
        endpoint = origin(running("azure"))
        client = openai.AzureOpenAI(api_key=KEY, azure_endpoint=endpoint, api_version="2025-04-01-preview", max_retries=0)
        with client:
            fields: dict[str, Any] = {"prompt": "x", "model": "gpt-image-next", "extra_body": {"size": "64x64"}}
            response = client.images.generate(**fields)
            assert response.data is not None
            assert kind_of(base64.b64decode(response.data[0].b64_json or "")) == PNG
            assert [event.type for event in client.images.generate(**fields, stream=True, partial_images=1)] == [
                "image_generation.partial_image",
                "image_generation.completed",
            ]
            edited = client.images.edit(image=("a.png", drawn(), "image/png"), prompt="x", model="gpt-image-next")
            assert edited.data is not None
            with pytest.raises(openai.BadRequestError) as caught:
                client.images.generate(prompt=BLOCKED, model="gpt-image-next")
            assert cast("dict[str, Any]", caught.value.body)["innererror"]["code"] == "ResponsibleAIPolicyViolation"

    @pytest.mark.parametrize("name", ["litellm", "sd.cpp", "sglang", "vllm-omni", "xinference"])
    def test_edits(self, name: str, running: Callable[[str], Sandbox]) -> None:
        model, more = str(asked(name)["model"]), {"response_format": "b64_json"} if name == "xinference" else {}
        with openai.OpenAI(api_key=KEY, base_url=running(name).base_url, max_retries=0) as client:
            sent = [("a.png", drawn(), "image/png"), ("b.png", drawn(32, 32), "image/png")]
            response = client.images.edit(image=sent, prompt="x", model=model, extra_body=more)
        assert response.data is not None
        assert kind_of(base64.b64decode(response.data[0].b64_json or "")).endswith("64x64")

    def test_varies_at_xinference(self, running: Callable[[str], Sandbox]) -> None:
        with (
            openai.OpenAI(api_key=KEY, base_url=running("xinference").base_url, max_retries=0) as client,
            pytest.warns(DeprecationWarning, match="deprecated"),
        ):
            response = client.images.create_variation(  # pyright: ignore[reportDeprecated]
                image=("a.png", drawn()), model="m", response_format="b64_json"
            )
        assert response.data is not None

    def test_lists_the_models(self, running: Callable[[str], Sandbox]) -> None:
        for name in ("azure", "litellm", "localai", "sd.cpp", "siliconflow", "vllm-omni", "xai", "xinference"):
            with openai.OpenAI(api_key=KEY, base_url=running(name).base_url, max_retries=0) as client:
                assert next(iter(client.models.list())).id


def test_every_quirk_is_told(running: Callable[[str], Sandbox]) -> None:
    for name in ALL:
        said = tomllib.loads((FILES / f"{name}.toml").read_text(encoding="utf-8"))
        assert len(said["quirks"]) >= 4
        assert len(said["sources"]) >= 2
