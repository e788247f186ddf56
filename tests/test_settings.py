"""A client's arguments and the environment: which counts, what is refused and how, and what goes along with each request."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from contract_tables import DOCUMENT, SCHEMAS
from file_server import Reply, dead_port_fixture, elsewhere_fixture, served_fixture

from images_api import (
    APIConnectionError,
    APITimeoutError,
    AsyncImagesClient,
    DownloadError,
    ImagesClient,
    InvalidRequestError,
    NotFoundError,
)
from images_api._contract.operations import operations
from images_api.sandbox import Sandbox
from images_api_client.api.images import create_image
from images_api_client.models import CreateImageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import DrawPicture
    from file_server import FileServer

    from images_api._http.pools import Pool

# pytest finds them by their names, here.
FIXTURES = (dead_port_fixture, elsewhere_fixture, served_fixture)
KEY = "sk-marked"
OFFICIAL = str(DOCUMENT["servers"][0]["url"])
PATHS = list(DOCUMENT["paths"])
IDS = tuple(operations())
RETIRED: dict[str, dict[str, str]] = SCHEMAS["ImageModel"]["x-retired"]
ALIVE = [model for model in SCHEMAS["ImageModel"]["enum"] if model not in RETIRED]


class Variable(NamedTuple):
    """A variable, the argument that comes before it, and the header in which its value stands."""

    name: str
    argument: str
    header: str
    form: str = "{}"


VARIABLES = (
    Variable("OPENAI_API_KEY", "api_key", "Authorization", "Bearer {}"),
    Variable("OPENAI_ORG_ID", "organization", "OpenAI-Organization"),
    Variable("OPENAI_PROJECT_ID", "project", "OpenAI-Project"),
)
BLANKS = ("", " ", "\t", "\n", " \r\n ")
UNSENDABLE_KEYS = (
    "sk marked",
    "sk\tmarked",
    "sk-mar\nked",
    "sk-mar\r\nX-Other: ked",
    "sk-märked",
    "sk-marked\u200b",
    "\N{LEFT DOUBLE QUOTATION MARK}sk-marked",
)
SECRET_HEADERS = ("Authorization", "Proxy-Authorization", "api-key", "X-API-Key", "Cookie")


@pytest.fixture
def api(served: FileServer, draw: DrawPicture) -> str:
    """The base URL of a server that answers every call with a picture."""
    served.answer_calls({"b64_json": base64.b64encode(draw()).decode()})
    return f"{served.url}/v1"


@pytest.fixture
def official(draw: DrawPicture) -> Iterator[httpx.Client]:
    """Connections on which the official host seems to answer; the real one costs money."""
    body = {"data": [{"b64_json": base64.b64encode(draw()).decode()}]}
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body))) as client:
        yield client


def sent(served: FileServer, header: str) -> list[str | None]:
    return [request.headers[header] for request in served.heard("POST")]


def first_pool(client: ImagesClient | AsyncImagesClient) -> Pool[Any]:
    with client._connections.pool() as pool:
        return pool


def refusal(**arguments: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        ImagesClient(**arguments)
    return caught.value


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
class TestVariables:
    def test_each_is_sent(self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch, variable: Variable) -> None:
        monkeypatch.setenv(variable.name, " from-outside\n")
        ImagesClient(base_url=api).generate("x")
        assert sent(served, variable.header) == [variable.form.format("from-outside")]

    def test_the_argument_comes_first(
        self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch, variable: Variable
    ) -> None:
        monkeypatch.setenv(variable.name, "from-outside")
        arguments: dict[str, Any] = {variable.argument: "given"}
        ImagesClient(base_url=api, **arguments).generate("x")
        assert sent(served, variable.header) == [variable.form.format("given")]

    @pytest.mark.parametrize("blank", [None, *BLANKS])
    def test_a_blank_one_is_none(
        self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch, variable: Variable, *, blank: str | None
    ) -> None:
        if blank is not None:
            monkeypatch.setenv(variable.name, blank)
        ImagesClient(base_url=api).generate("x")
        assert sent(served, variable.header) == [None]


class TestBaseURLVariable:
    def test_the_base_url(self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", f" {api}/\n")
        with ImagesClient() as client:
            client.generate("x")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://nowhere.invalid/v1")
        with ImagesClient(base_url=api) as client:
            client.generate("x")
        assert len(served.heard("POST")) == 2

    @pytest.mark.parametrize("blank", [None, *BLANKS])
    def test_without_a_base_url_the_official_host_is_meant(self, monkeypatch: pytest.MonkeyPatch, blank: str | None) -> None:
        if blank is not None:
            monkeypatch.setenv("OPENAI_BASE_URL", blank)
        assert OFFICIAL in str(refusal())
        assert OFFICIAL in repr(ImagesClient(KEY))


class TestKey:
    @pytest.mark.parametrize("blank", [None, *BLANKS])
    def test_the_official_host_wants_one(self, monkeypatch: pytest.MonkeyPatch, blank: str | None) -> None:
        if blank is not None:
            monkeypatch.setenv("OPENAI_API_KEY", blank)
        for url in (None, OFFICIAL, f"{OFFICIAL}/"):
            error = refusal(base_url=url)
            assert error.problems[0].parameter == "api_key"
            assert "OPENAI_API_KEY" in str(error)

    @pytest.mark.parametrize("url", ["http://localhost:8080/v1", "https://images.example/v1"])
    def test_no_other_does(self, url: str) -> None:
        assert "without a key" in repr(ImagesClient(base_url=url))

    @pytest.mark.parametrize("key", [*BLANKS, *UNSENDABLE_KEYS, "sk\x00marked"])
    @pytest.mark.parametrize("as_callable", [False, True])
    def test_one_that_cannot_be_sent_is_refused_unseen(self, api: str, key: str, *, as_callable: bool) -> None:
        with pytest.raises(InvalidRequestError, match="printable ASCII") as caught:
            ImagesClient((lambda: key) if as_callable else key, base_url=api).generate("x")
        assert [problem.parameter for problem in caught.value.problems] == ["api_key"]
        assert "ked" not in str(caught.value) + repr(caught.value.problems)

    @pytest.mark.parametrize("key", UNSENDABLE_KEYS)
    def test_nor_is_one_from_the_environment_seen(self, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        error = refusal()
        assert [problem.parameter for problem in error.problems] == ["api_key"]
        assert "ked" not in str(error) + repr(error.problems)

    @pytest.mark.parametrize("key", [7, b"sk-marked", ["sk-marked"], True])
    @pytest.mark.parametrize("as_callable", [False, True])
    def test_one_that_is_no_text_is_refused_unseen(self, api: str, key: object, *, as_callable: bool) -> None:
        given: Any = (lambda: key) if as_callable else key
        with pytest.raises(InvalidRequestError) as caught:
            ImagesClient(given, base_url=api).generate("x")
        assert [problem.parameter for problem in caught.value.problems] == ["api_key"]
        assert "is empty or no text" in str(caught.value)
        assert "marked" not in str(caught.value)

    @pytest.mark.parametrize("key", [f" {KEY}", f"{KEY}\n", f"\t{KEY}\r\n"])
    def test_blanks_around_it_are_a_slip(self, api: str, served: FileServer, key: str) -> None:
        for given in (key, lambda: key):
            ImagesClient(given, base_url=api).generate("x")
        assert sent(served, "Authorization") == [f"Bearer {KEY}"] * 2

    def test_a_callable_is_asked_before_each_request(self, api: str, served: FileServer) -> None:
        keys = iter(["one", "two", "three"])
        with ImagesClient(lambda: next(keys), base_url=api) as client:
            for _ in range(2):
                client.generate("x")
        assert sent(served, "Authorization") == ["Bearer one", "Bearer two"]
        assert next(keys) == "three"

    def test_one_that_has_none_sends_none(self, api: str, served: FileServer) -> None:
        nothing: Callable[[], Any] = lambda: None  # noqa: E731  said in one line
        ImagesClient(nothing, base_url=api).generate("x")
        assert sent(served, "Authorization") == [None]

    @pytest.mark.parametrize("kind", [RuntimeError, ValueError, TypeError, KeyError, OSError])
    def test_what_a_callable_raises_is_the_callers_own(self, api: str, served: FileServer, kind: type[Exception]) -> None:
        trouble = kind("the vault is sealed")

        def ask() -> str:
            raise trouble

        with pytest.raises(kind) as caught:
            ImagesClient(ask, base_url=api).generate("x")
        assert caught.value is trouble
        assert served.requests == []

    @pytest.mark.parametrize("name", ["api-key", "X-API-Key", "x-goog-api-key"])
    def test_another_header_carries_it_bare(self, api: str, served: FileServer, name: str) -> None:
        ImagesClient(KEY, base_url=api, auth_header=name).generate("x")
        assert sent(served, name) == [KEY]
        assert sent(served, "Authorization") == [None]

    @pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
    def test_the_usual_one_is_known_in_any_case(self, api: str, served: FileServer, name: str) -> None:
        ImagesClient(KEY, base_url=api, auth_header=name).generate("x")
        assert sent(served, "Authorization") == [f"Bearer {KEY}"]


class TestBaseURL:
    @pytest.mark.parametrize("end", ["", "/", "//", " ", *PATHS, *(f"{path}/" for path in PATHS)])
    def test_slashes_and_a_pasted_endpoint_are_tidied(self, api: str, served: FileServer, end: str) -> None:
        ImagesClient(base_url=api + end).generate("x")
        assert [request.target for request in served.requests] == [f"/v1{PATHS[0]}"]

    @pytest.mark.parametrize("prefix", ["", "/v2", "/api/paas/v4", "/openai/deployments/d", "/a%2Fb/v1"])
    def test_it_is_taken_as_it_is(self, api: str, served: FileServer, prefix: str) -> None:
        served.answer(f"{prefix}{PATHS[0]}", Reply(b"", status=404))
        with pytest.raises(NotFoundError, match=re.escape(f"{served.url}{prefix}{PATHS[0]}")) as caught:
            ImagesClient(base_url=served.url + prefix).generate("x")
        assert ("/v1?" in str(caught.value)) == ("/v1" not in prefix)
        assert [request.target for request in served.requests] == [f"{prefix}{PATHS[0]}"]

    @pytest.mark.parametrize(
        "url",
        [
            "localhost:8080/v1",
            "images.example",
            "ftp://images.example/v1",
            "file:///v1",
            "http://",
            "https:///v1",
            "/v1",
            "://x",
            "http:v1",
            "http://[::1",
            "http://a:b/v1",
            "http://a\nb/v1",
            " ",
        ],
    )
    def test_what_is_no_web_address_is_refused(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert [problem.parameter for problem in refusal(base_url=url).problems] == ["base_url"]
        if url.strip():
            monkeypatch.setenv("OPENAI_BASE_URL", url)
            assert [problem.parameter for problem in refusal().problems] == ["base_url"]

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://user:secret@images.example/v1",
            "http://user:secret@images.example:x/v1",
            "http://user:sec@ret@/v1",
            "http://user:sec/ret@images.example/v1",
            "user:secret@images.example/v1",
        ],
    )
    def test_a_password_in_it_stands_in_no_refusal(self, url: str) -> None:
        error = refusal(base_url=url)
        texts = [str(error), repr(error), str(error.__cause__), repr(error.__cause__)]
        assert not [text for text in texts if "sec" in text or "ret" in text]

    def test_nor_in_anything_that_is_said_of_a_client(self, api: str, served: FileServer) -> None:
        served.answer("/v1/images/generations", Reply(status=404))
        client = ImagesClient(base_url=api.replace("//", "//user:secret@"))
        with pytest.raises(NotFoundError) as caught:
            client.generate("x")
        assert served.requests[0].headers["Authorization"] == "Basic " + base64.b64encode(b"user:secret").decode()
        assert "secret" not in repr(client) + str(client) + str(caught.value) + repr(caught.value)


NO_TIMEOUTS = (0, -1, -0.5, float("nan"), float("-inf"), float("inf"), 1e300, True, "5", (5, 5))
NO_RETRIES = (-1, 1.5, 2.0, True, "2", float("inf"))


class TestChecks:
    @pytest.mark.parametrize("timeout", NO_TIMEOUTS)
    def test_a_timeout_must_be_seconds(self, api: str, served: FileServer, timeout: Any) -> None:
        error = refusal(base_url=api, timeout=timeout)
        assert [problem.parameter for problem in error.problems] == ["timeout"]
        with pytest.raises(InvalidRequestError, match="timeout"):
            ImagesClient(base_url=api).generate("x", timeout=timeout)
        assert served.requests == []

    @pytest.mark.parametrize("retries", NO_RETRIES)
    def test_retries_must_be_counted(self, api: str, served: FileServer, retries: Any) -> None:
        error = refusal(base_url=api, max_retries=retries)
        assert [problem.parameter for problem in error.problems] == ["max_retries"]
        with pytest.raises(InvalidRequestError, match="max_retries"):
            ImagesClient(base_url=api).generate("x", max_retries=retries)
        assert served.requests == []

    @pytest.mark.parametrize("validate", ["", "loose", "STRICT", None, True])
    def test_validate_must_be_one_of_three(self, validate: Any) -> None:
        error = refusal(base_url="http://localhost/v1", validate=validate)
        assert "strict, warn, off" in str(error)

    @pytest.mark.parametrize(("given", "connect"), [(30, 5), (5, 5), (2, 2), (0.5, 0.5), (100_000, 5), (None, 5)])
    def test_a_number_of_seconds_is_for_the_whole_and_the_default_is_patient(self, given: float | None, connect: float) -> None:
        client = ImagesClient(base_url="http://localhost/v1", timeout=given)
        assert client.low_level.get_httpx_client().timeout == httpx.Timeout(given or 600, connect=connect)

    def test_httpxs_own_is_taken_as_it_is_and_a_calls_before_the_clients(self, draw: DrawPicture) -> None:
        seen: list[object] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.extensions["timeout"])
            return httpx.Response(200, json={"data": [{"b64_json": base64.b64encode(draw()).decode()}]})

        first, second = httpx.Timeout(1, read=None), httpx.Timeout(2, pool=3)
        with httpx.Client(transport=httpx.MockTransport(answer)) as transport:
            client = ImagesClient(base_url="http://localhost/v1", timeout=first, http_client=transport)
            client.generate("x")
            client.generate("x", timeout=second)
            client.generate("x", timeout=7)
        assert seen == [first.as_dict(), second.as_dict(), pytest.approx(httpx.Timeout(7, connect=5).as_dict(), abs=1)]

    def test_it_holds(self) -> None:
        with Sandbox(latency=30, any_model=True) as slow, pytest.raises(APITimeoutError, match="timeout=") as caught:
            ImagesClient(base_url=slow.base_url, timeout=0.05).generate("x", size="64x64", model="gpt-image-next")
        assert caught.value.may_have_run

    @pytest.mark.parametrize(("validate", "warned"), [("warn", True), ("off", False)])
    def test_what_breaks_the_contract_is_sent_if_that_is_wanted(
        self, api: str, served: FileServer, validate: Any, *, warned: bool
    ) -> None:
        client = ImagesClient(base_url=api, validate=validate)
        if warned:
            with pytest.warns(UserWarning, match="n must be at most") as caught:
                client.generate("x", n=1000)
            assert [warning.filename for warning in caught] == [__file__]
        else:
            client.generate("x", n=1000)
        assert json.loads(served.requests[0].body)["n"] == 1000

    def test_by_default_it_is_refused(self, api: str, served: FileServer) -> None:
        with pytest.raises(InvalidRequestError, match="n must be at most"):
            ImagesClient(base_url=api).generate("x", n=1000)
        assert served.requests == []


class TestDefaults:
    def test_they_are_taken_where_a_call_says_nothing(self, api: str, served: FileServer) -> None:
        client = ImagesClient(base_url=api, model="dall-e-3", size="1024x1792", style="natural")
        client.generate("x")
        client.generate("x", size="1792x1024", model=None)
        first, second = (json.loads(request.body) for request in served.requests)
        assert (first["model"], first["size"], first["style"]) == ("dall-e-3", "1024x1792", "natural")
        assert (second["model"], second["size"], second["style"]) == ("dall-e-3", "1792x1024", "natural")

    def test_and_only_by_operations_that_know_them(self, api: str, served: FileServer, draw: DrawPicture) -> None:
        client = ImagesClient(base_url=api, moderation="low", input_fidelity="high", model="gpt-image-1.5")
        client.generate("x")
        client.edit(draw(), "x")
        assert json.loads(served.requests[0].body) == {"model": "gpt-image-1.5", "moderation": "low", "prompt": "x"}
        assert b'name="input_fidelity"' in served.requests[1].body
        assert b"moderation" not in served.requests[1].body

    def test_unknown_ones_are_all_refused_by_name(self) -> None:
        error = refusal(base_url="http://localhost/v1", modle="dall-e-3", sizes="1024x1024", size="1024x1024")
        assert [problem.parameter for problem in error.problems] == ["modle", "sizes"]

    # What a call always says itself, and what its method says, can't be a default.
    @pytest.mark.parametrize("name", ["prompt", "image", "images", "mask", "markup", "stream"])
    def test_what_is_no_option_of_a_call_is_none_of_the_client(self, name: str) -> None:
        defaults: dict[str, Any] = {name: "x"}
        assert [problem.parameter for problem in refusal(base_url="http://localhost/v1", **defaults).problems] == [name]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("default_headers", "headers"),
            ("default_query", "base_url"),
            ("azure_endpoint", "base_url"),
            ("api_version", "base_url, with ?api-version="),
            ("azure_ad_token", "api_key"),
            ("_strict_response_validation", "validate"),
            ("request_timeout", "timeout"),
            ("max_retry", "max_retries"),
            ("organisation", "organization"),
            ("http_clients", "http_client"),
            ("api_keys", "api_key"),
            ("modle", "model"),
        ],
    )
    @pytest.mark.parametrize("kind", [ImagesClient, AsyncImagesClient])
    def test_one_of_another_client_or_misspelt_leads_to_ours(self, kind: Any, name: str, meant: str) -> None:
        with pytest.raises(InvalidRequestError, match=rf"^{name} is no argument.*did you mean {re.escape(meant)}") as caught:
            kind(base_url="http://localhost/v1", **{name: "value-of-it"})
        assert ("value-of-it" in str(caught.value)) == ("key" not in name and "token" not in name)

    def test_one_like_no_other_leads_nowhere(self) -> None:
        assert "did you mean" not in str(refusal(base_url="http://localhost/v1", zzzzzz=1))

    @pytest.mark.parametrize("key", ["", " ", "\n"])
    def test_an_empty_key_is_called_empty(self, key: str) -> None:
        assert "api_key is empty" in str(refusal(api_key=key))


class TestPaths:
    def test_a_server_may_have_its_own_for_every_way_of_a_call(self, api: str, served: FileServer, draw: DrawPicture) -> None:
        own = {name: f"/own/{number}" for number, name in enumerate(IDS)}
        base = f"{served.url}/v1"
        reply = json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(draw()).decode()}]}).encode()
        for path in own.values():
            served.answer(f"/v1{path}", Reply(reply))
        for end in ("", "/", "/own/0", "/own/1/", *PATHS):
            with ImagesClient(KEY, base_url=f"{base}{end}?api-version=1&x=%2f", paths=own) as client:
                client.generate("x")
                client.stream_generate("x").result()
                client.edit(draw(), "x", extra_query={"a": ["b", "c"]})
                create_image.sync_detailed(client=client.low_level, body=CreateImageRequest(prompt="x"))
        targets = [request.target for request in served.requests]
        first = "/v1/own/0?api-version=1&x=%2f"
        assert [target.replace("%2F", "%2f") for target in targets[:4]] == [
            first,
            first,
            "/v1/own/1?api-version=1&x=%2f&a=b&a=c",
            first,
        ]
        assert targets == targets[:4] * 7
        assert set(sent(served, "Authorization")) == {f"Bearer {KEY}"}

    def test_what_is_not_named_stays(self, api: str, served: FileServer, draw: DrawPicture) -> None:
        ImagesClient(base_url=api, paths={IDS[0]: "/own"}).create_variation(draw(), model="dall-e-2")
        assert [request.target for request in served.requests] == [f"/v1{PATHS[2]}"]

    @pytest.mark.parametrize(
        ("name", "path"), [("create", "/x"), *((IDS[0], path) for path in ("x", "", "/x?y", "/x#y", "/a b", 7))]
    )
    def test_others_are_refused_with_the_operations_that_there_are(self, name: str, path: Any) -> None:
        error = refusal(base_url="http://localhost/v1", paths={name: path})
        assert error.problems[0].parameter == f"paths.{name}"
        assert all(name in str(error) for name in IDS)

    @pytest.mark.parametrize("paths", ["/x", ["/x"], 7])
    def test_what_is_no_mapping_is_refused(self, paths: Any) -> None:
        assert "must be a mapping" in str(refusal(base_url="http://localhost/v1", paths=paths))

    def test_what_is_elsewhere_is_left_alone(self) -> None:
        settings = ImagesClient(base_url="http://localhost/v1?x=1")._settings
        for url in ("http://localhost/v1?a=1", "http://localhost/v2/images", "http://elsewhere/v1/images"):
            assert str(settings.routed(httpx.URL(url))) == url

    @pytest.mark.parametrize("prefix", ["/openai/deployments/d", "/v1", ""])
    @pytest.mark.parametrize("pasted", PATHS)
    def test_a_query_behind_a_base_url_goes_with_each_request(self, served: FileServer, prefix: str, pasted: str) -> None:
        target = f"{prefix}{PATHS[0]}?api-version=2025-04-01-preview"
        for base in (f"{prefix}{pasted}", f"{prefix}/", prefix):
            with pytest.raises(NotFoundError) as caught:
                ImagesClient(base_url=f"{served.url}{base}?api-version=2025-04-01-preview#part").generate("x")
            assert "api-version" not in str(caught.value)
            client = ImagesClient(base_url=f"{served.url}{base}?api-version=2025-04-01-preview")
            create_image.sync_detailed(client=client.low_level, body=CreateImageRequest(prompt="x"))
            client.close()
        assert [request.target for request in served.requests] == [target] * 6


class TestHeaders:
    def test_they_go_with_every_request_and_a_call_may_change_them(self, api: str, served: FileServer) -> None:
        client = ImagesClient(KEY, base_url=api, headers={"X-Team": "a", "X-Kept": "b"}, organization="o")
        client.generate("x")
        client.generate("x", extra_headers={"X-Team": "c", "OpenAI-Organization": None, "Authorization": None})
        client.generate("x")
        assert sent(served, "X-Team") == ["a", "c", "a"]
        assert sent(served, "X-Kept") == ["b", "b", "b"]
        assert sent(served, "OpenAI-Organization") == ["o", None, "o"]
        assert sent(served, "Authorization") == [f"Bearer {KEY}", None, f"Bearer {KEY}"]

    def test_the_callers_mapping_is_left_alone(self, api: str) -> None:
        headers = {"X-Team": "a"}
        client = ImagesClient(KEY, base_url=api, headers=headers, organization="o")
        headers["X-Team"] = "b"
        client.generate("x", extra_headers={"X-Other": "c"})
        assert headers == {"X-Team": "b"}
        assert client._settings.headers["X-Team"] == "a"

    def test_the_library_names_itself(self, api: str, served: FileServer) -> None:
        ImagesClient(base_url=api).generate("x")
        assert sent(served, "User-Agent") == [f"images-api/{DOCUMENT['info']['version']}"]

    # A line break would begin another header, and is often the end of a file that a value was read from.
    @pytest.mark.parametrize("value", ["a\nX-Other: b", "a\r\n", "a\x00", "é", "a\tb", "\x7f"])
    @pytest.mark.parametrize("way", ["headers", "extra_headers", "organization", "project"])
    def test_one_that_cannot_be_sent_is_refused(self, api: str, served: FileServer, way: str, value: str) -> None:
        arguments: dict[str, Any] = {way: value} if way in {"organization", "project"} else {}
        if way == "headers":
            arguments = {"headers": {"X-Team": value}}
        options: dict[str, Any] = {"extra_headers": {"X-Team": value}} if way == "extra_headers" else {}
        with pytest.raises(InvalidRequestError):
            ImagesClient(base_url=api, max_retries=0, **arguments).generate("x", **options)
        assert served.requests == []

    def test_threads_do_not_mix_them_up(self, sandbox: Sandbox) -> None:
        with (
            ImagesClient(base_url=sandbox.base_url, size="64x64", model="gpt-image-next") as client,
            ThreadPoolExecutor(32) as pool,
        ):

            def work(number: int) -> None:
                for turn in range(4):
                    client.generate(f"{number}.{turn}", extra_headers={"X-Turn": f"{number}.{turn}"})

            list(pool.map(work, range(32)))
        pairs = [(request.headers["x-turn"], json.loads(request.body)["prompt"]) for request in sandbox.requests]
        assert len(set(pairs)) == 128
        assert all(header == prompt for header, prompt in pairs)


class TestConnections:
    def test_ones_own_are_closed_at_the_end(self, api: str) -> None:
        with ImagesClient(base_url=api) as client:
            client.generate("x")
            own = first_pool(client).client
            assert not own.is_closed
        assert own.is_closed

    def test_closing_a_client_that_was_never_used_does_no_harm(self) -> None:
        client = ImagesClient(base_url="http://localhost/v1")
        client.close()
        client.close()

    def test_borrowed_ones_are_left_open(self, api: str, served: FileServer) -> None:
        with httpx.Client(headers={"X-Borrowed": "yes"}) as borrowed:
            with ImagesClient(base_url=api, http_client=borrowed) as client:
                client.generate("x")
                client.close()
            assert not borrowed.is_closed
            ImagesClient(base_url=api, http_client=borrowed).generate("x")
        assert sent(served, "X-Borrowed") == ["yes", "yes"]

    def test_asynchronously_likewise(self, api: str) -> None:
        async def use() -> tuple[bool, bool]:
            async with httpx.AsyncClient() as borrowed:
                async with AsyncImagesClient(base_url=api, http_client=borrowed) as client:
                    await client.generate("x")
                still_open = not borrowed.is_closed
            async with AsyncImagesClient(base_url=api) as client:
                await client.generate("x")
                own = first_pool(client).client
            return still_open, own.is_closed

        assert asyncio.run(use()) == (True, True)

    def test_ones_that_an_interrupt_may_have_spoilt_are_given_up(self, api: str) -> None:
        with ImagesClient(base_url=api) as client:
            first = first_pool(client)
            with pytest.raises(KeyboardInterrupt), client._connections.pool():
                raise KeyboardInterrupt
            assert first_pool(client) is not first
            second = first_pool(client)
            with pytest.raises(InvalidRequestError), client._connections.pool():
                raise InvalidRequestError([])
            assert first_pool(client) is second
            assert second.calls == 0
            client.generate("x")
        first.client.close()

    def test_an_event_loops_own_are_not(self, api: str) -> None:
        async def use() -> None:
            async with AsyncImagesClient(base_url=api) as client:
                first = first_pool(client)
                with pytest.raises(asyncio.CancelledError), client._connections.pool():
                    raise asyncio.CancelledError
                assert first_pool(client) is first

        asyncio.run(use())

    def test_an_error_inside_passes_through(self, api: str) -> None:
        with pytest.raises(ZeroDivisionError), ImagesClient(base_url=api):
            _ = 1 / 0


def key_of_the_hour() -> str:
    return KEY


class Vault:
    """A provider that can be pickled with its state, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return f"key-{self.asked}"


class TestPickling:
    @pytest.mark.parametrize("kind", [ImagesClient, AsyncImagesClient])
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_no_key_is_in_it_by_whatever_way_it_came(
        self, monkeypatch: pytest.MonkeyPatch, kind: type[ImagesClient], protocol: int
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        headers: dict[str, str] = dict.fromkeys(SECRET_HEADERS, KEY)
        for client in (kind(), kind(KEY), kind(KEY, auth_header="api-key"), kind(base_url="http://h/v1", headers=headers)):
            assert KEY.encode() not in pickle.dumps(client, protocol)

    def test_it_is_read_anew_from_the_environment(self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
        pickled = pickle.dumps(ImagesClient("old", base_url=api))
        pickle.loads(pickled).generate("x")  # noqa: S301  made here
        monkeypatch.setenv("OPENAI_API_KEY", "new")
        pickle.loads(pickled).generate("x")  # noqa: S301  made here
        assert sent(served, "Authorization") == [None, "Bearer new"]

    def test_a_callable_goes_along_and_is_asked(self, api: str, served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
        for provider in (key_of_the_hour, Vault()):
            client = pickle.loads(pickle.dumps(ImagesClient(provider, base_url=api)))  # noqa: S301  made here
            client.generate("x")
        assert sent(served, "Authorization") == [f"Bearer {KEY}", "Bearer key-1"]

    def test_one_that_was_used_connects_by_itself(self, api: str, served: FileServer) -> None:
        with (
            httpx.Client() as borrowed,
            ImagesClient(base_url=api, http_client=borrowed) as first,
            ImagesClient(base_url=api) as second,
        ):
            for client in (first, second):
                client.generate("x")
                with pickle.loads(pickle.dumps(client)) as again:  # noqa: S301  made here
                    assert len(again.generate("x")) == 1
                    assert not first_pool(again).client.is_closed
        assert len(served.requests) == 4

    def test_all_else_stays(self, api: str, served: FileServer) -> None:
        client = ImagesClient(
            KEY,
            base_url=api,
            organization="o",
            project="p",
            timeout=httpx.Timeout(7, read=None),
            max_retries=5,
            retry_ambiguous=True,
            validate="off",
            headers={"X-Team": "a"},
            auth_header="api-key",
            max_download_bytes=99,
            model="dall-e-2",
        )
        again = pickle.loads(pickle.dumps(client))  # noqa: S301  made here
        old, new = vars(client._settings).copy(), vars(again._settings).copy()
        assert (old.pop("api_key"), new.pop("api_key")) == (KEY, None)
        assert old == new

    def test_the_asynchronous_one_as_well(self, api: str, served: FileServer) -> None:
        async def use() -> None:
            async with AsyncImagesClient(key_of_the_hour, base_url=api) as client:
                await client.generate("x")
                async with pickle.loads(pickle.dumps(client)) as again:  # noqa: S301  made here
                    await again.generate("x")

        asyncio.run(use())
        assert sent(served, "Authorization") == [f"Bearer {KEY}"] * 2


@pytest.fixture
def proxy(elsewhere: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The proxy that the environment names for everything."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.url)
        monkeypatch.setenv(name.lower(), elsewhere.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return elsewhere


class TestProxies:
    def test_the_environments_is_used(self, proxy: FileServer, draw: DrawPicture) -> None:
        url = "http://images.example/v1"
        body = json.dumps({"data": [{"b64_json": base64.b64encode(draw()).decode()}]}).encode()
        proxy.answer(url + PATHS[0], Reply(body))
        with ImagesClient(KEY, base_url=url) as client:
            assert client.generate("x")[0].read() == draw()
        assert [request.target for request in proxy.requests] == [url + PATHS[0]]

    def test_for_an_encrypted_host_it_is_asked_for_a_tunnel(self, proxy: FileServer) -> None:
        with (
            ImagesClient(KEY, base_url="https://images.example/v1", max_retries=0) as client,
            pytest.raises(APIConnectionError) as caught,
        ):
            client.generate("x")
        assert not caught.value.may_have_run
        assert [(request.method, request.target) for request in proxy.requests] == [("CONNECT", "images.example:443")]
        assert KEY not in str(proxy.requests[0].headers)

    @pytest.mark.parametrize("target", ["/x.png?sig=a%2Bb%2F%3d", "/x.png?u='a'&p={}|^"])
    def test_pictures_are_fetched_through_it_byte_for_byte(
        self, proxy: FileServer, served: FileServer, draw: DrawPicture, target: str
    ) -> None:
        proxy.answer("http://images.example/x.png", Reply(draw()))
        served.answer_calls({"url": f"http://images.example{target}"})
        with ImagesClient(base_url=f"{served.url}/v1") as client:
            assert client.generate("x")[0].read() == draw()
        assert [request.target for request in proxy.requests] == [f"http://images.example{target}"]

    def test_and_through_a_tunnel(self, proxy: FileServer, served: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.0)
        served.answer_calls({"url": "https://images.example/x.png?sig=a%2Bb"})
        with ImagesClient(base_url=f"{served.url}/v1") as client, pytest.raises(DownloadError, match="404"):
            client.generate("x")[0].read()
        assert {(request.method, request.target) for request in proxy.requests} == {("CONNECT", "images.example:443")}

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
    def test_this_very_machine_is_never_reached_by_it(self, proxy: FileServer, dead_port: int, host: str) -> None:
        with ImagesClient(base_url=f"http://{host}:{dead_port}/v1", max_retries=0) as client, pytest.raises(APIConnectionError):
            client.generate("x")
        assert proxy.requests == []

    def test_a_server_on_it_answers(self, proxy: FileServer, served: FileServer, api: str) -> None:
        with ImagesClient(base_url=api) as client:
            client.generate("x")
        assert len(served.requests) == 1
        assert proxy.requests == []

    def test_asynchronously_likewise(self, proxy: FileServer, api: str, served: FileServer) -> None:
        async def use() -> None:
            async with AsyncImagesClient(base_url=api) as client:
                await client.generate("x")
            async with AsyncImagesClient(base_url="http://images.example/v1") as client:
                with pytest.raises(NotFoundError):
                    await client.generate("x")

        asyncio.run(use())
        assert [request.target for request in proxy.requests] == [f"http://images.example/v1{PATHS[0]}"]
        assert len(served.requests) == 1

    def test_borrowed_connections_keep_their_own_ways(self, elsewhere: FileServer) -> None:
        with httpx.Client(proxy=elsewhere.url) as borrowed:
            client = ImagesClient(base_url="http://127.0.0.1:1/v1", http_client=borrowed)
            with pytest.raises(NotFoundError):
                client.generate("x")
        assert elsewhere.requests[0].target == f"http://127.0.0.1:1/v1{PATHS[0]}"


class TestRetiredModels:
    @pytest.mark.parametrize("model", RETIRED)
    def test_on_the_official_host_a_warning_names_the_end_and_the_successor(self, official: httpx.Client, model: str) -> None:
        with pytest.warns(DeprecationWarning, match=re.escape(model)) as caught:
            ImagesClient(KEY, http_client=official).generate("x", model=model)
        (warning,) = caught
        assert RETIRED[model]["date"] in str(warning.message)
        assert RETIRED[model]["successor"] in str(warning.message)
        assert warning.filename == __file__

    def test_for_every_method(self, official: httpx.Client, draw: DrawPicture) -> None:
        client = ImagesClient(KEY, http_client=official)
        calls: tuple[Callable[[], object], ...] = (
            lambda: client.generate("x", model="dall-e-2"),
            lambda: client.edit(draw(), "x", model="gpt-image-1"),
            lambda: client.create_variation(draw()),
        )
        for call in calls:
            with pytest.warns(DeprecationWarning, match="retired") as caught:
                call()
            assert [warning.filename for warning in caught] == [__file__]

    @pytest.mark.parametrize("model", ALIVE)
    def test_one_that_lives_gives_none(self, official: httpx.Client, model: str) -> None:
        assert len(ImagesClient(KEY, http_client=official).generate("x", model=model)) == 1

    @pytest.mark.parametrize("model", RETIRED)
    def test_other_hosts_may_serve_what_they_like(self, api: str, model: str) -> None:
        assert len(ImagesClient(KEY, base_url=api).generate("x", model=model)) == 1

    def test_a_successor_lives(self) -> None:
        assert {end["successor"] for end in RETIRED.values()} <= set(ALIVE)


class TestMisspeltModels:
    @pytest.mark.parametrize(
        ("model", "meant"),
        [
            ("gpt-imge-2", "gpt-image-2"),
            ("gpt_image_2", "gpt-image-2"),
            ("GPT-Image-2", "gpt-image-2"),
            ("gpt-image1.5", "gpt-image-1.5"),
            ("dalle-3", "dall-e-3"),
            ("gpt-image-2.5-flair", "gpt-image-2.5-flare"),
            ("chatgpt-image", "chatgpt-image-latest"),
        ],
    )
    def test_on_the_official_host_a_warning_names_the_known_one(self, official: httpx.Client, model: str, meant: str) -> None:
        with pytest.warns(UserWarning, match=re.escape(f"{model} is no model that is known; did you mean {meant}?")) as caught:
            ImagesClient(KEY, http_client=official).generate("x", model=model)
        assert [warning.filename for warning in caught] == [__file__]

    @pytest.mark.parametrize(
        "model", ["gpt-image-2.5-flare-2026-12-24", "gpt-image-3", "gpt-image-2.7-nova", "gpt-image-2-mini", "sora-3", "gpt-5"]
    )
    def test_what_may_be_new_gives_none(self, official: httpx.Client, model: str) -> None:
        assert len(ImagesClient(KEY, http_client=official).generate("x", model=model)) == 1

    def test_other_hosts_call_theirs_as_they_like(self, api: str) -> None:
        assert len(ImagesClient(KEY, base_url=api).generate("x", model="dalle-3")) == 1
