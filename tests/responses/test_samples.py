"""Replies as servers of many kinds give them, sent over a real socket, and what the client makes of them.

Each `samples/NAME.http` is one reply: status line, headers, an empty line, the body. `http://replay.example` in it stands for
the server's own address, where a png of 4x3 is served under any path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pictures import drawn
from PIL import Image
from replay import Replay

import images_api
from images_api import APIStatusError, GeneratedImage, ImagesClient, ImagesResult, ResponseError, TokenDetails, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SAMPLES = {path.stem: path for path in (Path(__file__).parent / "samples").glob("*.http")}
CALLS: dict[str, Callable[[ImagesClient], ImagesResult]] = {
    "generate": lambda client: client.generate("an otter"),
    "edit": lambda client: client.edit(drawn(), "an otter"),
    "create_variation": lambda client: client.create_variation(drawn()),
}
ONE = "PNG 4x3"
REQUEST_ID = "req_0f3a5c7e9b1d"


@dataclass(kw_only=True)
class Good:
    """A reply that gives a result: what is not named here is None or empty."""

    pictures: str = ONE
    fields: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    first_extra: dict[str, Any] = field(default_factory=dict)
    revised_prompt: str | None = None
    request_id: str | None = None
    links: int = 0


@dataclass(kw_only=True)
class Broken:
    """A reply that says success but gives no result: a text in the message, and the pictures that were good."""

    says: str
    kind: str = "ResponseError"
    images: str = ""
    request_id: str | None = None


@dataclass(kw_only=True)
class Refused:
    """A reply of another status: a text in the message, what the body says, and how much of the body is `body`."""

    kind: str
    says: str
    part: str = "error"
    code: str | None = None
    param: str | None = None
    type: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    rate_limits: dict[str, str] = field(default_factory=dict)


GOOD = {
    "openai-gpt-image-2": Good(
        request_id=REQUEST_ID,
        fields={
            "created": 1779883200,
            "background": "opaque",
            "output_format": "png",
            "quality": "high",
            "size": "1536x864",
            "usage": Usage(16, 4184, 4200, TokenDetails(16, 0), TokenDetails(0, 4184)),
        },
    ),
    "openai-several": Good(
        request_id=REQUEST_ID, pictures="PNG 4x3, PNG 3x4, JPEG 5x2", fields={"created": 1779883201, "output_format": "png"}
    ),
    "openai-svg": Good(
        request_id=REQUEST_ID,
        pictures="SVG",
        fields={
            "created": 1779883202,
            "output_format": "svg",
            "size": "1024x1024",
            "usage": Usage(12, 0, 12, TokenDetails(12, 0)),
        },
    ),
    "openai-gif": Good(
        request_id=REQUEST_ID, pictures="GIF 2x6", fields={"created": 1779883203, "output_format": "gif", "quality": "max"}
    ),
    "dall-e-3-url": Good(
        request_id=REQUEST_ID,
        links=1,
        revised_prompt="A baby sea otter that floats on its back, in soft morning light.",
        fields={"created": 1706745600},
    ),
    "dall-e-2-two-urls": Good(request_id=REQUEST_ID, pictures=f"{ONE}, {ONE}", links=2, fields={"created": 1706745601}),
    "azure-dall-e-3": Good(
        request_id="7f0c5a1e-2b",
        revised_prompt="An otter.",
        fields={"created": 1706745602},
        first_extra={
            "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
            "prompt_filter_results": {"jailbreak": {"detected": False, "filtered": False}},
        },
    ),
    "localai-url": Good(
        request_id="corr-17",
        links=1,
        fields={"created": 1753000000, "usage": Usage(total_tokens=0, extra={"prompt_tokens": 0, "completion_tokens": 0})},
        extra={"id": "c1f0"},
        first_extra={"embedding": None, "index": 0},
    ),
    "vllm-omni-nulls": Good(fields={"created": 1753000001}),
    "sglang-url-beside-empty-b64": Good(
        links=1,
        fields={"created": 1753000002},
        extra={"id": "5e", "peak_memory_mb": 20480.5, "inference_time_s": 9.81},
        first_extra={"file_path": ""},
    ),
    "stable-diffusion-cpp": Good(pictures="PNG 4x3, PNG 3x4", fields={"created": 1753000003, "output_format": "png"}),
    "ollama": Good(fields={"created": 1753000005}),
    "litellm-nones": Good(request_id="5b", fields={"created": 1753000006, "usage": Usage(0, 0, 0)}),
    "relay-data-url": Good(fields={"created": 1753000007}),
    "relay-data-urls-escaped": Good(pictures="PNG 4x3, SVG", fields={"created": 1753000023}),
    "relay-data-prefix": Good(fields={"created": 1753000008}),
    "relay-jpeg-said-png": Good(pictures="JPEG 5x2", fields={"created": 1753000009, "output_format": "png"}),
    "missing-padding": Good(fields={"created": 1753000010}),
    "wrapped-base64": Good(fields={"created": 1753000011}),
    "urlsafe-base64": Good(fields={"created": 1753000012}),
    "image-body": Good(pictures="WEBP 6x2", request_id="img-1"),
    "image-body-misnamed": Good(),
    "missing-created": Good(),
    "null-everywhere": Good(extra={"error": None}, first_extra={"seed": None}),
    "new-enum-values": Good(
        fields={
            "created": 1753000013,
            "background": "checkered",
            "output_format": "avif",
            "quality": "ultra",
            "size": "auto",
        }
    ),
    "unknown-fields": Good(
        fields={"created": 1753000014},
        extra={"object": "list", "model": "painter-9", "parameters": {"steps": 30, "sampler": ["euler", "a"]}},
        first_extra={"seed": 42, "nsfw": False, "timings": {"inference": 1.5}},
    ),
    "usage-as-text": Good(fields={"created": 1753000015}),
    "usage-in-other-words": Good(
        fields={
            "created": 1753000016,
            "usage": Usage(
                total_tokens=50,
                output_tokens_details=TokenDetails(image_tokens=38, extra={"reasoning_tokens": 5}),
                extra={"prompt_tokens": 12, "cost": {"usd": 0.04}},
            ),
        }
    ),
    "fields-of-other-types": Good(),
    "byte-order-mark": Good(fields={"created": 1753000017}),
    "said-to-be-text": Good(fields={"created": 1753000018}),
    "no-content-type": Good(fields={"created": 1753000019}),
    "gzipped": Good(pictures="PNG 5x5", fields={"created": 1753000020}),
    "data-object": Good(fields={"created": 1753000033}),
    "list-instead-of-object": Good(),
    "texts-instead-of-objects": Good(pictures="PNG 4x3, PNG 3x4", fields={"created": 1753000041}),
    "201-created": Good(fields={"created": 1753000021}),
    "202-accepted": Good(fields={"created": 1753000022}),
}
BROKEN = {
    "200-html": Broken(says="(200, text/html) isn't JSON: Sign in to the company network", request_id="html-1"),
    "200-empty": Broken(says="isn't JSON: an empty body"),
    "204-no-content": Broken(says="(204, no content type) isn't JSON: an empty body"),
    "200-text": Broken(says="isn't JSON: Your picture is being painted."),
    "data-missing": Broken(kind="NoImageError", says="holds no image"),
    "data-null": Broken(kind="NoImageError", says="holds no image"),
    "data-empty": Broken(kind="NoImageError", says="holds no image", request_id="empty-1"),
    "error-in-200": Broken(kind="NoImageError", says="no worker is free"),
    "message-in-200": Broken(kind="NoImageError", says="the queue is full"),
    "cut-json": Broken(says="isn't JSON"),
    "truncated-png": Broken(says="image 1 of 1 is cut short"),
    "not-a-picture": Broken(says="isn't an image: it begins with b'Sorry, no otters'"),
    "wrong-base64": Broken(says="isn't base64"),
    "one-good-one-broken": Broken(says="image 2 of 4 is cut short", images="PNG 4x3, JPEG 5x2"),
    "sglang-empty-b64": Broken(says="neither b64_json nor url"),
    "b64-of-another-type": Broken(says="has a list for b64_json"),
    "image-body-cut": Broken(says="image 1 of 1 is cut short"),
    "image-body-html": Broken(says="isn't an image"),
}
REFUSED = {
    "openai-400-unknown-parameter": Refused(
        kind="BadRequestError",
        says="400 unknown_parameter: Unknown parameter: 'response_format'. (request req_0f3a5c7e9b1d)",
        code="unknown_parameter",
        param="response_format",
        type="invalid_request_error",
        request_id=REQUEST_ID,
    ),
    "openai-400-moderation": Refused(
        kind="ContentPolicyError",
        says="rejected by the safety system",
        code="moderation_blocked",
        type="image_generation_user_error",
        request_id=REQUEST_ID,
    ),
    "openai-401": Refused(
        kind="AuthenticationError",
        says="401 invalid_api_key: Incorrect API key provided: sk-…. You can find",
        code="invalid_api_key",
        type="invalid_request_error",
        request_id=REQUEST_ID,
    ),
    "openai-403": Refused(
        kind="PermissionDeniedError", says="must be verified", type="invalid_request_error", request_id=REQUEST_ID
    ),
    "openai-404-model": Refused(
        kind="NotFoundError",
        says="The model 'painter-9' does not exist. (POST http://127.0.0.1:",
        code="model_not_found",
        param="model",
        type="invalid_request_error",
        request_id=REQUEST_ID,
    ),
    "openai-429-rate": Refused(
        kind="RateLimitError",
        says="Please try again in 51.84s.",
        code="rate_limit_exceeded",
        type="input-images",
        request_id=REQUEST_ID,
        retry_after=51.84,
        rate_limits={"limit-images": "5", "remaining-images": "0"},
    ),
    "openai-429-quota": Refused(
        kind="QuotaExceededError",
        says="exceeded your current quota",
        code="insufficient_quota",
        type="insufficient_quota",
        request_id=REQUEST_ID,
    ),
    "openai-500": Refused(kind="InternalServerError", says="The server had an error", type="server_error", request_id=REQUEST_ID),
    "azure-content-filter": Refused(
        kind="ContentPolicyError",
        says="filtered by the content management policy",
        code="invalid_prompt",
        param="prompt",
        request_id="7f0c5a1e-2c",
    ),
    "azure-dall-e-content-filter": Refused(
        kind="ContentPolicyError",
        says="400 contentFilter: The content was filtered.",
        code="contentFilter",
        request_id="7f0c5a1e-2d",
    ),
    "azure-401": Refused(kind="AuthenticationError", says="401: Access denied due to", part="all"),
    "azure-429": Refused(kind="RateLimitError", says="429 429: Requests", code="429", request_id="7f0c5a1e-2e", retry_after=17),
    "fastapi-422": Refused(
        kind="UnprocessableEntityError", says="422: Field required; Input should be a valid integer", part="all"
    ),
    "fastapi-detail-text": Refused(kind="InternalServerError", says="503: Model is still loading", part="all"),
    "new-api-error": Refused(
        kind="BadRequestError", says="400 1002: 当前分组 default", code="1002", param="", type="new_api_error"
    ),
    "new-api-no-quota": Refused(
        kind="PermissionDeniedError", says="用户额度不足", code="insufficient_user_quota", param="", type="new_api_error"
    ),
    "localai-500": Refused(
        kind="InternalServerError", says="500 500: could not load model", code="500", type="", request_id="corr-18"
    ),
    "litellm-400": Refused(
        kind="BadRequestError",
        says="drop_params is not a parameter",
        code="400",
        param="None",
        type="None",
        request_id="5c",
    ),
    "ollama-404": Refused(kind="NotFoundError", says="404: model 'painter-9' not found"),
    "xinference-500": Refused(kind="InternalServerError", says="CUDA out of memory", part="all"),
    "code-and-message": Refused(kind="APIStatusError", says="402 7: No credit is left", part="all", code="7"),
    "error-null": Refused(kind="APIStatusError", says="413: The file is too large", part="all"),
    "cloudflare-520": Refused(
        kind="InternalServerError", says="520: images.example | 520: Web server is returning an unknown error", part="text"
    ),
    "cloudflare-524": Refused(kind="InternalServerError", says="524: error code: 524", part="text"),
    "nginx-499": Refused(kind="APIStatusError", says="499: 499 Client Closed Request", part="text"),
    "overloaded-529": Refused(kind="InternalServerError", says="529: Overloaded. Overloaded.", part="text"),
    "gateway-502-empty": Refused(kind="InternalServerError", says="502: an empty body", part="text"),
    "gateway-503-busy": Refused(kind="InternalServerError", says="503: busy", part="text", retry_after=30),
    "teapot-binary": Refused(kind="APIStatusError", says="418: ", part="text"),
    "304-not-modified": Refused(kind="APIStatusError", says="304: an empty body", part="text"),
}
# The server's own paths are neither a broken reply nor one that can be read.
UNREADABLE = "xinference-server-path"


@pytest.fixture(scope="module")
def running_replay() -> Iterator[Replay]:
    with Replay() as replay:
        yield replay


@pytest.fixture
def replay(running_replay: Replay) -> Replay:
    """The server without answers."""
    running_replay.clear()
    return running_replay


@pytest.fixture(scope="module")
def client(running_replay: Replay) -> Iterator[ImagesClient]:
    with ImagesClient(base_url=f"{running_replay.origin}/v1", max_retries=0) as client:
        yield client


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[ImagesClient], ImagesResult]:
    return CALLS[request.param]


def serve(replay: Replay, name: str) -> bytes:
    """Let a sample be the answer to the first request, and a picture to all others; return the sample's body."""
    head, _, body = SAMPLES[name].read_bytes().replace(b"http://replay.example", replay.origin.encode()).partition(b"\n\n")
    status_line, *headers = head.decode().split("\n")
    replay.answer(int(status_line.split(" ")[1]), dict(line.split(": ", 1) for line in headers), body)
    replay.answer(200, {"Content-Type": "image/png"}, drawn(4, 3))
    return body


def described(images: Iterable[GeneratedImage]) -> str:
    """Decode pictures, and say what each of them is."""
    return ", ".join(_described(image) for image in images)


def _described(image: GeneratedImage) -> str:
    content = image.read()
    if image.format == "svg":
        return "SVG" if content.startswith(b"<svg") and content.endswith(b"</svg>") else "?"
    picture = Image.open(BytesIO(content))
    picture.load()
    assert (picture.format or "").lower() == image.format
    assert picture.size == (image.width, image.height)
    return f"{picture.format} {picture.width}x{picture.height}"


def test_every_sample_has_its_place() -> None:
    assert sorted(SAMPLES) == sorted([*GOOD, *BROKEN, *REFUSED, UNREADABLE])


@pytest.mark.parametrize("name", GOOD)
def test_gives_a_result(name: str, call: Callable[[ImagesClient], ImagesResult], client: ImagesClient, replay: Replay) -> None:
    serve(replay, name)
    expected = GOOD[name]
    result = call(client)
    fields = ("created", "usage", "background", "output_format", "size", "quality")
    assert {name: getattr(result, name) for name in fields} == dict.fromkeys(fields) | expected.fields
    assert result.extra == expected.extra
    assert (result[0].revised_prompt, result[0].extra) == (expected.revised_prompt, expected.first_extra)
    assert [image.index for image in result] == list(range(len(result)))
    assert result.http.request_id == expected.request_id
    assert result.http.is_success
    assert len(replay.asked) == 1, "links are fetched when they are read"
    assert described(result) == expected.pictures
    assert {type(image.url) for image in result} <= {str, type(None)}
    links = [image.url for image in result if image.url is not None and image.url.startswith("http")]
    assert len(links) == expected.links
    assert [(asked.method, replay.origin + asked.target) for asked in replay.asked[1:]] == [("GET", link) for link in links]


@pytest.mark.parametrize("name", BROKEN)
def test_is_an_error_that_keeps_all_that_came(
    name: str, call: Callable[[ImagesClient], ImagesResult], client: ImagesClient, replay: Replay
) -> None:
    body = serve(replay, name)
    expected = BROKEN[name]
    with pytest.raises(ResponseError) as caught:
        call(client)
    error = caught.value
    assert type(error) is getattr(images_api, expected.kind)
    assert expected.says in str(error)
    assert len(str(error)) < 400
    assert error.body == body
    assert error.http is not None
    assert error.http.request_id == expected.request_id
    assert described(error.images) == expected.images
    assert len(replay.asked) == 1, "what may be paid for is not asked for again"


@pytest.mark.parametrize("name", REFUSED)
def test_is_the_error_of_its_status(
    name: str, call: Callable[[ImagesClient], ImagesResult], client: ImagesClient, replay: Replay
) -> None:
    body = serve(replay, name)
    expected = REFUSED[name]
    with pytest.raises(APIStatusError) as caught:
        call(client)
    error = caught.value
    assert type(error) is getattr(images_api, expected.kind)
    assert error.status_code == int(SAMPLES[name].read_bytes().split(b" ", 2)[1])
    assert (error.code, error.param, error.type) == (expected.code, expected.param, expected.type)
    assert expected.says in str(error)
    assert len(str(error)) < 400
    assert error.body == (body.decode(errors="replace") if expected.part == "text" else _part(body, expected.part))
    assert error.request_id == expected.request_id
    assert error.http.retry_after == expected.retry_after
    assert error.http.rate_limits.items() >= expected.rate_limits.items()
    assert error.headers["content-length"] == str(len(body))


def _part(body: bytes, part: str) -> object:
    document: dict[str, object] = json.loads(body)
    return document if part == "all" else document[part]


def test_a_path_on_the_server_is_a_result_whose_picture_cannot_be_read(client: ImagesClient, replay: Replay) -> None:
    serve(replay, UNREADABLE)
    (image,) = client.generate("an otter")
    assert image.url == "/data/image/6d2f.jpg"
    with pytest.raises(images_api.DownloadError, match="ask for response_format='b64_json'"):
        image.read()
    assert len(replay.asked) == 1
