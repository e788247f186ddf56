"""What is sent where a call says nothing: defaults of the client, the contract, the model; and what errors say of them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from file_server import FileServer, served_fixture
from pictures import drawn

from images_api import APIStatusError, ImagesClient, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api.sandbox import Sandbox

# pytest finds it by its name, here.
FIXTURES = (served_fixture,)
PNG = drawn()
FREE_SIZES, ITS_OWN = {"model": "gpt-image-2", "size": "1536x864"}, {"model": "dall-e-2"}


def sent(sandbox: Sandbox) -> dict[str, Any]:
    """Return the fields of the last request."""
    request = sandbox.requests[-1]
    if request.headers["content-type"] == "application/json":
        return dict(json.loads(request.body))
    return {name.decode(): text.decode() for name, text in re.findall(rb'name="(\w+)"\r\n\r\n(.*?)\r\n', request.body)}


def call(client: ImagesClient, method: str, said: dict[str, Any]) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"generate": ("x",), "edit": (PNG, "x"), "create_variation": (PNG,)}
    getattr(client, method)(*arguments[method], **said)


@pytest.mark.parametrize(
    ("defaults", "method", "said", "left_out"),
    [
        # What the model that a call names hasn't.
        ({"quality": "high", "background": "opaque"}, "generate", ITS_OWN, {"quality", "background"}),
        ({"moderation": "low", "output_format": "webp"}, "generate", {"model": "dall-e-3"}, {"moderation", "output_format"}),
        ({"response_format": "url", "style": "vivid"}, "generate", FREE_SIZES, {"response_format", "style"}),
        ({"input_fidelity": "high"}, "edit", FREE_SIZES, {"input_fidelity"}),
        # Of which it hasn't this choice.
        (FREE_SIZES, "create_variation", ITS_OWN, {"size"}),
        (FREE_SIZES, "generate", ITS_OWN, {"size"}),
        ({"size": "1024x1792", "model": "dall-e-3"}, "generate", {"model": "gpt-image-1.5"}, {"size"}),
        ({"quality": "max"}, "edit", {"model": "gpt-image-1.5"}, {"quality"}),
        # What no model takes in such a call.
        (FREE_SIZES | {"model": "dall-e-2"}, "create_variation", {}, {"size"}),
        ({"size": "1536x864"}, "create_variation", {}, {"size"}),
        ({"style": "vivid", "quality": "low"}, "create_variation", {}, {"style", "quality"}),
    ],
)
def test_are_left_out_where_they_do_not_apply(
    sandbox: Sandbox, defaults: dict[str, Any], method: str, said: dict[str, Any], left_out: set[str]
) -> None:
    with ImagesClient(base_url=sandbox.base_url, **defaults) as client:
        call(client, method, said)
    for name in left_out:
        assert sent(sandbox).get(name) != defaults[name]


@pytest.mark.parametrize(
    ("defaults", "method", "said"),
    [
        ({"quality": "low"}, "generate", FREE_SIZES),
        ({"size": "1024x1536", "background": "opaque"}, "edit", {"model": "gpt-image-1.5"}),
        ({"size": "2K", "quality": "high", "n": 11, "style": "vivid"}, "generate", {"model": "someone-elses-model"}),
        ({"size": "512x512"}, "create_variation", ITS_OWN),
        ({"user": "me", "n": 2}, "generate", {"model": "dall-e-2", "size": "256x256"}),
    ],
)
def test_apply_where_the_model_has_them(sandbox: Sandbox, defaults: dict[str, Any], method: str, said: dict[str, Any]) -> None:
    with ImagesClient(base_url=sandbox.base_url, **defaults) as client:
        call(client, method, said)
    assert {name: sent(sandbox)[name] for name in defaults} == defaults


@pytest.mark.parametrize(
    ("defaults", "method", "said", "why"),
    [
        ({"n": 2}, "generate", {"model": "dall-e-3"}, "n must be at most 1 for dall-e-3 (the client's default), got 2"),
        ({"size": "1530x864"}, "generate", {"model": "gpt-image-2"}, "multiples of 16 for gpt-image-2 (the client's default)"),
        ({"size": "64x64"}, "edit", {"model": "gpt-image-2"}, "pixels for gpt-image-2 (the client's default)"),
        # Which nobody has, or the client's own model hasn't.
        ({"quality": "hgih"}, "generate", {"model": "dall-e-2"}, "quality must be standard for dall-e-2 (the client's default)"),
        ({"model": "dall-e-2", "style": "vivid"}, "generate", {}, "style is not supported for dall-e-2 (the client's default)"),
        ({"model": "dall-e-2", "size": "1536x864"}, "generate", ITS_OWN, "for dall-e-2 (the client's default), got '1536x864'"),
        # Where the value is the call's, the model may be the cause.
        ({"model": "dall-e-2"}, "generate", {"style": "vivid"}, "for dall-e-2 (the client's default model), got 'vivid'"),
        ({}, "generate", {"style": "vivid"}, "style is not supported for gpt-image-2.5-flare (the contract's default model)"),
        ({"model": "dall-e-3"}, "edit", {}, "(the client's default), got 'dall-e-3'"),
    ],
)
def test_errors_say_whose_word_it_was(
    sandbox: Sandbox, defaults: dict[str, Any], method: str, said: dict[str, Any], why: str
) -> None:
    with (
        ImagesClient(base_url=sandbox.base_url, **defaults) as client,
        pytest.raises(InvalidRequestError, match=re.escape(why)),
    ):
        call(client, method, said)
    assert not sandbox.requests


@pytest.fixture
def unwilling() -> Iterator[httpx.Client]:
    """Connections to a server that has no model of the name."""

    def refuse(request: httpx.Request) -> httpx.Response:
        model = json.loads(request.content).get("model")
        return httpx.Response(404, json={"error": {"message": f"There is no model {model}.", "code": "model_not_found"}})

    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        yield client


@pytest.mark.parametrize(
    ("defaults", "said", "told"),
    [
        ({}, {}, True),
        ({}, {"model": "m"}, False),
        ({"model": "m"}, {}, False),
        ({"model": None}, {}, False),
    ],
)
def test_a_server_without_the_model_that_nobody_named(
    unwilling: httpx.Client, defaults: dict[str, Any], said: dict[str, Any], *, told: bool
) -> None:
    client = ImagesClient(base_url="http://images.example/v1", http_client=unwilling, **defaults)
    with pytest.raises(APIStatusError, match="There is no model") as caught:
        client.generate("x", **said)
    assert ("gpt-image-2.5-flare is the contract's default model; model=None" in str(caught.value)) == told


def test_no_model_is_sent_where_the_client_says_none(served: FileServer) -> None:
    served.answer_calls({"b64_json": base64.b64encode(PNG).decode()})
    with ImagesClient(base_url=f"{served.url}/v1", model=None) as client:
        client.generate("x")
        client.generate("x", svg={"model": "m"}, output_format="svg")
        client.edit(PNG, "x")
        client.create_variation(PNG)
        client.generate("x", model=None)
        client.generate("x", model="named")
    named = [b'"model":"' in request.body.replace(b'"svg":{"model":"m"}', b"") for request in served.heard("POST")]
    assert named == [False, False, False, False, False, True]
    assert not any(b'name="model"' in request.body for request in served.heard("POST"))
