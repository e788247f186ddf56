"""The page at the sandbox's root, as a browser's requests see it: what it is made of, what it is told, what it may ask."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image
from sandbox_events import listening, until
from waiting import wait_until

from images_api import sandbox as package
from images_api.sandbox import Fault, ReceivedImage, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DrawPicture

SMALL = {"model": "gpt-image-next", "size": "64x64"}
PAGE = Path(str(package.__file__)).parent / "page"
# It opens no file of the requests' and runs nothing: what hurts is to stand in them as it came.
HOSTILE = "<img src=x onerror=alert(1)></script>\x00\x1b[2J\u202egnp.\u2066\u2028\n\r\n\ndata: {}"


@pytest.fixture
def origin(sandbox: Sandbox) -> str:
    return origin_of(sandbox)


@pytest.fixture
def http(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=origin, trust_env=False) as client:
        yield client


def origin_of(sandbox: Sandbox) -> str:
    return sandbox.base_url.removesuffix("/v1")


def generate(http: httpx.Client, prompt: str = "an otter", **more: Any) -> httpx.Response:
    return http.post("/v1/images/generations", json={"prompt": prompt, **SMALL, **more})


def told_of(origin: str, number: int) -> dict[str, Any]:
    """What the page is told of a request that was answered."""
    with listening(origin) as events:
        told = until(events, lambda told: (told.requests.get(number) or {}).get("seconds") is not None)
    return told.requests[number]


def note(sandbox: Sandbox, **said: Any) -> int:
    """Note a request that nobody sent."""
    asked = {"method": "POST", "path": "/v1/images/generations", "query": "", "headers": {}, "body": b""}
    return sandbox._journal.add(**asked, received_at=datetime.now(UTC), **said)


class Elements(HTMLParser):
    """The start tags of a document, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in {"script", "style"}:
            self.inline += data.strip()


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/", "text/html; charset=utf-8"),
            ("/_sandbox/page.css", "text/css; charset=utf-8"),
            ("/_sandbox/page.js", "text/javascript; charset=utf-8"),
            ("/_sandbox/icon.svg", "image/svg+xml"),
        ],
    )
    def test_they_are_what_they_say(self, http: httpx.Client, sandbox: Sandbox, path: str, kind: str) -> None:
        response = http.get(path)
        assert (response.status_code, response.headers["content-type"]) == (200, kind)
        assert response.content == (PAGE / (Path(path).name or "index.html")).read_bytes()
        assert sandbox.requests == ()

    @pytest.mark.parametrize("path", ["/", "/_sandbox/page.js", "/_sandbox/faults", "/_sandbox/nothing"])
    def test_a_browser_is_told_to_be_strict(self, http: httpx.Client, path: str) -> None:
        headers = http.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        fetched = {name: value for name, value in policy.items() if name.endswith("-src") and name != "default-src"}
        assert set(fetched.values()) == {"'self'"}
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == policy["trusted-types"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"

    def test_nothing_is_inline_and_nothing_foreign(self) -> None:
        document = Elements((PAGE / "index.html").read_text(encoding="utf-8"))
        assert not document.inline
        attributes = [(name, value) for _, attributes in document.tags for name, value in attributes.items()]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
        addresses = [value or "" for name, value in attributes if name in {"src", "href", "action", "srcset"}]
        assert addresses
        assert all(re.match(r"/_sandbox/|#", address) for address in addresses)
        for file in PAGE.iterdir():
            text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(https?:)?//[a-z]|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|@import", text)

    def test_no_key_is_needed(self) -> None:
        with Sandbox(api_key="sk-secret") as sandbox:
            origin = origin_of(sandbox)
            assert httpx.get(origin, trust_env=False).status_code == 200
            with listening(origin) as events:
                said = next(events).said
            assert origin + said["base"] == sandbox.base_url
            assert said["kinds"]

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/"), ("GET", "/_sandbox/page.js"), ("GET", "/_sandbox/events"), ("POST", "/_sandbox/faults")],
    )
    @pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}])
    def test_no_other_page_gets_in(self, method: str, path: str, headers: dict[str, str]) -> None:
        with Sandbox(cors=["*"]) as sandbox:
            response = httpx.request(method, origin_of(sandbox) + path, headers=headers, json={"fault": "cut body"})
            assert response.status_code == 403
            assert response.json()["error"]["code"] in {"host_not_allowed", "origin_not_allowed"}
            assert not sandbox._faults.armed


class TestEvents:
    def test_a_request_is_told_of(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        assert generate(http, "an otter", n=2, quality="low").status_code == 200
        (asked,) = sandbox.requests
        told = told_of(origin, asked.number)
        assert told["about"] == "an otter"
        assert (told["method"], told["path"], told["operation"]) == ("POST", "/v1/images/generations", "createImage")
        assert {each["name"]: each["value"] for each in told["parameters"]} == {
            "prompt": "an otter",
            "n": "2",
            "quality": "low",
            **SMALL,
        }
        assert {each["name"] for each in told["parameters"] if each["json"]} == {"n"}
        assert (told["status"], told["error"], told["fault"], told["sent"]) == (200, None, None, [])
        assert told["seconds"] > 0
        assert datetime.fromisoformat(told["at"]) == asked.received_at
        assert [(made["type"], made["width"], made["height"]) for made in told["made"]] == [("image/png", 64, 64)] * 2

    def test_images_are_shown_as_they_are(self, http: httpx.Client, sandbox: Sandbox, origin: str, draw: DrawPicture) -> None:
        image, mask = draw(mode="RGB", kind="JPEG"), draw()
        files = {"image": ("photo.jpg", image, "image/jpeg"), "mask": ("m.png", mask, "image/png")}
        response = http.post("/v1/images/edits", data={"prompt": "a beret", **SMALL}, files=files)
        assert response.status_code == 200, response.text
        made = base64.b64decode(response.json()["data"][0]["b64_json"])
        told = told_of(origin, sandbox.requests[0].number)
        assert [(each["parameter"], each["overlay"], each["name"]) for each in told["sent"]] == [
            ("image", None, "photo.jpg"),
            ("mask", "mask", "m.png"),
        ]
        assert [each["bytes"] for each in told["sent"]] == [len(image), len(mask)]
        shown = [http.get(each["url"]) for each in (*told["sent"], *told["made"])]
        assert [each.content for each in shown] == [image, mask, made]
        assert [each.headers["content-type"] for each in shown] == ["image/jpeg", "image/png", "image/png"]
        assert all(each.headers["x-content-type-options"] == "nosniff" for each in shown)

    def test_images_that_were_referred_to(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        url = generate(http, model="dall-e-2", size="256x256", response_format="url").json()["data"][0]["url"]
        http.post("/v1/images/edits", json={"prompt": "a beret", "images": [{"image_url": url}], **SMALL})
        (sent,) = told_of(origin, sandbox.requests[-1].number)["sent"]
        assert Image.open(BytesIO(http.get(sent["url"]).content)).size == (256, 256)

    def test_refusals_and_faults_are_marked(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        assert generate(http, n=99).status_code == 400
        refused = told_of(origin, sandbox.requests[-1].number)
        assert (refused["status"], refused["error"], refused["made"]) == (400, "integer_above_max_value", [])
        sandbox._faults.arm(Fault.parse("429"))
        assert generate(http).status_code == 429
        faulted = told_of(origin, sandbox.requests[-1].number)
        assert (faulted["status"], faulted["fault"]) == (429, "429")

    def test_only_what_changed_is_told(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        generate(http)
        first = sandbox.requests[-1].number
        with listening(origin) as events:
            until(events, lambda told: (told.requests.get(first) or {}).get("seconds"))
            generate(http)
            second = sandbox.requests[-1].number
            told = until(events, lambda told: (told.requests.get(second) or {}).get("seconds"))
            numbers = [each["number"] for message in told.messages for each in message.get("requests", [])]
            assert numbers.count(first) == 1
            sandbox._faults.arm(Fault.parse("cut body"))
            assert until(events, lambda told: told.said["armed"]).said["armed"] == ["cut body"]
        assert [each["number"] for message in told.messages for each in message.get("requests", [])] == numbers

    def test_a_page_that_comes_back_is_told_the_rest(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        for _ in range(2):
            generate(http)
        first, second = (request.number for request in sandbox.requests)
        with listening(origin) as events:
            last_id = until(events, lambda told: {first, second} <= told.requests.keys()).last_id
        generate(http)
        third = sandbox.requests[-1].number
        with listening(origin, last_id) as events:
            assert until(events, lambda told: told.requests).requests.keys() == {third}

    @pytest.mark.parametrize("last_id", ["0123456789abcdef-2", "-5", "x-" + "9" * 5000, "\x7f"])
    def test_a_page_of_another_run_is_told_all(self, http: httpx.Client, sandbox: Sandbox, origin: str, last_id: str) -> None:
        generate(http)
        with listening(origin, last_id) as events:
            assert sandbox.requests[0].number in until(events, lambda told: told.requests).requests

    def test_what_is_forgotten_is_told(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        generate(http)
        number = sandbox.requests[0].number
        with listening(origin) as events:
            assert until(events, lambda told: number in told.requests).said["oldest"] == number
            sandbox.clear()
            until(events, lambda told: told.said["oldest"] == number + 1)

    def test_the_newest_two_hundred_are_told_in_small_parts(self) -> None:
        with Sandbox() as sandbox:
            for _ in range(250):
                note(sandbox)
            with listening(origin_of(sandbox)) as events:
                told = until(events, lambda told: 250 in told.requests)
            assert told.said["oldest"] == 51
            assert list(told.requests) == [*range(51, 251)]
            assert max(len(message.get("requests", [])) for message in told.messages) <= 20

    def test_they_end_when_the_sandbox_stops(self) -> None:
        sandbox = Sandbox().start()
        with listening(origin_of(sandbox)) as events:
            next(events)
            sandbox.stop()
            # A stream that the server had to cut would end in an error.
            assert list(events) is not None

    def test_a_page_that_is_closed_is_forgotten(self, sandbox: Sandbox, origin: str, caplog: pytest.LogCaptureFixture) -> None:
        server: Any = sandbox._server
        with listening(origin) as events:
            next(events)
            assert server.server_state.tasks
        wait_until(lambda: not server.server_state.tasks)
        assert not caplog.records

    def test_another_run_has_another_name(self) -> None:
        sandbox, runs = Sandbox(), set[str]()
        for _ in range(2):
            with sandbox, listening(origin_of(sandbox)) as events:
                runs.add(next(events).said["run"])
        assert len(runs) == 2


class TestHostileRequests:
    def test_texts_stay_data(self, http: httpx.Client, sandbox: Sandbox, origin: str, draw: DrawPicture) -> None:
        files = {"image": ("<b>.png", draw(), "image/png")}
        assert http.post("/v1/images/edits", data={"prompt": HOSTILE, **SMALL}, files=files).status_code == 200
        told = told_of(origin, sandbox.requests[0].number)
        assert told["about"].replace("\r\n", "\n") == HOSTILE.replace("\r\n", "\n")
        assert told["sent"][0]["name"] == "<b>.png"

    @pytest.mark.parametrize(
        "parameters",
        [
            {"prompt": "x" * 100_000},
            {"images": [{"image_url": "data:" + "x" * 100_000}] * 50},
            {"extra": json.loads("[" * 500 + "]" * 500)},
            {"extra": {"k" * 10_000 + str(index): index for index in range(100)}},
            {f"p{index}": "x" * 1000 for index in range(1000)},
            {"extra": [10**4000] * 1000},
            {"extra": [[]] * 100_000},
            {"extra": float("inf"), "other": None, "flag": True},
        ],
        ids=["text", "references", "depth", "keys", "parameters", "numbers", "items", "odd"],
    )
    def test_little_is_told_of_much(self, parameters: dict[str, object]) -> None:
        with Sandbox() as sandbox:
            number = note(sandbox, operation="createImage", parameters=parameters)
            with listening(origin_of(sandbox)) as events:
                told = until(events, lambda told: number in told.requests).requests[number]
        assert len(json.dumps(told)) < 64 << 10
        assert told["parameters"]

    def test_many_images_are_told_of_in_part(self) -> None:
        image = ReceivedImage("a.png", "image/png", 1, 1, b"")
        with Sandbox() as sandbox:
            number = note(sandbox, images={"image": [image] * 1000}, images_made=[f"{index}.png" for index in range(1000)])
            with listening(origin_of(sandbox)) as events:
                told = until(events, lambda told: number in told.requests).requests[number]
        assert len(told["sent"]) == len(told["made"]) == 32
        assert told["made_in_all"] == 1000
        assert told["made"][0]["type"] is None

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
            (b"<!doctype html><script>alert(1)</script>", None),
            (b"alert(1)", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ],
    )
    def test_only_images_are_served(self, content: bytes, kind: str | None) -> None:
        with Sandbox() as sandbox, httpx.Client(base_url=origin_of(sandbox), trust_env=False) as http:
            note(sandbox, images={"image": [ReceivedImage("a.png", "image/png", 1, 1, content)]})
            response = http.get("/_sandbox/run/sent/1/0")
            if kind is None:
                assert response.status_code == 404
                assert response.headers["content-type"] == "application/json"
            else:
                assert (response.content, response.headers["content-type"]) == (content, kind)
                policy = response.headers["content-security-policy"].split("; ")
                assert {"default-src 'none'", "sandbox"} <= {*policy}
                assert "script-src" not in response.headers["content-security-policy"]

    @pytest.mark.parametrize(
        "path",
        [
            *("sent/1/1", "sent/1/-1", "sent/1/x", "sent/2/0", "sent/-1/0", f"sent/{'9' * 5000}/0", "sent/1/0/0", "sent/²/0"),
            *("made/nothing.png", "made/..%2f..%2fpage.js", "made/", "other/1"),
        ],
    )
    def test_there_is_nothing_else(self, path: str) -> None:
        with Sandbox() as sandbox:
            note(sandbox, images={"image": [ReceivedImage("a.png", "image/png", 1, 1, b"GIF89a")]})
            assert httpx.get(f"{origin_of(sandbox)}/_sandbox/run/{path}", trust_env=False).status_code == 404
            assert len(sandbox.requests) == 1


class TestArming:
    def test_a_fault_is_armed_and_disarmed(self, http: httpx.Client, sandbox: Sandbox, origin: str) -> None:
        own = {"origin": origin}
        response = http.post("/_sandbox/faults", json={"fault": "cut body", "times": 2}, headers=own)
        assert (response.status_code, response.json()) == (200, {"armed": ["cut body"] * 2})
        assert sandbox._faults.armed == (Fault.parse("cut body"),) * 2
        assert http.post("/_sandbox/faults", json={"fault": "429"}).json()["armed"][-1] == "429"
        assert http.delete("/_sandbox/faults", headers=own).json() == {"armed": []}
        assert not sandbox._faults.armed

    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            ({"data": {"fault": "cut body"}}, 415),
            ({"content": b'{"fault": "cut body"}', "headers": {"content-type": "text/plain"}}, 415),
            ({"content": b'{"fault": "cut body"}'}, 415),
            ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
            ({"content": b"[" * 4000, "headers": {"content-type": "application/json"}}, 400),
            ({"content": b'{"fault": "cut body"}'.ljust(5000), "headers": {"content-type": "application/json"}}, 413),
            ({"json": ["cut body"]}, 400),
            ({"json": {"fault": 429}}, 400),
            ({"json": {"fault": "no such fault"}}, 400),
            ({"json": {"fault": "cut body", "times": "2"}}, 400),
            ({"json": {"fault": "cut body", "times": 1.5}}, 400),
            ({"json": {"fault": "cut body", "times": 0}}, 400),
            ({"json": {"fault": "cut body", "times": 10**9}}, 400),
        ],
    )
    def test_what_is_no_fault_is_refused(
        self, http: httpx.Client, sandbox: Sandbox, request_: dict[str, Any], status: int
    ) -> None:
        response = http.post("/_sandbox/faults", **request_)
        assert response.status_code == status, response.text
        assert response.json()["error"]["message"]
        assert not sandbox._faults.armed
        assert sandbox.requests == ()
