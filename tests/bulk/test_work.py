"""What an answer means for a line, and the unit of work that others map."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import line as text_of
from bulk_jobs import saved_images
from counting_server import CountingServer, image_of
from raw_server import Do, RawServer, head, reply

from images_api import ImagesClient
from images_api.bulk import Entry, Line, State, make_images, parse_line
from images_api.bulk import _saving as saving

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "sk-abcdefghijkl"


def line(custom_id: str = "a", **body: Any) -> Line:
    return parse_line(text_of(custom_id, {"prompt": "x", **body}).encode())


def error(code: str | None = None, message: str = "no") -> bytes:
    return json.dumps({"error": {"message": message, "code": code}}).encode()


def made(server: RawServer, into: Path, **body: Any) -> Entry:
    with ImagesClient(base_url=server.base_url, api_key=KEY) as client:
        return make_images(client, line(**body), into)


@pytest.mark.parametrize(
    ("script", "state", "code"),
    [
        (reply(error("content_policy_violation"), status=400), State.REFUSED, "content_policy_violation"),
        (reply(error("invalid_value"), status=400), State.REFUSED, "invalid_value"),
        (reply(error("model_not_found"), status=404), State.REFUSED, "model_not_found"),
        (reply(error(), status=413), State.REFUSED, "APIStatusError"),
        (reply(error(), status=422), State.REFUSED, "UnprocessableEntityError"),
        (reply(error(), status=401), State.FAILED, "AuthenticationError"),
        (reply(error(), status=403), State.FAILED, "PermissionDeniedError"),
        (reply(error(), status=404), State.FAILED, "NotFoundError"),
        (reply(error(), status=301, Location="https://elsewhere.test/"), State.FAILED, "APIStatusError"),
        (reply(error(), status=429), State.FAILED, "RateLimitError"),
        (reply(error(), status=429, x_should_retry="false"), State.FAILED, "RateLimitError"),
        (reply(error(), status=429, Retry_After="600"), State.FAILED, "RateLimitError"),
        (reply(error(), status=429, Retry_After="9999"), State.FAILED, "RateLimitError"),
        (reply(error("insufficient_quota"), status=429), State.FAILED, "insufficient_quota"),
        (reply(error(), status=503, Retry_After="1"), State.FAILED, "InternalServerError"),
        (reply(error(), status=500, x_should_retry="true"), State.FAILED, "InternalServerError"),
        (reply(error(), status=503), State.AMBIGUOUS, "InternalServerError"),
        (reply(error(), status=500), State.AMBIGUOUS, "InternalServerError"),
        (reply(error(), status=408), State.AMBIGUOUS, "APIStatusError"),
        (reply(error(), status=409), State.AMBIGUOUS, "ConflictError"),
        (reply(error("some_fault")), State.AMBIGUOUS, "NoImageError"),
        (reply(b"{"), State.AMBIGUOUS, "ResponseError"),
        (reply(b"{}"), State.AMBIGUOUS, "NoImageError"),
        ([Do.RESET], State.AMBIGUOUS, "APIConnectionError"),
        ([head("application/json"), Do.CLOSE], State.AMBIGUOUS, "APIConnectionError"),
    ],
)
def test_an_answer_means_a_state(tmp_path: Path, script: Sequence[bytes | Do], state: State, code: str) -> None:
    with RawServer(script) as server:
        entry = made(server, tmp_path)
        assert (entry.state, entry.error_code, entry.attempts, len(server.requests)) == (state, code, 1, 1)
    assert entry.error
    assert saved_images(tmp_path) == {}


def test_nobody_there_means_that_nothing_ran(tmp_path: Path) -> None:
    with ImagesClient(base_url="http://127.0.0.1:1/v1") as client:
        assert make_images(client, line(), tmp_path).state == State.FAILED


def test_images_that_were_made_count_though_others_were_refused(tmp_path: Path) -> None:
    refused = {"error": {"message": "no", "code": "content_policy_violation"}}
    data = [{"b64_json": base64.b64encode(image_of("x")).decode()}, refused]
    with RawServer(reply(json.dumps({"data": data}).encode(), x_request_id="r")) as server:
        entry = made(server, tmp_path, n=2)
    assert (entry.state, entry.error_code, entry.request_id) == (State.DONE, "content_policy_violation", "r")
    assert list(saved_images(tmp_path)) == ["a-1.png"]


def test_what_a_server_sends_beyond_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    data = [{"b64_json": base64.b64encode(image_of("x", index)).decode()} for index in range(2)]
    with RawServer(reply(json.dumps({"data": data}).encode())) as server:
        entry = made(server, tmp_path)
    assert [file.path for file in entry.files] == list(saved_images(tmp_path))[::-1]
    assert sorted(saved_images(tmp_path).values()) == sorted(image_of("x", index) for index in range(2))


def test_a_body_that_quotes_the_key_is_kept_without_it(tmp_path: Path) -> None:
    with RawServer(reply(b"what is " + KEY.encode())) as server:
        entry = made(server, tmp_path)
    [kept] = tmp_path.glob("*.response")
    assert kept.read_text() == "what is …"
    assert KEY not in str(entry)


def test_a_link_is_kept_if_it_cannot_be_fetched(tmp_path: Path) -> None:
    with RawServer(reply(json.dumps({"data": [{"url": "http://127.0.0.1:1/a.png"}]}).encode())) as server:
        entry = made(server, tmp_path)
    assert (entry.state, entry.error_code, entry.links) == (State.AMBIGUOUS, "DownloadError", ("http://127.0.0.1:1/a.png",))


class TestTheUnitOfWork:
    def test_travels_and_saves(self, tmp_path: Path) -> None:
        with CountingServer() as server, ImagesClient(base_url=server.base_url) as client:
            work = pickle.loads(pickle.dumps((make_images, client, line(n=2), tmp_path / "out")))  # noqa: S301  our own
            with work[1]:
                entry = work[0](*work[1:])
        assert [file.path for file in entry.files] == ["a-1.png", "a-2.png"] == list(saved_images(tmp_path / "out"))
        assert (entry.state, entry.images, entry.subject) == (State.DONE, 2, "x")
        assert entry.usage == {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        assert pickle.loads(pickle.dumps(entry)) == entry  # noqa: S301  likewise

    def test_names_as_it_is_told(self, tmp_path: Path) -> None:
        with CountingServer() as server, ImagesClient(base_url=server.base_url, n=2) as client:
            make_images(client, line(), tmp_path, names="{subject}/{index}")
        assert list(saved_images(tmp_path)) == ["x/1.png", "x/2.png"]

    def test_says_where_images_are_that_it_cannot_save(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = saving._write

        def write(path: Path, content: bytes) -> Any:
            if tmp_path in path.parents:
                raise OSError(28, "No space left on device")
            return whole(path, content)

        monkeypatch.setattr(saving, "_write", write)
        why = r"No space left on device; the images are kept in .*images-api-rescued-"
        with (
            CountingServer() as server,
            ImagesClient(base_url=server.base_url) as client,
            pytest.raises(OSError, match=why) as caught,
        ):
            make_images(client, line(), tmp_path)
        folder = Path(str(caught.value).rpartition(" ")[2])
        [path] = folder.iterdir()
        assert path.read_bytes() == image_of("x")
        path.unlink()
        folder.rmdir()
