"""The generated client that a facade client hands out: all operations, on the same connections, with the same key."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from copy import copy, deepcopy
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pictures import drawn
from raw_server import RawServer, reply

from images_api import AsyncImagesClient, ImagesClient, InvalidRequestError
from images_api_client import Client as LowLevelClient
from images_api_client.api.images import create_image, create_image_edit, create_image_variation
from images_api_client.models import (
    CreateImageEditByReferenceRequest,
    CreateImageEditRequest,
    CreateImageRequest,
    CreateImageVariationRequest,
    ErrorResponse,
    ImageReference,
    ImagesResponse,
)
from images_api_client.types import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api.sandbox import Sandbox
    from images_api_client.types import Response

    Reply = Response[ErrorResponse | ImagesResponse]

PNG = drawn(256, 256)
CONTENT = b64encode(PNG).decode()
MODES = ["sync", "async"]
TARGETS = ["/v1/images/generations", "/v1/images/edits", "/v1/images/edits", "/v1/images/variations"]


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(reply(json.dumps({"created": 7, "data": [{"b64_json": CONTENT}]}).encode())) as server:
        yield server


def picture() -> File:
    return File(BytesIO(PNG), "otter.png", "image/png")


def edit() -> CreateImageEditRequest:
    return CreateImageEditRequest(prompt="a beret", image=picture(), model="dall-e-2", response_format="b64_json")


def reference() -> CreateImageEditByReferenceRequest:
    return CreateImageEditByReferenceRequest(
        prompt="a beret", images=[ImageReference(image_url=f"data:image/png;base64,{CONTENT}")]
    )


def variation() -> CreateImageVariationRequest:
    return CreateImageVariationRequest(image=picture(), model="small", size="256x256", response_format="b64_json")


CREATION = CreateImageRequest(prompt="an otter", size="64x64", model="gpt-image-next")


def call_all(mode: str, base_url: str, **settings: Any) -> list[Reply]:
    """Call every operation by the generated client, after one by the facade."""
    if mode == "sync":
        with ImagesClient(base_url=base_url, **settings) as client:
            client.generate("an otter", size="64x64", model="gpt-image-next")
            return [
                create_image.sync_detailed(client=client.low_level, body=CREATION),
                create_image_edit.sync_detailed(client=client.low_level, body=edit()),
                create_image_edit.sync_detailed(client=client.low_level, body=reference()),
                create_image_variation.sync_detailed(client=client.low_level, body=variation()),
            ]

    async def main() -> list[Reply]:
        async with AsyncImagesClient(base_url=base_url, **settings) as client:
            await client.generate("an otter", size="64x64", model="gpt-image-next")
            return [
                await create_image.asyncio_detailed(client=client.low_level, body=CREATION),
                await create_image_edit.asyncio_detailed(client=client.low_level, body=edit()),
                await create_image_edit.asyncio_detailed(client=client.low_level, body=reference()),
                await create_image_variation.asyncio_detailed(client=client.low_level, body=variation()),
            ]

    return asyncio.run(main())


@pytest.mark.parametrize("mode", MODES)
def test_every_operation_works_against_the_sandbox(sandbox: Sandbox, mode: str) -> None:
    for answer in call_all(mode, sandbox.base_url):
        assert isinstance(answer.parsed, ImagesResponse)
        assert answer.parsed.data
        assert isinstance(answer.parsed.data[0].b64_json, str)


@pytest.mark.parametrize("mode", MODES)
def test_all_calls_go_over_the_facades_own_connection(server: RawServer, mode: str) -> None:
    answers = call_all(mode, server.base_url)

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [request.target for request in server.requests] == [TARGETS[0], *TARGETS]
    assert {request.connection for request in server.requests} == {0}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        pytest.param({}, {"authorization": None, "api-key": None}, id="no key"),
        pytest.param({"api_key": "sk-1"}, {"authorization": "Bearer sk-1"}, id="a key"),
        pytest.param({"api_key": lambda: "sk-2"}, {"authorization": "Bearer sk-2"}, id="a key that is asked for"),
        pytest.param(
            {"api_key": "sk-3", "auth_header": "api-key"}, {"api-key": "sk-3", "authorization": None}, id="another header"
        ),
        pytest.param(
            {"organization": "org-1", "project": "proj-1", "headers": {"X-Trace": "1"}},
            {"openai-organization": "org-1", "openai-project": "proj-1", "x-trace": "1"},
            id="headers",
        ),
    ],
)
def test_key_and_headers_are_those_of_the_facade(
    server: RawServer, mode: str, settings: dict[str, Any], sent: dict[str, str | None]
) -> None:
    call_all(mode, server.base_url, **settings)

    for request in server.requests:
        assert {name: request.headers.get(name) for name in sent} == sent


@pytest.mark.parametrize("mode", MODES)
def test_a_borrowed_http_client_is_used_and_left_open(server: RawServer, mode: str) -> None:
    marks = {"X-Borrowed": "yes"}
    seen: list[str] = []

    def note(request: httpx.Request) -> None:
        seen.append(request.url.path)

    async def note_too(request: httpx.Request) -> None:
        seen.append(request.url.path)

    async def main() -> None:
        async with httpx.AsyncClient(headers=marks, event_hooks={"request": [note_too]}) as borrowed:
            async with AsyncImagesClient(base_url=server.base_url, http_client=borrowed) as client:
                await create_image.asyncio_detailed(client=client.low_level, body=CREATION)
            assert not borrowed.is_closed

    if mode == "async":
        asyncio.run(main())
    else:
        with httpx.Client(headers=marks, event_hooks={"request": [note]}) as borrowed:
            with ImagesClient(base_url=server.base_url, http_client=borrowed) as client:
                create_image.sync_detailed(client=client.low_level, body=CREATION)
            assert not borrowed.is_closed

    assert seen == [TARGETS[0]]
    assert server.requests[0].headers["x-borrowed"] == "yes"


def test_an_error_status_is_the_generated_clients_to_tell() -> None:
    refusal = b'{"error": {"message": "wrong key", "code": "invalid_api_key"}}'

    with RawServer(reply(refusal, status=401)) as server, ImagesClient(base_url=server.base_url, api_key="sk-1") as client:
        answer = create_image.sync_detailed(client=client.low_level, body=CREATION)

    assert answer.status_code == 401
    assert isinstance(answer.parsed, ErrorResponse)
    assert answer.content == refusal
    assert len(server.requests) == 1


def test_the_timeout_is_the_facades(server: RawServer) -> None:
    client = ImagesClient(base_url=server.base_url, timeout=7)

    assert client.low_level.get_httpx_client().timeout == httpx.Timeout(7, connect=5)


def test_closing_the_facade_closes_the_connection_of_both(server: RawServer) -> None:
    with ImagesClient(base_url=server.base_url) as client:
        low_level = client.low_level
        create_image.sync_detailed(client=low_level, body=CREATION)
        assert not server.left.is_set()

    assert server.left.wait(60)


def test_neither_the_key_nor_the_connection_is_in_a_repr() -> None:
    client = ImagesClient(base_url="http://user:pass@127.0.0.1/v1", api_key="sk-secret-key")

    assert "sk-secret" not in repr(client.low_level)
    assert "pass" not in repr(client.low_level)


def test_the_low_level_client_of_a_borrowed_async_client_belongs_to_its_first_event_loop(server: RawServer) -> None:
    async def main(client: AsyncImagesClient) -> None:
        await create_image.asyncio_detailed(client=client.low_level, body=CREATION)

    async def first() -> AsyncImagesClient:
        async with httpx.AsyncClient() as borrowed:
            client = AsyncImagesClient(base_url=server.base_url, http_client=borrowed)
            await main(client)
        return client

    client = asyncio.run(first())
    with pytest.raises(InvalidRequestError, match="another event loop"):
        asyncio.run(main(client))


def test_a_result_holds_the_generated_reply_and_what_http_said() -> None:
    body = json.dumps({"created": 7, "data": [{"b64_json": CONTENT, "seed": 1}], "shimmer": True}).encode()
    script = reply(body, x_request_id="req_1", x_ratelimit_remaining_images="4")

    with RawServer(script) as server, ImagesClient(base_url=server.base_url) as client:
        result = client.generate("an otter")

    assert isinstance(result.response, ImagesResponse)
    assert (result.response.created, result.response.additional_properties) == (7, {"shimmer": True})
    assert CONTENT not in repr(result.response)
    assert (result.http.status_code, result.http.request_id) == (200, "req_1")
    assert result.http.rate_limits == {"remaining-images": "4"}
    assert result.http.elapsed > 0
    assert result.http.headers["x-request-id"] == "req_1"


def test_a_cookie_of_the_call_wins_over_those_of_the_borrowed_client(sandbox: Sandbox) -> None:
    with httpx.Client(cookies={"jar": "client"}) as http:
        client = ImagesClient(base_url=sandbox.base_url, http_client=http)
        seen: list[str | None] = []
        http.event_hooks["request"].append(lambda request: seen.append(request.headers.get("cookie")))
        client.generate("x")
        client.generate("x", extra_headers={"Cookie": "jar=call"})
    assert seen == ["jar=client", "jar=call"]


def test_a_servers_cookie_goes_back_with_what_the_generated_client_sends_alone() -> None:
    body = json.dumps({"created": 7, "data": [{"b64_json": CONTENT}]}).encode()
    with RawServer(reply(body, set_cookie="jar=server")) as server, ImagesClient(base_url=server.base_url) as client:
        for _ in range(2):
            client.generate("x")
        for _ in range(2):
            create_image.sync_detailed(client=client.low_level, body=CREATION)

        assert [request.headers.get("cookie") for request in server.requests] == [None, None, None, "jar=server"]


@pytest.mark.parametrize("kind", [ImagesClient, AsyncImagesClient])
def test_it_is_made_once(kind: type[ImagesClient | AsyncImagesClient]) -> None:
    client, other = (kind("sk-1", base_url="http://127.0.0.1/v1") for _ in range(2))

    assert client.low_level is client.low_level
    assert client.low_level is not other.low_level
    assert copy(client).low_level is not client.low_level


def test_one_that_was_closed_is_followed_by_another(server: RawServer) -> None:
    with ImagesClient(base_url=server.base_url) as client:
        for _ in range(2):
            with client.low_level as low_level:
                create_image.sync_detailed(client=low_level, body=CREATION)

    assert {request.connection for request in server.requests} == {0}


def test_one_that_was_closed_is_followed_by_another_in_a_loop_as_well(server: RawServer) -> None:
    async def main() -> None:
        async with AsyncImagesClient(base_url=server.base_url) as client:
            for _ in range(2):
                async with client.low_level as low_level:
                    await create_image.asyncio_detailed(client=low_level, body=CREATION)

    asyncio.run(main())
    assert {request.connection for request in server.requests} == {0}


Derive = Callable[[LowLevelClient], LowLevelClient]
DERIVED: list[tuple[Derive, dict[str, str]]] = [
    (lambda low_level: low_level.with_headers({"X-Team": "otters"}), {"x-team": "otters"}),
    (lambda low_level: low_level.with_headers({"User-Agent": "otters/1"}), {"user-agent": "otters/1"}),
    (lambda low_level: low_level.with_headers({"X-Trace": "2"}), {"x-trace": "2"}),
    (lambda low_level: low_level.with_headers({"AUTHORIZATION": "Bearer sk-2"}), {"authorization": "Bearer sk-2"}),
    (lambda low_level: low_level.with_timeout(httpx.Timeout(7)), {}),
    (lambda low_level: low_level.with_cookies({"team": "otters"}), {"cookie": "team=otters"}),
    (lambda low_level: low_level.with_headers({"X-Team": "otters"}).with_timeout(httpx.Timeout(7)), {"x-team": "otters"}),
    (copy, {}),
    (deepcopy, {}),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("derive", "sent"), DERIVED)
def test_what_is_made_of_it_keeps_key_and_connections_and_changes_nothing(
    server: RawServer, mode: str, derive: Derive, sent: dict[str, str]
) -> None:
    settings: dict[str, Any] = {"base_url": server.base_url, "headers": {"X-Trace": "1", "User-Agent": "fleet/1"}}

    async def asynchronously() -> None:
        async with AsyncImagesClient("sk-1", **settings) as client:
            for low_level in (client.low_level, derive(client.low_level), client.low_level):
                await create_image.asyncio_detailed(client=low_level, body=CREATION)

    if mode == "async":
        asyncio.run(asynchronously())
    else:
        with ImagesClient("sk-1", **settings) as client:
            for low_level in (client.low_level, derive(client.low_level), client.low_level):
                create_image.sync_detailed(client=low_level, body=CREATION)

    assert {request.connection for request in server.requests} == {0}
    usual = {"authorization": "Bearer sk-1", "x-trace": "1", "user-agent": "fleet/1", "x-team": None, "cookie": None}
    first, derived, last = ({name: request.headers.get(name) for name in usual} for request in server.requests)
    assert (first, derived, last) == (usual, usual | sent, usual)


@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_of_its_own_is_kept(mode: str) -> None:
    kind = ImagesClient if mode == "sync" else AsyncImagesClient
    client = kind(base_url="http://127.0.0.1/v1", timeout=7)
    derived = client.low_level.with_timeout(httpx.Timeout(1))

    assert derived.get_httpx_client().timeout == derived.get_async_httpx_client().timeout == httpx.Timeout(1)
    assert client.low_level.get_httpx_client().timeout == httpx.Timeout(7, connect=5)


def test_each_kind_of_client_takes_its_own_functions_alone(server: RawServer) -> None:
    async def main() -> None:
        await create_image.asyncio_detailed(client=ImagesClient(base_url=server.base_url).low_level, body=CREATION)

    with pytest.raises(TypeError, match="low_level of ImagesClient takes the sync functions alone"):
        asyncio.run(main())
    with pytest.raises(TypeError, match="low_level of AsyncImagesClient takes the asyncio functions alone"):
        create_image.sync_detailed(client=AsyncImagesClient(base_url=server.base_url).low_level, body=CREATION)
    assert server.requests == []


@pytest.mark.parametrize("mode", MODES)
def test_it_streams(sandbox: Sandbox, mode: str) -> None:
    body = CreateImageRequest(prompt="an otter", size="64x64", model="gpt-image-next", partial_images=1)

    async def main() -> list[Any]:
        async with AsyncImagesClient(base_url=sandbox.base_url) as client:
            return [each async for each in create_image.asyncio_stream(client=client.low_level, body=body)]

    with ImagesClient(base_url=sandbox.base_url) as client:
        sync = mode == "sync"
        events = list(create_image.sync_stream(client=client.low_level, body=body)) if sync else asyncio.run(main())
    assert [type(each).__name__ for each in events] == ["PartialImageEvent", "CompletedImageEvent"]
