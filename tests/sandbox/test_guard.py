"""Who may ask the sandbox: this machine's programs, and the web pages that were let in."""

from __future__ import annotations

import warnings

import httpx
import pytest

from images_api.sandbox import Sandbox

ASKED = {"prompt": "x", "model": "dall-e-2", "size": "256x256"}


def ask(sandbox: Sandbox, **headers: str) -> httpx.Response:
    return httpx.post(f"{sandbox.base_url}/images/generations", json=ASKED, headers=headers)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "127.8.9.1", "localhost", "LOCALHOST:80", "app.localhost", "[::1]:9", "[::1]"]
)
def test_this_machine_is_known_by_all_its_names(sandbox: Sandbox, host: str) -> None:
    assert ask(sandbox, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:1234",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.0.1",
        "notlocalhost",
        "[",
        "",
    ],
)
def test_a_name_that_somebody_points_here_is_refused(sandbox: Sandbox, host: str) -> None:
    for path in ("/v1/images/generations", "/", "/files/x.png"):
        response = httpx.get(sandbox.base_url.removesuffix("/v1") + path, headers={"host": host})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "host_not_allowed")
    assert sandbox.pictures_made == 0


def test_other_names_can_be_allowed() -> None:
    with Sandbox(allowed_hosts=["Sandbox.Test"]) as sandbox:
        assert ask(sandbox, host="sandbox.test:8000").status_code == 200
        assert ask(sandbox, host="other.test").status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", "file://", ""])
def test_pages_of_other_origins_are_refused(sandbox: Sandbox, origin: str) -> None:
    files = {"image": ("a.png", b"x", "image/png")}
    # A form is sent without asking first whether it may be.
    response = httpx.post(f"{sandbox.base_url}/images/edits", data={"prompt": "x"}, files=files, headers={"origin": origin})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers


def test_its_own_page_may_ask(sandbox: Sandbox) -> None:
    assert ask(sandbox, origin=sandbox.base_url.removesuffix("/v1")).status_code == 200


@pytest.mark.parametrize("allowed", ["http://localhost:5173", "*"])
def test_pages_that_were_let_in_may_ask_and_read(allowed: str) -> None:
    page = "http://localhost:5173"
    with Sandbox(cors=[allowed]) as sandbox:
        url, asks = f"{sandbox.base_url}/images/generations", {"access-control-request-method": "POST"}
        before = httpx.options(url, headers={"origin": page, "access-control-request-headers": "authorization", **asks})
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] in {page, "*"}
        assert "authorization" in before.headers["access-control-allow-headers"].lower()
        answer = ask(sandbox, origin=page)
        assert answer.headers["access-control-allow-origin"] in {page, "*"}
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
        stranger = ask(sandbox, origin="http://evil.example")
        assert stranger.status_code == (200 if allowed == "*" else 403)


def test_listening_for_others_gives_a_warning() -> None:
    with pytest.warns(UserWarning, match="others than this machine") as caught:
        open_to_all = Sandbox(host="0.0.0.0")  # noqa: S104  what is tested
    assert caught[0].filename == __file__
    with open_to_all as sandbox:
        assert ask(sandbox).status_code == 200
        assert ask(sandbox, host="192.168.0.1").status_code == 403
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Sandbox(host="localhost") as sandbox:
            assert ask(sandbox).status_code == 200
