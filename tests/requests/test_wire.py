"""What goes on the wire: every byte that a server reads, as a socket got it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from contract_tables import DOCUMENT, SCHEMAS, defaults
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import drawn
from python_multipart import MultipartParser

from images_api import AuthenticationError, ImagesClient, InvalidRequestError
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api.sandbox._journal import ReceivedRequest

PNG = drawn()
JPEG = drawn(mode="RGB", kind="JPEG")
OTHER = "someone-elses-model"
PATHS = {definition["operationId"]: path for path, item in DOCUMENT["paths"].items() for definition in item.values()}
EXTRA: dict[str, Any] = {"seed": 7, "tiled": True, "style_of": None, "meta": {"a": {"b": 1.5}, "tags": ["x", "y"]}, "empty": {}}
METHODS = ["generate", "edit", "create_variation"]
VERSION = DOCUMENT["info"]["version"]


class Part(NamedTuple):
    """A part of a form, in the order of the wire."""

    name: str
    filename: str | None
    type: str | None
    content: bytes


def parts(request: ReceivedRequest) -> list[Part]:
    """Read a form with a parser that nobody here wrote."""
    boundary = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{32})", request.headers["content-type"])
    assert boundary
    found: list[tuple[dict[str, str], bytearray]] = []
    name = value = b""

    def begin() -> None:
        found.append(({}, bytearray()))

    def header_field(data: bytes, start: int, end: int) -> None:
        nonlocal name
        name += data[start:end]

    def header_value(data: bytes, start: int, end: int) -> None:
        nonlocal value
        value += data[start:end]

    def header_end() -> None:
        nonlocal name, value
        found[-1][0][name.decode()] = value.decode()
        name = value = b""

    def content(data: bytes, start: int, end: int) -> None:
        found[-1][1].extend(data[start:end])

    ended: list[bool] = []
    parser = MultipartParser(
        boundary[1],
        {
            "on_part_begin": begin,
            "on_part_data": content,
            "on_header_field": header_field,
            "on_header_value": header_value,
            "on_header_end": header_end,
            "on_end": lambda: ended.append(True),
        },
    )
    assert parser.write(request.body) == len(request.body)
    assert ended
    return [_part(headers, bytes(data)) for headers, data in found]


def _part(headers: dict[str, str], content: bytes) -> Part:
    disposition = re.fullmatch(r'form-data; name="([^"]*)"(?:; filename="([^"]*)")?', headers.pop("Content-Disposition"))
    assert disposition
    media_type = headers.pop("Content-Type", None)
    assert not headers
    return Part(disposition[1], disposition[2], media_type, content)


def texts(request: ReceivedRequest) -> dict[str, str]:
    """Return the texts of a form by name; none is there twice."""
    found = [part for part in parts(request) if part.filename is None]
    assert len({part.name for part in found}) == len(found)
    return {part.name: part.content.decode() for part in found}


def fields(request: ReceivedRequest) -> dict[str, Any]:
    """Return the fields of a JSON body, which is as short as it can be."""
    found: dict[str, Any] = json.loads(request.body)
    assert request.body == json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    return found


def call(client: ImagesClient, method: str, **options: Any) -> None:
    needed: dict[str, Any] = {"prompt": "x"} if method != "create_variation" else {}
    if method != "generate":
        needed["image"] = PNG
    getattr(client, method)(**needed | options)


class TestNothingUnasked:
    @pytest.mark.parametrize(
        "model", ["gpt-image-2", "gpt-image-2.5-flare", "gpt-image-1.5", "chatgpt-image-latest", "gpt-image-2.6-flare", OTHER]
    )
    def test_prompt_and_model_are_all_that_is_sent(self, client: ImagesClient, sandbox: Sandbox, model: str) -> None:
        client.generate("x", model=model)
        client.edit(PNG, "x", model=model)
        assert fields(sandbox.requests[0]) == {"prompt": "x", "model": model}
        assert texts(sandbox.requests[1]) == {"prompt": "x", "model": model}
        assert [part.name for part in parts(sandbox.requests[1])] == ["prompt", "model", "image"]

    def test_without_a_word_the_contracts_model_is_sent(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.generate("x")
        client.edit(PNG, "x")
        client.create_variation(PNG)
        models = [SCHEMAS[f"CreateImage{kind}Request"]["properties"]["model"]["default"] for kind in ("", "Edit", "Variation")]
        created, edited, varied = sandbox.requests
        assert fields(created) == {"prompt": "x", "model": models[0]}
        assert texts(edited) == {"prompt": "x", "model": models[1]}
        assert texts(varied)["model"] == models[2]

    @pytest.mark.parametrize(
        ("method", "request_name", "model"),
        [
            ("generate", "CreateImageRequest", "dall-e-2"),
            ("generate", "CreateImageRequest", "dall-e-3"),
            ("edit", "CreateImageEditRequest", "dall-e-2"),
            ("create_variation", "CreateImageVariationRequest", "dall-e-2"),
            ("create_variation", "CreateImageVariationRequest", OTHER),
        ],
    )
    def test_what_is_documented_for_a_model_is_sent_for_it(
        self, client: ImagesClient, sandbox: Sandbox, method: str, request_name: str, model: str
    ) -> None:
        call(client, method, model=model)
        documented = defaults(request_name, model)
        assert set(documented) == (set() if model == OTHER else {"n", "size", "response_format"})
        wanted = documented | {"model": model} | ({} if method == "create_variation" else {"prompt": "x"})
        sent = fields(sandbox.requests[-1]) if method == "generate" else texts(sandbox.requests[-1])
        assert sent == (wanted if method == "generate" else {name: str(value) for name, value in wanted.items()})

    def test_what_a_call_says_takes_the_place_of_what_is_documented(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.generate("x", model="dall-e-2", n=2, size="256x256", response_format="b64_json")
        client.create_variation(PNG, n=2, size="256x256", response_format="b64_json")
        said = {"n": 2, "size": "256x256", "response_format": "b64_json", "model": "dall-e-2"}
        assert fields(sandbox.requests[0]) == {"prompt": "x", **said}
        assert texts(sandbox.requests[1]) == {name: str(value) for name, value in said.items()}

    def test_a_clients_options_go_where_an_operation_knows_them(self, sandbox: Sandbox) -> None:
        with ImagesClient(
            base_url=sandbox.base_url, model=OTHER, size="256x256", moderation="low", input_fidelity="low"
        ) as client:
            client.generate("x")
            client.edit(PNG, "x", size="64x64")
            client.create_variation(PNG)
        created, edited, varied = sandbox.requests
        assert fields(created) == {"prompt": "x", "model": OTHER, "size": "256x256", "moderation": "low"}
        assert texts(edited) == {"prompt": "x", "model": OTHER, "size": "64x64", "input_fidelity": "low"}
        assert texts(varied) == {"model": OTHER, "size": "256x256"}

    def test_none_is_what_was_not_said(self, sandbox: Sandbox) -> None:
        nothing: dict[str, Any] = {"n": None, "size": None, "response_format": None}
        with ImagesClient(base_url=sandbox.base_url, size="1024x1024") as client:
            client.generate("x", model="dall-e-2", quality=None, **nothing)
            client.create_variation(PNG, **nothing)
            client.edit(PNG, "x", model=None, quality=None, svg=None, output_format="svg", size=None)
        created, varied, edited = sandbox.requests
        documented = {"n": 1, "size": "1024x1024", "response_format": "url"}
        assert fields(created) == {"prompt": "x", "model": "dall-e-2", **documented}
        assert texts(varied) == {"model": "dall-e-2"} | {name: str(value) for name, value in documented.items()}
        assert texts(edited) == {"prompt": "x", "model": "gpt-image-2.5-flare", "output_format": "svg", "size": "1024x1024"}

    def test_a_null_is_said_by_extra_body(self, sandbox: Sandbox) -> None:
        with ImagesClient(base_url=sandbox.base_url) as client:
            client.generate("x", size="64x64", model="gpt-image-next", extra_body={"moderation": None})
        assert fields(sandbox.requests[-1])["moderation"] is None

    def test_a_client_without_a_model_sends_none(self, sandbox: Sandbox) -> None:
        with ImagesClient(base_url=sandbox.base_url, model=None) as client:
            client.generate("x", size="1024x1024")
            client.edit(PNG, "x")
            client.generate("x", model=OTHER, size="64x64")
        created, edited, named = sandbox.requests
        assert fields(created) == {"prompt": "x", "size": "1024x1024"}
        assert texts(edited) == {"prompt": "x"}
        assert fields(named) == {"prompt": "x", "model": OTHER, "size": "64x64"}


class TestJSON:
    @pytest.mark.parametrize("prompt", ["Å, 水獺, 🦦", '"quoted" \\ and \n broken', "\x00\x7f\u2028", " x "])
    def test_texts_are_utf_8_and_arrive_as_they_are(self, client: ImagesClient, sandbox: Sandbox, prompt: str) -> None:
        client.generate(prompt, model=OTHER, size="16x16")
        request = sandbox.requests[-1]
        assert fields(request)["prompt"] == prompt
        assert request.headers["content-type"] == "application/json"
        assert request.headers["content-length"] == str(len(request.body))

    def test_values_keep_their_types(self, client: ImagesClient, sandbox: Sandbox) -> None:
        svg: Any = {"model": "gpt-5", "reasoning": {"effort": "low"}}
        client.generate("x", model=OTHER, size="16x16", n=1, output_format="svg", svg=svg)
        sent = fields(sandbox.requests[-1])
        assert (sent["n"], sent["svg"]) == (1, svg)


class TestForms:
    def test_one_picture_is_an_image_and_several_are_a_list_in_their_order(self, client: ImagesClient, sandbox: Sandbox) -> None:
        others = [drawn(32 + 16 * place, 32) for place in range(16)]
        client.edit(PNG, "x")
        client.edit([PNG], "x")
        client.edit(others, "x", mask=others[0], size="64x64", model="gpt-image-next")
        files = [[part for part in parts(request) if part.filename] for request in sandbox.requests]
        assert files[0] == files[1] == [Part("image", "image.png", "image/png", PNG)]
        assert [(part.name, part.content) for part in files[2]] == [
            *(("image[]", other) for other in others),
            ("mask", others[0]),
        ]

    def test_texts_come_first_and_have_a_name_only(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.edit([PNG, PNG], "Å\r\n水獺", markup=PNG, size="64x64", model=OTHER, n=2, user="u", quality="low")
        found = parts(sandbox.requests[-1])
        assert [part.filename is None for part in found] == [True] * 6 + [False] * 3
        assert all(part.type is None for part in found[:6])
        assert texts(sandbox.requests[-1])["prompt"] == "Å\r\n水獺"

    def test_numbers_truths_and_nested_settings_are_written_as_texts(self, client: ImagesClient, sandbox: Sandbox) -> None:
        with client.stream_edit(
            PNG, "x", model=OTHER, size="64x64", partial_images=0, output_compression=7, output_format="jpeg"
        ):
            pass
        svg: Any = {"model": "gpt-5", "reasoning": {"effort": "low"}}
        client.edit(PNG, "x", model=OTHER, size="64x64", output_format="svg", svg=svg)
        streamed, drawn_as_svg = map(texts, sandbox.requests)
        assert (streamed["stream"], streamed["partial_images"], streamed["output_compression"]) == ("true", "0", "7")
        assert drawn_as_svg == {
            "prompt": "x",
            "model": OTHER,
            "size": "64x64",
            "output_format": "svg",
            "svg[model]": "gpt-5",
            "svg[reasoning][effort]": "low",
        }

    @pytest.mark.parametrize(
        ("given_image", "filename", "media_type"),
        [
            (PNG, "image.png", "image/png"),
            (JPEG, "image.jpg", "image/jpeg"),
            (("x.png", JPEG), "x.png", "image/jpeg"),
            (("x.jpg", PNG, "image/jpeg"), "x.jpg", "image/png"),
            (("x", drawn(kind="WEBP")), "x", "image/webp"),
        ],
    )
    def test_files_have_a_name_and_the_type_of_their_bytes(
        self, client: ImagesClient, sandbox: Sandbox, given_image: Any, filename: str, media_type: str
    ) -> None:
        client.edit(given_image, "x", size="64x64", model="gpt-image-next")
        (file,) = (part for part in parts(sandbox.requests[-1]) if part.filename is not None)
        assert file[:3] == ("image", filename, media_type)

    def test_a_type_for_json_does_not_make_a_form_unreadable(self, sandbox: Sandbox) -> None:
        # Many a client says it with every request, and without its boundary a form can't be read.
        with ImagesClient(base_url=sandbox.base_url, headers={"Content-Type": "application/json"}) as client:
            client.edit(PNG, "x", size="64x64", model="gpt-image-next")
            client.edit(PNG, "x", size="64x64", model="gpt-image-next", extra_headers={"content-type": "multipart/form-data"})
            client.generate("x", size="64x64", model="gpt-image-next")
        assert [part.name for request in sandbox.requests[:2] for part in parts(request)] == [
            "prompt",
            "model",
            "size",
            "image",
        ] * 2
        assert sandbox.requests[2].headers["content-type"] == "application/json"

    def test_lengths_are_told_and_boundaries_never_return(self, client: ImagesClient, sandbox: Sandbox) -> None:
        for _ in range(5):
            client.edit(PNG, "x", size="64x64", model="gpt-image-next")
        assert all(request.headers["content-length"] == str(len(request.body)) for request in sandbox.requests)
        assert not any("transfer-encoding" in request.headers for request in sandbox.requests)
        assert len({request.headers["content-type"] for request in sandbox.requests}) == 5


@pytest.fixture(scope="module")
def lasting(running_sandbox: Sandbox) -> Iterator[ImagesClient]:
    """A client for many calls of one test."""
    with ImagesClient(base_url=running_sandbox.base_url, model=OTHER, size="16x16") as client:
        yield client


INJECTION = '\r\n--+++\r\nContent-Disposition: form-data; name="model"\r\n\r\ndall-e-2\r\n--+++--\r\n'


@settings(deadline=None, max_examples=60)
@given(prompt=st.text(min_size=1), rest=st.binary(), user=st.text())
@example(prompt=INJECTION, rest=INJECTION.encode(), user=INJECTION)
@example(prompt="--", rest=b"\r\n--", user="\r")
@example(prompt="\r\n", rest=b"\r\n", user="")
def test_any_text_and_any_bytes_arrive_as_they_are(
    lasting: ImagesClient, running_sandbox: Sandbox, prompt: str, rest: bytes, user: str
) -> None:
    lasting.edit(PNG + rest, prompt, user=user)
    lasting.generate(prompt, user=user)
    edited, created = running_sandbox.requests[-2:]
    assert texts(edited) == {"prompt": prompt, "model": OTHER, "size": "16x16", "user": user}
    assert parts(edited)[-1].content == PNG + rest
    assert fields(created) == {"prompt": prompt, "model": OTHER, "size": "16x16", "user": user}


class TestExtras:
    def test_a_body_is_merged_into_json(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.generate("x", model=OTHER, size="16x16", extra_body=EXTRA)
        assert fields(sandbox.requests[-1]) == {"prompt": "x", "model": OTHER, "size": "16x16"} | EXTRA

    def test_a_body_is_flattened_into_a_form(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.create_variation(PNG, model=OTHER, size="256x256", extra_body=EXTRA)
        found = [(part.name, part.content.decode()) for part in parts(sandbox.requests[-1]) if part.filename is None]
        assert found[2:] == [
            ("seed", "7"),
            ("tiled", "true"),
            ("meta[a][b]", "1.5"),
            ("meta[tags][]", "x"),
            ("meta[tags][]", "y"),
        ]

    def test_a_body_takes_the_place_of_what_nobody_said(self, client: ImagesClient, sandbox: Sandbox) -> None:
        client.generate("x", model="dall-e-2", extra_body={"size": "256x256"})
        assert fields(sandbox.requests[-1])["size"] == "256x256"

    @pytest.mark.parametrize(
        ("method", "said", "name"),
        [
            ("generate", {"n": 1}, "n"),
            ("generate", {"model": OTHER}, "model"),
            ("generate", {}, "prompt"),
            ("edit", {}, "prompt"),
            ("edit", {}, "image"),
            ("edit", {"image": "data:image/png;base64,AAAA"}, "images"),
            ("edit", {"mask": PNG}, "mask"),
            ("create_variation", {}, "image"),
            ("create_variation", {"user": "u"}, "user"),
        ],
    )
    def test_a_body_may_not_say_again_what_the_call_says(
        self, client: ImagesClient, sandbox: Sandbox, method: str, said: dict[str, Any], name: str
    ) -> None:
        with pytest.raises(InvalidRequestError, match=f"extra_body repeats the argument {name}") as caught:
            call(client, method, **said, extra_body={name: "y"})
        assert [problem.parameter for problem in caught.value.problems] == ["extra_body"]
        assert not sandbox.requests

    def test_headers_override_and_none_leaves_one_out(self, sandbox: Sandbox) -> None:
        with ImagesClient("k", base_url=sandbox.base_url, headers={"X-Team": "a"}, organization="o") as client:
            client.generate("x", model=OTHER, size="16x16", extra_headers={"x-team": "b", "user-agent": "me/1", "X-New": "c"})
            gone: dict[str, str | None] = dict.fromkeys(
                ["Authorization", "X-Team", "openai-organization", "Accept", "User-Agent"]
            )
            client.generate("x", model=OTHER, size="16x16", extra_headers=gone)
        first, second = (request.headers for request in sandbox.requests)
        assert (first["x-team"], first["user-agent"], first["x-new"]) == ("b", "me/1", "c")
        assert not {name.lower() for name in gone} & second.keys()

    @pytest.mark.parametrize("method", METHODS)
    def test_a_query_is_appended(self, client: ImagesClient, sandbox: Sandbox, method: str) -> None:
        call(client, method, extra_query={"api-version": "2026-01-01", "q": ["a b", "&="], "n": 1})
        assert httpx.QueryParams(sandbox.requests[-1].query).multi_items() == [
            ("api-version", "2026-01-01"),
            ("q", "a b"),
            ("q", "&="),
            ("n", "1"),
        ]

    @pytest.mark.parametrize(
        ("of_client", "of_call", "expected"),
        [
            (None, None, {"connect": 5.0, "read": 600, "write": 600, "pool": 600}),
            (30, None, {"connect": 5.0, "read": 30, "write": 30, "pool": 30}),
            (30, 2, {"connect": 2, "read": 2, "write": 2, "pool": 2}),
            (30, httpx.Timeout(9, read=70), {"connect": 9, "read": 70, "write": 9, "pool": 9}),
            (httpx.Timeout(None), None, {"connect": None, "read": None, "write": None, "pool": None}),
        ],
    )
    def test_a_timeout_reaches_the_connection(
        self, sandbox: Sandbox, of_client: Any, of_call: Any, expected: dict[str, Any]
    ) -> None:
        seen: list[httpx.Request] = []
        with httpx.Client(trust_env=False, timeout=1, event_hooks={"request": [seen.append]}) as http:
            client = ImagesClient(base_url=sandbox.base_url, timeout=of_client, http_client=http)
            client.generate("x", model=OTHER, size="16x16", timeout=of_call)
        assert seen[0].extensions["timeout"] == expected


class TestHeaders:
    # What httpx says of the connection itself.
    CONNECTION = frozenset({"host", "content-length", "content-type", "accept-encoding", "connection"})

    @pytest.mark.parametrize("method", METHODS)
    def test_without_a_key_nothing_is_said_but_what_is_needed(self, client: ImagesClient, sandbox: Sandbox, method: str) -> None:
        call(client, method)
        sent = sandbox.requests[-1].headers
        assert sent.keys() - self.CONNECTION == {"accept", "user-agent"}
        assert (sent["accept"], sent["user-agent"]) == ("application/json", f"images-api/{VERSION}")

    @pytest.mark.parametrize("method", METHODS)
    def test_key_organization_and_project_go_along(self, sandbox: Sandbox, method: str) -> None:
        with ImagesClient("k", base_url=sandbox.base_url, organization="o", project="p") as client:
            call(client, method)
        sent = sandbox.requests[-1].headers
        assert sent.keys() - self.CONNECTION == {"accept", "user-agent", "authorization", "openai-organization", "openai-project"}
        assert (sent["openai-organization"], sent["openai-project"]) == ("o", "p")

    def test_a_stream_is_asked_for(self, client: ImagesClient, sandbox: Sandbox) -> None:
        with client.stream_generate("x", size="16x16", model="gpt-image-next"):
            pass
        assert sandbox.requests[-1].headers["accept"] == "text/event-stream, application/json"
        assert fields(sandbox.requests[-1])["stream"] is True

    def test_a_server_finds_the_key_where_it_looks(self) -> None:
        with Sandbox(api_key="sk-right", any_model=True) as guarded:
            with ImagesClient("sk-right", base_url=guarded.base_url) as client:
                assert len(client.generate("x", size="16x16", model="gpt-image-next")) == 1
            with ImagesClient("sk-wrong", base_url=guarded.base_url) as client, pytest.raises(AuthenticationError):
                client.generate("x", size="16x16", model="gpt-image-next")

    def test_another_header_may_carry_the_key(self, sandbox: Sandbox) -> None:
        seen: list[httpx.Request] = []
        with httpx.Client(trust_env=False, event_hooks={"request": [seen.append]}) as http:
            ImagesClient("sk", base_url=sandbox.base_url, auth_header="api-key", http_client=http).generate(
                "x", size="16x16", model="gpt-image-next"
            )
        assert seen[0].headers["api-key"] == "sk"
        assert "authorization" not in seen[0].headers

    @pytest.mark.parametrize(("method", "operation"), list(zip(METHODS, PATHS, strict=True)))
    def test_every_call_posts_to_its_own_path(self, client: ImagesClient, sandbox: Sandbox, method: str, operation: str) -> None:
        call(client, method)
        assert (sandbox.requests[-1].method, sandbox.requests[-1].path) == ("POST", "/v1" + PATHS[operation])
        assert sandbox.requests[-1].query == ""


@pytest.mark.parametrize("name", ["extra_body", "extra_headers", "extra_query"])
@pytest.mark.parametrize("given", ["text", ["a", "b"], {1: "x"}, 7])
def test_what_is_no_mapping_of_names_is_refused(client: ImagesClient, sandbox: Sandbox, name: str, given: Any) -> None:
    options: dict[str, Any] = {name: given}
    with pytest.raises(InvalidRequestError, match=f"{name} must be a mapping of names to values"):
        client.generate("x", **options)
    assert not sandbox.requests
