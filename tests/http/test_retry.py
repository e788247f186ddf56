"""What is sent again and after how long: every form of a server's wish, every kind of failure, and the spread between."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from images_api import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ContentPolicyError,
    HTTPInfo,
    InternalServerError,
    QuotaExceededError,
    RateLimitError,
)
from images_api._http.retry import LONGEST_WAIT, server_wait, wait_before_retry

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER, SOON = "never", "soon"
HTTP_DATE = "%a, %d %b %Y %H:%M:%S"
HTTP_DATES = (
    f"{HTTP_DATE} GMT",
    f"{HTTP_DATE} UTC",
    f"{HTTP_DATE} +0000",
    HTTP_DATE,
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S %Y",
)
JUNK = ("", " ", "soon", "-", "7s", "in 5 seconds", "1 2 3", "0x10", "1,5", "é", "\x7f", "7;7", "x" * 5000)


def wait(**headers: str) -> float | None:
    return server_wait(httpx.Headers([(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]))


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("the system has no tzset")
    monkeypatch.setenv("TZ", "<-09>9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestServerWait:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("7", 7), ("0.25", 0.25), (" 7 ", 7), ("120", 120), ("121", 121), ("86400", 86400)],
    )
    def test_seconds(self, text: str, seconds: float) -> None:
        assert wait(retry_after=text) == seconds

    @pytest.mark.parametrize(("text", "seconds"), [("1500", 1.5), ("20.5", 0.0205), ("1", 0.001)])
    def test_milliseconds(self, text: str, seconds: float) -> None:
        assert wait(retry_after_ms=text) == pytest.approx(seconds)

    @pytest.mark.parametrize("text", ["0", "-0", "0.0", "-1", "-0.001", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e999"])
    @pytest.mark.parametrize("name", ["retry_after", "retry_after_ms"])
    def test_numbers_that_are_no_wait(self, name: str, text: str) -> None:
        assert wait(**{name: text}) is None

    @pytest.mark.parametrize("text", JUNK)
    @pytest.mark.parametrize("name", ["retry_after", "retry_after_ms"])
    def test_junk_is_no_wait(self, name: str, text: str) -> None:
        assert wait(**{name: text}) is None

    # Each of these would mean a wait of hours or years to a reader that guesses.
    @pytest.mark.parametrize("text", ["Mon", "Sat", "December", "23:59:59", "12/2099", "Fri 10:00", "2099-01"])
    def test_a_piece_of_a_date_is_junk(self, text: str) -> None:
        assert wait(retry_after=text) is None

    def test_no_header_is_no_wait(self) -> None:
        assert wait() is None

    @pytest.mark.parametrize("form", HTTP_DATES)
    @pytest.mark.parametrize("place", ["here", "far from Greenwich"])
    def test_dates_are_in_utc_said_or_not(self, form: str, place: str, request: pytest.FixtureRequest) -> None:
        if place != "here":
            request.getfixturevalue("far_from_greenwich")
        text = (datetime.now(UTC) + timedelta(seconds=100)).strftime(form)
        seconds = wait(retry_after=text)
        assert seconds is not None
        assert 0 < seconds <= 100

    @pytest.mark.parametrize("hours", [-11, -0.5, 5.75, 14])
    def test_another_zone_that_is_said_counts(self, hours: float) -> None:
        moment = datetime.now(timezone(timedelta(hours=hours))) + timedelta(seconds=100)
        seconds = wait(retry_after=format_datetime(moment))
        assert seconds is not None
        assert 0 < seconds <= 100

    @pytest.mark.parametrize("ago", [timedelta(seconds=1), timedelta(days=1), timedelta(days=20000)])
    def test_a_past_date_is_no_wait(self, ago: timedelta) -> None:
        assert wait(retry_after=format_datetime(datetime.now(UTC) - ago, usegmt=True)) is None

    def test_milliseconds_come_first(self) -> None:
        assert wait(retry_after_ms="1500", retry_after="7") == 1.5

    @pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "junk", ""])
    def test_seconds_count_where_milliseconds_are_of_no_use(self, text: str) -> None:
        assert wait(retry_after_ms=text, retry_after="7") == 7

    @settings(deadline=None)
    @given(st.text(max_size=40) | st.text("0123456789:+-/ ,.TZGMPSJanFriDecUTC", max_size=40))
    @example("Thu, 01 Jan 2099 00:00:00 +9999")
    @example("Thu, 01 Jan 2099 00:00:00 PST")
    @example("9999-12-31T23:59:59-23:59")
    @example("0001-01-01T00:00:00+23:59")
    @example("9" * 400)
    def test_no_text_does_harm(self, text: str) -> None:
        seconds = wait(retry_after=text)
        assert seconds is None or 0 < seconds < inf

    def test_errors_and_results_say_the_same(self) -> None:
        http = HTTPInfo(429, httpx.Headers({"retry-after": "7"}), 0.0, 7.0)
        assert http.retry_after == RateLimitError("", http=http, body=None).retry_after == 7


def refused(kind: type[APIStatusError], status: int, **headers: str) -> APIStatusError:
    given = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return kind("refused", http=HTTPInfo(status, given, 0.0, server_wait(given)), body=None)


class Case(NamedTuple):
    """A failure, and what comes of it: a number of seconds, `soon` (a drawn pause) or `never`."""

    error: APIStatusError | APIConnectionError
    careful: float | str
    ambiguous: float | str


CASES = {
    "no connection": Case(APIConnectionError("", may_have_run=False), SOON, SOON),
    "no connection in time": Case(APITimeoutError("", may_have_run=False), SOON, SOON),
    "cut answer": Case(APIConnectionError("", may_have_run=True), NEVER, SOON),
    "no answer in time": Case(APITimeoutError("", may_have_run=True), NEVER, SOON),
    "429": Case(refused(RateLimitError, 429), SOON, SOON),
    "429 with a wait": Case(refused(RateLimitError, 429, retry_after="7"), 7, 7),
    "429 with milliseconds": Case(refused(RateLimitError, 429, retry_after_ms="1500", retry_after="7"), 1.5, 1.5),
    "429 with junk": Case(refused(RateLimitError, 429, retry_after="soon"), SOON, SOON),
    "429 with zero": Case(refused(RateLimitError, 429, retry_after="0"), SOON, SOON),
    "429 with the longest wait": Case(refused(RateLimitError, 429, retry_after=str(LONGEST_WAIT)), LONGEST_WAIT, LONGEST_WAIT),
    "429 with too long a wait": Case(refused(RateLimitError, 429, retry_after=str(LONGEST_WAIT + 0.1)), NEVER, NEVER),
    "429 with a date too far": Case(refused(RateLimitError, 429, retry_after="Fri, 01 Jan 2123 00:00:00 GMT"), NEVER, NEVER),
    "429 that says no": Case(refused(RateLimitError, 429, x_should_retry="false"), NEVER, NEVER),
    "no budget": Case(refused(QuotaExceededError, 429), NEVER, NEVER),
    "no budget, with a wait": Case(refused(QuotaExceededError, 429, retry_after="7", x_should_retry="true"), NEVER, NEVER),
    "503": Case(refused(InternalServerError, 503), NEVER, SOON),
    "503 with a wait": Case(refused(InternalServerError, 503, retry_after="7"), 7, 7),
    "503 with too long a wait": Case(refused(InternalServerError, 503, retry_after="121"), NEVER, NEVER),
    "503 with a past date": Case(refused(InternalServerError, 503, retry_after="Thu, 01 Jan 1970 00:00:00 GMT"), NEVER, SOON),
    "503 with junk": Case(refused(InternalServerError, 503, retry_after="soon"), NEVER, SOON),
    "500 with a wait": Case(refused(InternalServerError, 500, retry_after="7"), NEVER, 7),
    "500 that says yes": Case(refused(InternalServerError, 500, x_should_retry="true"), SOON, SOON),
    "500 that says yes, with a wait": Case(refused(InternalServerError, 500, x_should_retry="true", retry_after="7"), 7, 7),
    "500 that says yes, too late": Case(
        refused(InternalServerError, 500, x_should_retry="true", retry_after="121"), NEVER, NEVER
    ),
    "500 that says no": Case(refused(InternalServerError, 500, x_should_retry="false"), NEVER, NEVER),
    "500 that says maybe": Case(refused(InternalServerError, 500, x_should_retry="True"), NEVER, SOON),
    "400": Case(refused(BadRequestError, 400), NEVER, NEVER),
    "400 that says yes": Case(refused(BadRequestError, 400, x_should_retry="true"), SOON, SOON),
    "policy": Case(refused(ContentPolicyError, 400, x_should_retry="true"), NEVER, NEVER),
    **{
        str(status): Case(refused(APIStatusError, status), NEVER, NEVER)
        for status in (401, 402, 403, 404, 413, 422, 425, 451, 499)
    },
    **{str(status): Case(refused(APIStatusError, status), NEVER, SOON) for status in (408, 409)},
    **{str(status): Case(refused(InternalServerError, status), NEVER, SOON) for status in (500, 502, 504, 520, 524, 529, 561)},
}


class TestWaitBeforeRetry:
    @pytest.mark.parametrize("ambiguous", [False, True])
    @pytest.mark.parametrize("name", CASES)
    def test_every_kind_of_failure(self, name: str, *, ambiguous: bool) -> None:
        error, careful, careless = CASES[name]
        expected = careless if ambiguous else careful
        pause = wait_before_retry(error, 0, ambiguous=ambiguous)
        if expected == SOON:
            assert pause is not None
            assert 0 <= pause <= 0.5
        else:
            assert pause == (None if expected == NEVER else expected)

    @pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (40, 8), (5000, 8)])
    def test_pauses_double_up_to_a_bound_and_are_spread_over_all_of_it(self, attempt: int, longest: float) -> None:
        drawn = [wait_before_retry(CASES["429"].error, attempt, ambiguous=False) or 0.0 for _ in range(400)]
        assert all(0 <= pause <= longest for pause in drawn)
        # Each eighth is missed by all 400 with a chance of (7/8)^400, or once in 10^23.
        assert {int(pause * 8 / longest) for pause in drawn} >= set(range(8))
