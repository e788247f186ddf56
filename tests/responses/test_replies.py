"""From status, headers and body to a result or an error: the pure part, case by case."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import drawn
from PIL import Image

import images_api
from images_api import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ContentPolicyError,
    HTTPInfo,
    ImagesResult,
    InternalServerError,
    ResponseError,
)
from images_api._contract.document import decode_json
from images_api._http.retry import server_wait, wait_before_retry
from images_api._images.base64 import BrokenImageError, check_image
from images_api._images.spool import Content
from images_api._responses.body import Body
from images_api._responses.failures import connection_error, status_error
from images_api._responses.json import JSONReader
from images_api._responses.result import ResponseReader
from images_api._secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api._results import ImageSource

URL = httpx.URL("http://user:word@server.example/v1/images/generations?signature=s")
NO_DOWNLOADS = cast("ImageSource", None)
FOREIGN_TEXT_LIMIT = 200

NAMED = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
POLICY_CODES = [
    "moderation_blocked",
    "content_policy_violation",
    "content_filter",
    "contentFilter",
    "content_safety_violation",
    "ResponsibleAIPolicyViolation",
]
QUOTA_CODES = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded"]
NEVER_STARTED = {
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
}
# Foreign text wherever it can come from, in letters that no message of ours has.
FLOODS: dict[str, tuple[int, dict[str, str], object]] = {
    "message": (400, {}, {"error": {"message": "ж" * 5000}}),
    "code": (400, {}, {"error": {"message": "m", "code": "ж" * 5000}}),
    "object for a message": (400, {}, {"error": {"message": {"ж" * 5000: "ж" * 5000}}}),
    "many details": (400, {}, {"detail": [{"msg": "ж" * 150}] * 40}),
    "JSON text": (502, {}, "ж" * 5000),
    "title": (502, {}, f"<html><title>{'ж' * 5000}</title>".encode()),
    "page": (502, {}, f"<html>{'ж' * 50000}".encode()),
    "request id": (400, {"x-request-id": "j" * 5000}, {}),
    "text with 200": (200, {}, "ж" * 5000),
    "data with 200": (200, {}, {"data": "ж" * 5000}),
    "error with 200": (200, {}, {"error": {"message": "ж" * 5000}}),
    "many texts for pictures": (200, {}, {"data": ["ж" * 150] * 40}),
    "no base64": (200, {}, {"data": [{"b64_json": "ж" * 5000}]}),
    "no picture": (200, {}, {"data": [{"b64_json": base64.b64encode(("ж" * 5000).encode()).decode()}]}),
    "content type": (200, {"content-type": "text/" + "j" * 5000}, b"m"),
}


def info(status: int = 200, headers: dict[str, str] | None = None) -> HTTPInfo:
    said = httpx.Headers(headers or {})
    return HTTPInfo(status, said, 0.5, server_wait(said))


def refusal(body: object, status: int = 400, headers: dict[str, str] | None = None) -> APIStatusError:
    return status_error(info(status, headers), body if isinstance(body, bytes) else json.dumps(body).encode(), URL, Secrets())


def result(said: object, status: int = 200, headers: dict[str, str] | None = None) -> ImagesResult:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    body = Body(httpx.Headers(headers or {}), 1 << 30)
    http = info(status, headers)
    reader = ResponseReader(http, body, partial(status_error, http, url=URL, secrets=Secrets()), "an otter", 1, NO_DOWNLOADS)
    for _ in (*reader.feed(content), *reader.finish()):
        pass
    return reader.result()


def body(content: bytes, headers: dict[str, str] | None = None) -> Body:
    read = Body(httpx.Headers(headers or {}), 1 << 30)
    read.write(content)
    read.close()
    return read


def text_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decode_picture(text: str) -> bytes:
    reader = JSONReader()
    reader.write(json.dumps({"b64_json": text}).encode())
    content = reader.image(reader.document()["b64_json"])
    return content.read() if content else b""


def check_bytes(content: bytes) -> None:
    if content:
        check_image(Content(content))


def reply_of(*contents: bytes) -> dict[str, object]:
    return {"data": [{"b64_json": text_of(content)} for content in contents]}


def with_thumbnail(jpeg: bytes) -> bytes:
    """Give a JPEG a smaller one, with an end marker of its own, in its Exif data."""
    segment = b"Exif\0\0" + drawn(4, 4, mode="L", kind="JPEG")
    return jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]


def of_all_greys(kind: str) -> bytes:
    """Draw a picture whose file holds bytes of every value, those of end markers among them."""
    file = BytesIO()
    Image.frombytes("L", (16, 16), bytes(range(256))).save(file, kind)
    return file.getvalue()


def family(kind: type[httpx.RequestError]) -> set[type[httpx.RequestError]]:
    return {kind}.union(*map(family, kind.__subclasses__()))


def fault(check: Callable[[Any], object], given: object) -> str | None:
    """Return what is wrong with a picture, or None."""
    try:
        check(given)
    except BrokenImageError as error:
        return str(error)
    return None


def is_readable(depth: int) -> bool:
    try:
        return bool(decode_json(b"[" * depth + b"]" * depth))
    except ValueError:
        return False


PICTURES = {
    "png": drawn(8, 6, mode="RGB"),
    "jpeg": drawn(8, 6, mode="L", kind="JPEG"),
    "jpeg with a thumbnail": with_thumbnail(drawn(8, 6, mode="L", kind="JPEG")),
    "webp": drawn(8, 6, mode="RGB", kind="WEBP"),
    "gif": drawn(8, 6, mode="L", kind="GIF"),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><svg/><g/></svg>',
}


class TestStatus:
    @pytest.mark.parametrize("status", range(300, 600))
    def test_decides_the_class_whatever_the_body(self, status: int) -> None:
        expected = NAMED.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
        for body in (b"", b"{}", b"[]", b"null", b"<html>", b"\xff\x00", b'{"error": {"message": "m"}}', b'{"error": 7}'):
            error = refusal(body, status)
            assert type(error) is getattr(images_api, expected)
            assert error.status_code == status
            assert str(error).startswith(f"{status}: ")

    @pytest.mark.parametrize("status", range(200, 300))
    def test_of_success_gives_a_result(self, status: int) -> None:
        assert result(reply_of(PICTURES["png"]), status).http.status_code == status

    @pytest.mark.parametrize(
        ("status", "retry_after", "may_have_run"),
        [
            (400, None, False),
            (408, None, True),
            (409, None, True),
            (429, None, False),
            (500, None, True),
            (503, None, True),
            (503, "9", False),
            (524, "9", True),
        ],
    )
    def test_says_whether_the_call_may_be_billed(self, status: int, retry_after: str | None, *, may_have_run: bool) -> None:
        assert refusal({}, status, {"retry-after": retry_after} if retry_after else {}).may_have_run is may_have_run

    def test_404_names_the_url_without_what_may_be_secret(self) -> None:
        assert "(POST http://server.example/v1/images/generations)" in str(refusal({}, 404))


class TestCode:
    @pytest.mark.parametrize("status", [400, 403, 422, 429, 500])
    @pytest.mark.parametrize("code", POLICY_CODES)
    @pytest.mark.parametrize(
        "fields",
        [
            lambda code: {"code": code},
            lambda code: {"type": code, "code": None},
            lambda code: {"code": "invalid_request", "innererror": {"code": code}},
            lambda code: {"code": "invalid_request", "inner_error": {"code": code}},
        ],
        ids=["code", "type", "innererror", "inner_error"],
    )
    def test_of_a_policy_is_one_class_and_never_sent_again(
        self, fields: Callable[[str], dict[str, object]], code: str, status: int
    ) -> None:
        for body in ({"error": fields(code)}, fields(code), {"error": fields(code.upper())}):
            error = refusal(body, status, {"x-should-retry": "true"})
            assert type(error) is ContentPolicyError
            assert wait_before_retry(error, 0, ambiguous=True) is None

    @pytest.mark.parametrize("innererror", [None, "text", [], {}, {"code": None}, {"code": ["content_filter"]}])
    def test_of_another_kind_is_no_policy(self, innererror: object) -> None:
        assert type(refusal({"error": {"code": "invalid_value", "innererror": innererror}})) is images_api.BadRequestError

    @pytest.mark.parametrize("name", ["code", "type"])
    @pytest.mark.parametrize("code", QUOTA_CODES)
    def test_of_a_used_up_account_is_a_class_of_its_own(self, name: str, code: str) -> None:
        error = refusal({"error": {name: code}}, 429, {"x-should-retry": "true"})
        assert type(error) is images_api.QuotaExceededError
        assert wait_before_retry(error, 0, ambiguous=True) is None
        assert type(refusal({"error": {name: code}}, 403)) is images_api.PermissionDeniedError

    def test_of_a_rate_limit_is_not_a_used_up_account(self) -> None:
        assert type(refusal({"error": {"code": "rate_limit_exceeded"}}, 429)) is images_api.RateLimitError


# What servers answer that refuse content: a status, and a body.
REFUSALS: dict[str, tuple[int, object]] = {
    "DashScope": (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}),
    "DashScope's other interface": (400, {"error": {"code": "data_inspection_failed", "message": "m"}}),
    "DashScope's task": (200, {"output": {"task_status": "FAILED", "code": "DataInspectionFailed", "message": "m"}}),
    "Volcengine, the text": (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "m"}}),
    "Volcengine, the image": (400, {"error": {"code": "InputImageSensitiveContentDetected.PrivacyInformation", "message": "m"}}),
    "Volcengine, what came out": (200, {"data": [{"error": {"code": "OutputImageSensitiveContentDetected"}}]}),
    "Volcengine's risks": (400, {"error": {"code": "OutputImageRiskDetection", "message": "m"}}),
    "Zhipu": (400, {"contentFilter": [{"level": 1, "role": "user"}], "error": {"code": "1301", "message": "m"}}),
    "MiniMax": (200, {"id": "0", "base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    "MiniMax with a status": (500, {"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}),
    "MiniMax by a gateway": (500, {"error": {"message": "input new_sensitive (1026)", "type": "api_error"}}),
    "OpenRouter": (
        403,
        {
            "error": {
                "code": 403,
                "message": "It requires moderation. Your input was flagged",
                "metadata": {"reasons": ["hate"]},
            }
        },
    ),
    "Together": (422, {"error": {"message": "NSFW content detected in the prompt", "type": "invalid_request_error"}}),
    "Together's other words": (422, {"error": {"message": "The image contains NSFW content", "code": None}}),
    "xAI": (200, {"data": [{"url": "", "respect_moderation": False}]}),
    "Azure": (400, {"error": {"code": "contentFilter", "message": "m"}}),
    "Azure's other form": (400, {"error": {"code": "invalid", "inner_error": {"code": "ResponsibleAIPolicyViolation"}}}),
    "fal": (422, {"detail": [{"loc": ["body", "prompt"], "msg": "m", "type": "content_policy_violation"}]}),
    "Stability": (
        403,
        {"id": "x", "name": "content_moderation", "errors": ["It was flagged by our content moderation"]},
    ),
    "Black Forest Labs": (200, {"id": "x", "status": "Content Moderated", "result": None}),
    "Google": (200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
    "Google's pictures": (200, {"candidates": [{"finishReason": "IMAGE_SAFETY"}]}),
    "artifacts": (200, {"artifacts": [{"finishReason": "CONTENT_FILTERED"}]}),
    "Ideogram": (200, {"data": [{"url": None, "is_image_safe": False}]}),
    "LiteLLM": (400, {"error": {"message": "litellm.ContentPolicyViolationError: no", "type": None}}),
    "a gateway's list": (400, [{"error": {"status": "CONTENT_SAFETY_VIOLATION", "message": "m"}}]),
    "OpenAI in words": (400, {"error": {"message": "Your request was rejected by the safety system.", "code": None}}),
    "Pollinations": (
        403,
        {"error": {"message": "m", "code": "content_policy_violation", "details": {"name": "U"}}},
    ),
    "an event": (400, b'event: error\ndata: {"error": {"code": "moderation_blocked", "message": "m"}}\n\n'),
}
# What only sounds like it.
NO_REFUSALS: dict[str, tuple[int, object]] = {
    "a parameter": (
        400,
        {"error": {"message": "moderation must be one of low, auto", "param": "moderation", "code": "invalid_value"}},
    ),
    "an unknown parameter": (400, {"error": {"message": "Unknown parameter: 'safety_identifier'.", "code": "unknown_parameter"}}),
    "a failed download": (400, {"code": "InvalidParameter.DataInspection", "message": "Unable to download the media resource."}),
    "a service of checks": (500, {"error": {"code": "ContentSecurityDetectionError", "message": "The detection failed"}}),
    "a filter that is off": (400, {"error": {"code": "content_filter_not_configured", "message": "No content filter"}}),
    "an option": (422, {"detail": [{"loc": ["body", "nsfw_checker"], "msg": "Field required", "type": "missing"}]}),
    "names in small letters": (400, {"error": {"message": "Model names are case-sensitive"}}),
    "another number": (400, {"error": {"code": 1302, "message": "too many at once"}}),
    "a number with more": (400, {"error": {"code": "13010", "message": "m"}}),
    "a rate": (
        429,
        {"error": {"message": "It was blocked by the content policy of rates", "code": "rate_limit_exceeded"}},
    ),
    "a key": (401, {"error": {"message": "The key was flagged for safety", "code": "invalid_api_key"}}),
    "a verdict that is good": (400, {"error": {"message": "m"}, "respect_moderation": True}),
    "no account": (403, {"error": {"message": "Your account was flagged for fraud"}}),
    "an error of MiniMax": (500, {"base_resp": {"status_code": 2013, "status_msg": "invalid params"}}),
}


class TestRefusal:
    @pytest.mark.parametrize("name", REFUSALS)
    def test_of_content_is_one_class_whoever_says_it_and_never_sent_again(self, name: str) -> None:
        status, said = REFUSALS[name]
        error = refused(status, said)
        assert type(error) is ContentPolicyError
        assert wait_before_retry(error, 0, ambiguous=True) is None

    @pytest.mark.parametrize("name", NO_REFUSALS)
    def test_of_another_kind_is_none(self, name: str) -> None:
        assert type(refused(*NO_REFUSALS[name])) is not ContentPolicyError

    @pytest.mark.parametrize(
        ("body", "details"),
        [
            (
                {"error": {"code": "moderation_blocked", "moderation_details": {"categories": ["violence"]}}},
                {"categories": ["violence"]},
            ),
            (
                {"error": {"code": "x", "innererror": {"code": "content_filter", "content_filter_result": {"hate": {}}}}},
                {"hate": {}},
            ),
            (REFUSALS["Zhipu"][1], [{"level": 1, "role": "user"}]),
            (REFUSALS["OpenRouter"][1], ["hate"]),
            ({"error": {"code": "moderation_blocked"}}, None),
        ],
    )
    def test_tells_its_details(self, body: object, details: object) -> None:
        error = refused(400, body)
        assert isinstance(error, ContentPolicyError)
        assert error.moderation_details == details

    def test_without_a_word_says_who_refused(self) -> None:
        assert str(refused(*REFUSALS["xAI"])) == "200: the provider's moderation refused it"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (1002, images_api.RateLimitError),
            (1004, images_api.AuthenticationError),
            (1008, images_api.QuotaExceededError),
            (2013, images_api.BadRequestError),
        ],
    )
    def test_with_a_success_and_a_known_number_is_what_the_number_stands_for(self, code: int, kind: type[APIStatusError]) -> None:
        said = {"id": "0", "base_resp": {"status_code": code, "status_msg": "m"}}
        error = refused(200, said)
        assert (type(error), error.code, error.body) == (kind, str(code), said)
        assert str(error) == f"{error.status_code} {code}: m"

    def test_with_a_success_and_another_number_holds_no_image(self) -> None:
        with pytest.raises(images_api.NoImageError, match="no image: m"):
            result({"base_resp": {"status_code": 9999, "status_msg": "m"}})


def refused(status: int, said: object) -> APIStatusError:
    if status != 200:
        return refusal(said, status, {"x-should-retry": "true"})
    with pytest.raises(APIStatusError) as caught:
        result(said)
    return caught.value


class TestBody:
    @pytest.mark.parametrize(
        ("body", "fields", "says"),
        [
            ({"error": {"message": "m", "type": "t", "param": "p", "code": "c"}}, ("c", "p", "t"), "m"),
            ({"error": {"message": "m", "code": 7}}, ("7", None, None), "m"),
            ({"error": {"message": "m", "code": 0}}, ("0", None, None), "m"),
            ({"error": {"message": "m", "param": ["a", 1]}}, (None, "['a', 1]", None), "m"),
            ({"error": "m"}, (None, None, None), "m"),
            ({"error": ["m", {"msg": "o"}]}, (None, None, None), "m; o"),
            ({"error": "invalid_grant", "error_description": "m"}, (None, None, None), "invalid_grant; m"),
            ({"error": "Bad Request", "message": ["m", "o"], "statusCode": 400}, (None, None, None), "Bad Request; m; o"),
        ],
    )
    def test_with_an_error_in_it_is_kept_as_that(self, body: dict[str, object], fields: tuple[object, ...], says: str) -> None:
        _check(refusal(body), fields, says, body["error"])

    @pytest.mark.parametrize(
        "body", ['data: {"error": {"message": "m", "code": "c"}}', 'event: error\r\ndata: {"message": "m", "code": "c"}']
    )
    def test_that_is_an_event_says_what_the_event_says(self, body: str) -> None:
        error = refusal(f"{body}\n\n".encode())
        assert (error.code, str(error)) == ("c", "400 c: m")

    @pytest.mark.parametrize(
        ("body", "fields", "says"),
        [
            ({"error": {}, "message": "m"}, (None, None, None), "m"),
            ({"error": None, "detail": "m"}, (None, None, None), "m"),
            ({"detail": "m"}, (None, None, None), "m"),
            ({"detail": [{"msg": "m"}, "o", 3]}, (None, None, None), "m; o; 3"),
            ({"code": 7, "message": "m", "type": "t"}, ("7", None, "t"), "m"),
            ({"error_msg": "m"}, (None, None, None), "m"),
            ({"success": False, "errors": [{"code": 5007, "message": "m"}], "messages": []}, ("5007", None, None), "m"),
            ({"title": "One is wrong.", "status": 400, "errors": {"n": ["m", "o"]}}, (None, None, None), "One is wrong.; m; o"),
            ({"type": "about:blank", "title": "Bad", "detail": "m"}, (None, None, "about:blank"), "Bad; m"),
            ({"base_resp": {"status_code": 2013, "status_msg": "m"}}, ("2013", None, None), "m"),
            ({"errors": ["m", "m"]}, (None, None, None), "m"),
            ({"message": {"text": "x"}, "msg": "m"}, (None, None, None), "m"),
            ({"output": {"code": "c", "message": "m"}}, ("c", None, None), "m"),
            ([{"error": {"code": 7, "message": "m"}}], ("7", None, None), "m"),
            ({"error": True, "message": "m"}, (None, None, None), "m"),
            ({}, (None, None, None), "no message"),
            ([1, 2], (None, None, None), "[1, 2]"),
            ("m", (None, None, None), '"m"'),
        ],
    )
    def test_of_other_json_is_kept_whole(self, body: object, fields: tuple[object, ...], says: str) -> None:
        _check(refusal(body), fields, says, body)

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ("", "an empty body"),
            ("  two\n words ", "two words"),
            ("<TITLE\nlang=en>\n a page </TITLE> text", "a page"),
            ("<h1>no title</h1>", "<h1>no title</h1>"),
        ],
    )
    def test_of_text_is_kept_as_text(self, body: str, says: str) -> None:
        _check(refusal(body.encode()), (None, None, None), says, body)

    def test_of_bytes_is_kept_as_far_as_it_is_text(self) -> None:
        _check(refusal(b"\xff\xfe."), (None, None, None), "\ufffd\ufffd.", "\ufffd\ufffd.")

    @pytest.mark.parametrize("name", FLOODS)
    def test_is_in_the_message_with_so_many_characters_at_most(self, name: str) -> None:
        status, headers, body = FLOODS[name]
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        error = _error(content, status, headers)
        assert len(re.findall("[жj]", str(error))) <= FOREIGN_TEXT_LIMIT
        assert len(repr(error)) < 2 * FOREIGN_TEXT_LIMIT

    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"message": "Incorrect API key provided: sk-proj-Ab_1-2cdefgh."}},
            {"error": "bad sk-Ab12cdefgh"},
            {"detail": [{"msg": "bad key-Ab12cdefgh"}]},
            b"Authorization: Bearer sk-Ab12cdefgh",
            b"<title>sk-Ab12cdefgh</title>",
            {"data": ["sk-Ab12cdefgh"]},
        ],
    )
    def test_that_quotes_a_key_does_not_bring_it_into_the_message(self, body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        for status in (200, 401):
            assert "cdefgh" not in str(_error(content, status))

    def test_nested_deeper_than_can_be_read_is_an_error_like_any_other(self) -> None:
        limit = bisect_left(range(1_000_000), True, key=lambda depth: depth > 0 and not is_readable(depth))  # noqa: FBT003
        # Just below the limit, what can still be read may be too deep to be shown.
        for depth in (*range(limit - 60, limit + 1), 2 * limit):
            deep = b"[" * depth + b"]" * depth
            for body in (b'{"data": [%b]}', b'{"data": [{"b64_json": %b}]}', b'{"error": {"message": %b}}', b'{"detail": [%b]}'):
                assert _error(body % deep, 200).args
                assert type(_error(body % deep, 502)) is InternalServerError

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"{}x", b'{"n": ' + b"9" * 5000 + b"}", b"[" * 100_000])
    def test_that_is_no_json_is_one_kind_of_error(self, body: bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011  the class is all that is promised
            decode_json(body)


def _check(error: APIStatusError, fields: tuple[object, ...], says: str, body: object) -> None:
    assert (error.code, error.param, error.type) == fields
    assert re.sub(r"^400( \w+)?: ", "", str(error)) == says
    assert error.body == body


def _error(body: bytes, status: int, headers: dict[str, str] | None = None) -> images_api.ImagesAPIError:
    if status != 200:
        return refusal(body, status, headers)
    with pytest.raises(ResponseError) as caught:
        result(body, status, headers)
    assert caught.value.body == body
    return caught.value


class TestHeaders:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({"X-Request-ID": "a"}, "a"),
            ({"apim-request-id": "b"}, "b"),
            ({"X-Correlation-Id": "c"}, "c"),
            ({"x-correlation-id": "c", "apim-request-id": "b", "x-request-id": "a"}, "a"),
            ({"x-request-id": "", "apim-request-id": "b"}, "b"),
            ({"x-request-id": ""}, None),
            ({"x-litellm-call-id": "d"}, "d"),
        ],
    )
    def test_name_the_request(self, headers: dict[str, str], expected: str | None) -> None:
        error = refusal({}, 400, headers)
        assert error.request_id == error.http.request_id == expected
        assert str(error).endswith(f"(request {expected})" if expected else "no message")
        assert result(reply_of(PICTURES["png"]), headers=headers).http.request_id == expected

    def test_tell_the_rate_limits(self) -> None:
        headers = {"X-RateLimit-Limit-Images": "5", "x-ratelimit-reset-requests": "12s", "ratelimit": "1", "x-ratelimit": "2"}
        assert refusal({}, 429, headers).http.rate_limits == {"limit-images": "5", "reset-requests": "12s"}
        assert info().rate_limits == {}

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({"retry-after": "7"}, 7),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after-ms": "51840", "retry-after": "52"}, 51.84),
            ({"retry-after-ms": "soon", "retry-after": "52"}, 52),
            ({"retry-after": "86400"}, 86400),
            ({"retry-after": "0"}, None),
            ({"retry-after": "-1"}, None),
            ({"retry-after": "inf"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
        ],
    )
    def test_say_how_long_to_wait(self, headers: dict[str, str], expected: float | None) -> None:
        error = refusal({}, 429, headers)
        assert isinstance(error, images_api.RateLimitError)
        assert error.retry_after == expected

    def test_say_until_when_to_wait(self) -> None:
        error = refusal({}, 429, {"retry-after": format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)})
        assert isinstance(error, images_api.RateLimitError)
        assert error.retry_after == pytest.approx(86400, abs=600)

    @pytest.mark.parametrize("kind", ["image/png", "IMAGE/PNG", " image/x-unheard ; charset=x"])
    @pytest.mark.parametrize("name", PICTURES)
    def test_say_that_the_body_is_a_picture(self, name: str, kind: str) -> None:
        (image,) = result(PICTURES[name], headers={"content-type": kind})
        assert image.read() == PICTURES[name]


class TestBase64:
    @settings(deadline=None)
    @given(
        st.sampled_from(sorted(PICTURES)),
        st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
        st.integers(0, 4),
        st.sampled_from(["", "data:image/png;base64,", "data:;base64,", "data:image/svg+xml;charset=utf-8;base64,"]),
        st.lists(st.tuples(st.integers(0, 2000), st.text(" \t\r\n", min_size=1, max_size=3)), max_size=5),
    )
    def test_of_every_dress_is_the_same_picture(
        self, name: str, encode: Callable[[bytes], bytes], padding: int, prefix: str, blanks: list[tuple[int, str]]
    ) -> None:
        text = encode(PICTURES[name]).decode().rstrip("=") + "=" * padding
        for place, blank in blanks:
            text = text[:place] + blank + text[place:]
        assert decode_picture(prefix + text) == PICTURES[name]

    @settings(deadline=None)
    @given(st.binary() | st.builds(bytes.__add__, st.sampled_from([each[:12] for each in PICTURES.values()]), st.binary()))
    def test_of_any_bytes_is_checked_like_the_bytes(self, content: bytes) -> None:
        assert fault(decode_picture, text_of(content)) == fault(check_bytes, content)

    @settings(deadline=None)
    @given(st.text(st.characters()))
    def test_that_is_any_text_raises_nothing_else(self, text: str) -> None:
        assert len(fault(decode_picture, text) or "") < FOREIGN_TEXT_LIMIT

    @settings(deadline=None)
    @given(st.sampled_from(sorted(PICTURES)), st.integers(0, 60), st.sampled_from("!#$%&*.:;<>@[]^é字\0\ud800"))
    def test_with_a_strange_character_is_refused(self, name: str, place: int, strange: str) -> None:
        text = text_of(PICTURES[name])
        with pytest.raises(BrokenImageError, match="isn't base64"):
            decode_picture(text[:place] + strange + text[place:])


class TestBrokenPicture:
    @pytest.mark.parametrize("name", PICTURES)
    def test_cut_at_any_place_is_an_error_with_all_that_came(self, name: str) -> None:
        content, good = PICTURES[name], PICTURES["png"]
        for cut in range(len(content) - (name == "gif")):  # which is whole without its last byte
            body = json.dumps(reply_of(good, content[:cut], good)).encode()
            with pytest.raises(ResponseError) as caught:
                result(body)
            assert caught.value.body == body
            assert [(image.index, image.read()) for image in caught.value.images] == [(0, good), (2, good)]
            with pytest.raises(ResponseError) as caught:
                result(content[:cut], headers={"content-type": "image/png"})
            assert caught.value.body == content[:cut]

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
    def test_with_every_byte_in_it_is_never_whole_when_cut(self, kind: str) -> None:
        content = of_all_greys(kind)
        check_bytes(content)
        for cut in range(len(content) - (kind == "GIF")):
            with pytest.raises(BrokenImageError):
                check_image(Content(content[:cut]))

    @pytest.mark.parametrize("name", PICTURES)
    @pytest.mark.parametrize("tail", [b"\0", b"\n", b"\0" * 64], ids=repr)
    def test_is_not_one_with_something_behind_its_end(self, name: str, tail: bytes) -> None:
        assert result(reply_of(PICTURES[name] + tail))[0].read() == PICTURES[name] + tail

    def test_names_each_of_them(self) -> None:
        says = "^image 1 of 3 is cut short after 50 bytes; image 3 of 3 isn't an image"
        with pytest.raises(ResponseError, match=says) as caught:
            result(reply_of(PICTURES["png"][:50], PICTURES["gif"], b"text"))
        assert isinstance(caught.value.__cause__, BrokenImageError)


class TestConnection:
    @pytest.mark.parametrize("kind", sorted(family(httpx.RequestError), key=str), ids=lambda kind: kind.__name__)
    def test_that_fails_says_whether_the_call_may_be_billed(self, kind: type[httpx.RequestError]) -> None:
        error = connection_error(kind("the reason"), 1.5)
        assert type(error) is (APITimeoutError if issubclass(kind, httpx.TimeoutException) else APIConnectionError)
        assert error.may_have_run is (kind.__name__ not in NEVER_STARTED)
        assert ("may bill" in str(error)) is error.may_have_run
        assert f"{kind.__name__}: the reason" in str(error)
        assert "after 1.5 s" in str(error)

    def test_that_fails_without_a_reason_has_a_tidy_message(self) -> None:
        error = connection_error(httpx.PoolTimeout(""), 0)
        assert str(error).startswith("no answer within the timeout (PoolTimeout, after 0.0 s).")

    def test_that_fails_does_not_fill_the_message_with_what_the_server_sent(self) -> None:
        error = connection_error(httpx.RemoteProtocolError("ж" * 5000), 0)
        assert str(error).count("ж") <= FOREIGN_TEXT_LIMIT


class TestCameWhole:
    def test_a_cut_reply_with_a_whole_picture_has(self) -> None:
        picture = drawn()
        assert body(picture, {"content-type": "image/png"}).is_whole()
        assert not body(picture[:-1], {"content-type": "image/png"}).is_whole()

    def test_a_cut_reply_with_whole_json_has(self) -> None:
        assert body(b'{"data": []}').is_whole()
        assert not body(b'{"data": [').is_whole()


def test_a_word_that_stands_for_a_key_is_not_taken_out_of_what_a_server_says() -> None:
    assert Secrets([b"none", b"abcdefgh"]).hidden_in(b"none of the keys abcdefgh fits") == "none of the keys … fits".encode()
