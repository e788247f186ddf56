"""Pictures that come as links: which are fetched, with what, how often and up to which size, and what a failure says."""

from __future__ import annotations

import asyncio
import base64
import gzip
import pickle
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import httpx
import pytest
from file_server import Reply, dead_port_fixture, elsewhere_fixture, served_fixture

from images_api import AsyncImagesClient, DownloadError, GeneratedImage, ImagesClient
from images_api._images.base64 import check_image

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from conftest import DrawPicture
    from file_server import FileServer

    from images_api._images.spool import Content
    from images_api.sandbox import Sandbox

# pytest finds them by their names, here.
FIXTURES = (dead_port_fixture, elsewhere_fixture, served_fixture)
T = TypeVar("T")
KEY = "sk-marked"
LIMIT = 100_000
TRIES = 3
REDIRECTS = 5
SIGNATURE = "sig=a%2Bb%2F%3d"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.0)


@pytest.fixture
def picture(draw: DrawPicture) -> bytes:
    return draw()


@pytest.fixture
def client(served: FileServer) -> Iterator[ImagesClient]:
    """A client of the file server, with a key and a small limit."""
    with ImagesClient(KEY, base_url=f"{served.url}/v1", max_download_bytes=LIMIT) as client:
        yield client


def link(client: ImagesClient, served: FileServer, url: str) -> GeneratedImage:
    """The picture of a reply with this link."""
    served.answer_calls({"url": url})
    return client.generate("x")[0]


def failure(image: GeneratedImage) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        image.read()
    return caught.value


class TestSandbox:
    def test_links_are_read(self, sandbox: Sandbox) -> None:
        with ImagesClient(base_url=sandbox.base_url, model="dall-e-2", size="256x256") as client:
            linked = client.generate("x", n=2)
            inline = client.generate("x", n=2, response_format="b64_json")
            assert [image.url for image in inline] == [None, None]
            assert all((image.url or "").startswith(sandbox.base_url.removesuffix("v1")) for image in linked)
            assert [image.read() for image in linked] == [image.read() for image in inline]

    def test_a_whole_result_is_saved(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with ImagesClient(base_url=sandbox.base_url) as client:
            result = client.generate("an otter", model="dall-e-2", size="256x256", n=3)
            files = result.save(f"{tmp_path}/")
        assert [file.name for file in files] == ["an-otter-1.png", "an-otter-2.png", "an-otter-3.png"]
        assert [file.read_bytes() for file in files] == [image.read() for image in result]
        assert sandbox.pictures_made == 3

    def test_a_picture_that_is_gone_says_so(self, sandbox: Sandbox) -> None:
        with ImagesClient(base_url=sandbox.base_url) as client:
            image = client.generate("x", model="dall-e-2", size="256x256")[0]
            image.url = f"{image.url}x"
            assert failure(image).status_code == 404


class TestRequestLine:
    @pytest.mark.parametrize(
        "target",
        [
            "/x.png?sig=a%2Bb%3D%3D",
            "/x.png?sig=a%2bb%3d%3D%2f%2F",
            "/x.png?sig=a+b/c=&d=%20&e",
            "/a%2Fb/c%20d%C3%A9.png",
            "/a%2fb%5B0%5d.png?x[]=1&y={}|^`'\"",
            "/a/../b/./c.png",
            "//double//slash.png",
            "/x.png?",
            "/~a;v=1,2/@:!$&'()*.png",
            "/100%.png?a=%zz",
            "/",
            "/?a=b/c",
            "?sig=a/b",
            "/x.png?u=https://h/%3Fy",
        ],
    )
    def test_every_byte_of_a_signed_address_is_kept(
        self, client: ImagesClient, served: FileServer, elsewhere: FileServer, picture: bytes, target: str
    ) -> None:
        sent = target if target.startswith("/") else f"/{target}"
        elsewhere.answer(sent.partition("?")[0], Reply(picture))
        assert link(client, served, elsewhere.url + target).read() == picture
        assert [request.target for request in elsewhere.requests] == [sent]

    def test_a_fragment_is_not_sent(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        image = link(client, served, served.answer("/x.png", Reply(picture)) + "?a=1#part")
        image.read()
        assert served.requests[-1].target == "/x.png?a=1"

    def test_what_has_no_place_in_a_request_line_is_encoded(
        self, client: ImagesClient, served: FileServer, picture: bytes
    ) -> None:
        served.answer(quote("/ä b.png"), Reply(picture))
        assert link(client, served, f"{served.url}/ä b.png?q=漢").read() == picture
        assert served.requests[-1].target == quote("/ä b.png?q=漢", safe="/?=")

    def test_a_redirect_keeps_them_as_well(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        served.answer("/b%2fc.png", Reply(picture))
        start = served.answer("/a.png", Reply(status=302, headers={"Location": f"/b%2fc.png?{SIGNATURE}"}))
        link(client, served, start).read()
        assert served.requests[-1].target == f"/b%2fc.png?{SIGNATURE}"


class TestKey:
    @pytest.mark.parametrize(("header", "value"), [("Authorization", f"Bearer {KEY}"), ("api-key", KEY)])
    def test_the_base_urls_own_origin_gets_it(self, served: FileServer, picture: bytes, header: str, value: str) -> None:
        with ImagesClient(KEY, base_url=f"{served.url}/v1", auth_header=header) as client:
            link(client, served, served.answer("/x.png", Reply(picture))).read()
        assert served.requests[-1].headers[header] == value

    @pytest.mark.parametrize("header", ["Authorization", "api-key"])
    @pytest.mark.parametrize("origin", ["another port", "another name"])
    def test_no_other_origin_gets_it(
        self, served: FileServer, elsewhere: FileServer, picture: bytes, header: str, origin: str
    ) -> None:
        server = elsewhere if origin == "another port" else served
        url = server.answer("/x.png", Reply(picture))
        if origin == "another name":
            url = url.replace("127.0.0.1", "localhost")
        private = {"X-Api-Key": KEY, "Cookie": KEY}
        with ImagesClient(KEY, base_url=f"{served.url}/v1", auth_header=header, organization=KEY, headers=private) as client:
            link(client, served, url).read()
        assert server.requests[-1].target == "/x.png"
        assert KEY not in str(server.requests[-1].headers)

    def test_a_redirect_takes_it_nowhere_else(
        self, client: ImagesClient, served: FileServer, elsewhere: FileServer, picture: bytes
    ) -> None:
        there = elsewhere.answer("/x.png", Reply(picture))
        link(client, served, served.answer("/x.png", Reply(status=307, headers={"Location": there}))).read()
        assert served.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in str(elsewhere.requests[-1].headers)

    def test_a_provider_is_asked_for_it_again(self, served: FileServer, picture: bytes) -> None:
        keys = iter(["first", "second"])
        with ImagesClient(lambda: next(keys), base_url=f"{served.url}/v1") as client:
            link(client, served, served.answer("/x.png", Reply(picture))).read()
        assert [request.headers["Authorization"] for request in served.requests] == ["Bearer first", "Bearer second"]


class TestAddresses:
    @pytest.mark.parametrize("url", ["/home/x.png", "//host/x.png", "../x.png", r"images\x.png"])
    def test_a_path_of_the_servers_own_is_refused_with_a_way_out(
        self, client: ImagesClient, served: FileServer, url: str
    ) -> None:
        error = failure(link(client, served, url))
        assert "response_format='b64_json'" in str(error)
        assert url in str(error).replace("\\\\", "\\")
        assert served.heard("GET") == []

    @pytest.mark.parametrize("scheme", ["file", "FILE", "ftp", "gopher", "javascript", "s3", "c"])
    def test_other_schemes_are_refused_by_name(self, client: ImagesClient, served: FileServer, scheme: str) -> None:
        error = failure(link(client, served, f"{scheme}:///etc/passwd"))
        assert re.search(rf"must be http, https or data, not {scheme.lower()}\b", str(error))
        assert served.heard("GET") == []

    @pytest.mark.parametrize(
        "url", ["http://[::1", "http://a\nb/x.png", "http://a\x00b/x.png", "http://host:port/x.png", "http://"]
    )
    def test_what_is_no_address_is_an_error_of_ours(self, client: ImagesClient, served: FileServer, url: str) -> None:
        failure(link(client, served, url))

    def test_a_link_in_clear_text_under_an_encrypted_base_url_is_refused(self) -> None:
        asked: list[httpx.URL] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            return httpx.Response(200, json={"data": [{"url": f"http://images.example/x.png?{SIGNATURE}"}]})

        with httpx.Client(transport=httpx.MockTransport(answer)) as transport:
            client = ImagesClient(KEY, base_url="https://images.example/v1", http_client=transport)
            error = failure(client.generate("x")[0])
        assert "not encrypted" in str(error)
        assert len(asked) == 1

    def test_an_encrypted_link_that_redirects_to_clear_text_is_refused(self) -> None:
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            if request.method == "POST":
                return httpx.Response(200, json={"data": [{"url": "https://images.example/x.png"}]})
            return httpx.Response(302, headers={"Location": "http://images.example/y.png"})

        with httpx.Client(transport=httpx.MockTransport(answer)) as transport:
            client = ImagesClient(KEY, base_url="https://images.example/v1", http_client=transport)
            assert "not encrypted" in str(failure(client.generate("x")[0]))
        assert asked[1:] == ["https://images.example/x.png"]


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_they_are_followed(self, client: ImagesClient, served: FileServer, picture: bytes, status: int) -> None:
        served.answer("/y.png", Reply(picture))
        start = served.answer("/x.png", Reply(b"moved", status=status, headers={"Location": "y.png"}))
        assert link(client, served, start).read() == picture

    @pytest.mark.parametrize("hops", [REDIRECTS, REDIRECTS + 1])
    def test_up_to_a_bound(self, client: ImagesClient, served: FileServer, picture: bytes, hops: int) -> None:
        for hop in range(hops):
            served.answer(f"/{hop}", Reply(status=302, headers={"Location": f"/{hop + 1}"}))
        served.answer(f"/{hops}", Reply(picture))
        image = link(client, served, f"{served.url}/0")
        if hops <= REDIRECTS:
            assert image.read() == picture
        else:
            assert f"more than {REDIRECTS} times" in str(failure(image))
        assert len(served.heard("GET")) == REDIRECTS + 1

    @pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x.png"])
    def test_the_rules_hold_for_each(self, client: ImagesClient, served: FileServer, location: str) -> None:
        start = served.answer("/x.png", Reply(status=302, headers={"Location": location}))
        failure(link(client, served, start))
        assert len(served.heard("GET")) == 1

    def test_one_to_nowhere_is_an_error(self, client: ImagesClient, served: FileServer) -> None:
        error = failure(link(client, served, served.answer("/x.png", Reply(status=302))))
        assert error.status_code == 302


class TestSize:
    def test_a_length_that_is_too_great_is_refused_unread(self, client: ImagesClient, served: FileServer) -> None:
        url = served.answer("/x.png", Reply(headers={"Content-Length": str(LIMIT + 1)}))
        assert f"larger than max_download_bytes, {LIMIT}" in str(failure(link(client, served, url)))
        assert len(served.heard("GET")) == 1

    def test_a_stream_without_end_is_left(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        url = served.answer("/x.png", Reply(picture, headers={"Content-Length": None}, end="endless"))
        assert f"larger than max_download_bytes, {LIMIT}" in str(failure(link(client, served, url)))
        assert len(served.heard("GET")) == 1

    def test_what_grows_when_unpacked_counts_in_full(self, client: ImagesClient, served: FileServer) -> None:
        packed = gzip.compress(bytes(100 * LIMIT))
        assert len(packed) < LIMIT
        url = served.answer("/x.png", Reply(packed, headers={"Content-Encoding": "gzip"}))
        assert "larger than max_download_bytes" in str(failure(link(client, served, url)))

    @pytest.mark.parametrize("more", [0, 1])
    @pytest.mark.parametrize("said", [True, False])
    def test_the_limit_itself_is_allowed(self, served: FileServer, picture: bytes, more: int, *, said: bool) -> None:
        url = served.answer("/x.png", Reply(picture, headers={} if said else {"Content-Length": None}))
        with ImagesClient(base_url=f"{served.url}/v1", max_download_bytes=len(picture) - more) as client:
            image = link(client, served, url)
            if more:
                failure(image)
            else:
                assert image.read() == picture


class TestContent:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
    def test_half_a_picture_is_an_error(self, client: ImagesClient, served: FileServer, draw: DrawPicture, kind: str) -> None:
        whole = draw(mode="RGB", kind=kind)
        error = failure(link(client, served, served.answer("/x.png", Reply(whole[: len(whole) // 2]))))
        assert "cut short" in str(error)

    @pytest.mark.parametrize("body", [b"<!doctype html><title>Sign in</title>", b"", b'{"error": {}}', b"\x89PNG"])
    def test_what_is_no_picture_is_an_error(self, client: ImagesClient, served: FileServer, body: bytes) -> None:
        url = served.answer("/x.png", Reply(body, headers={"Content-Type": "image/png"}))
        error = failure(link(client, served, url))
        assert error.status_code == 200
        assert len(served.heard("GET")) == 1

    def test_a_wrong_content_type_does_not_matter(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        url = served.answer("/x", Reply(picture, headers={"Content-Type": "application/octet-stream"}))
        assert link(client, served, url).format == "png"

    def test_nothing_of_a_broken_one_is_saved(
        self, client: ImagesClient, served: FileServer, tmp_path: Path, picture: bytes
    ) -> None:
        image = link(client, served, served.answer("/x.png", Reply(picture[:50])))
        with pytest.raises(DownloadError):
            image.save(tmp_path / "x.png")
        assert list(tmp_path.iterdir()) == []


PASSING = {
    **{str(status): Reply(b"busy", status=status) for status in (408, 425, 429, 500, 502, 503, 504)},
    "a reset connection": Reply(end="reset"),
    "a cut body": Reply(b"\x89PNG", headers={"Content-Length": "1000"}),
    "broken chunks": Reply(b"zz\r\n", headers={"Content-Length": None, "Transfer-Encoding": "chunked"}),
}


class TestTries:
    @pytest.mark.parametrize("name", PASSING)
    def test_passing_faults_are_outlasted(self, client: ImagesClient, served: FileServer, picture: bytes, name: str) -> None:
        url = served.answer("/x.png", *[PASSING[name]] * (TRIES - 1), Reply(picture))
        assert link(client, served, url).read() == picture
        assert (len(served.heard("GET")), len(served.heard("POST"))) == (TRIES, 1)

    @pytest.mark.parametrize("name", PASSING)
    def test_but_not_for_ever_and_never_by_another_call(
        self, client: ImagesClient, served: FileServer, picture: bytes, tmp_path: Path, name: str
    ) -> None:
        image = link(client, served, served.answer("/x.png", *[PASSING[name]] * TRIES, Reply(picture)))
        with pytest.raises(DownloadError, match=f"{TRIES} tries"):
            image.save(tmp_path / "x.png")
        assert (len(served.heard("GET")), len(served.heard("POST"))) == (TRIES, 1)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451, 501, 520])
    def test_other_refusals_are_final(self, client: ImagesClient, served: FileServer, status: int) -> None:
        error = failure(link(client, served, served.answer("/x.png", Reply(status=status))))
        assert error.status_code == status
        assert str(status) in str(error)
        assert (len(served.heard("GET")), len(served.heard("POST"))) == (1, 1)

    def test_a_server_that_is_gone_is_an_error_of_ours(self, client: ImagesClient, served: FileServer, dead_port: int) -> None:
        error = failure(link(client, served, f"http://127.0.0.1:{dead_port}/x.png"))
        assert error.status_code is None

    def test_after_a_failure_it_may_be_read_again(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        image = link(client, served, served.answer("/x.png", Reply(status=404), Reply(picture)))
        failure(image)
        assert image.read() == picture

    def test_a_try_begins_anew(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        half = Reply(picture[: len(picture) // 2], headers={"Content-Length": str(len(picture))})
        assert link(client, served, served.answer("/x.png", half, Reply(picture))).read() == picture

    def test_it_is_fetched_when_it_is_first_read_and_only_then(
        self, client: ImagesClient, served: FileServer, picture: bytes, tmp_path: Path
    ) -> None:
        image = link(client, served, served.answer("/x.png", Reply(picture)))
        assert repr(image).startswith("<GeneratedImage 0 at ")
        assert served.heard("GET") == []
        assert image.read() == picture
        assert image.save(tmp_path / "x").read_bytes() == base64.b64decode(image.b64_json) == picture
        assert (image.format, image.width, image.height, image.to_pil().size) == ("png", 64, 64, (64, 64))
        assert len(served.heard("GET")) == 1


def ends(form: str, moment: datetime) -> str:
    """The query of a link that ends at a moment, as Azure, Amazon and others write it."""
    begun = moment - timedelta(hours=1)
    return {
        "Azure": f"se={moment:%Y-%m-%dT%H%%3A%M%%3A%SZ}&{SIGNATURE}",
        "Azure, by day": f"se={moment:%Y-%m-%d}&{SIGNATURE}",
        "Amazon": f"X-Amz-Date={begun:%Y%m%dT%H%M%SZ}&X-Amz-Expires=3600&X-Amz-Signature=00",
        "seconds": f"Expires={int(moment.timestamp())}&Signature=a%2Bb",
        "a date": f"Expires={moment:%Y-%m-%dT%H%%3A%M%%3A%SZ}",
    }[form]


QUERIES_WITHOUT_A_TIME = (
    SIGNATURE,
    "Expires=soon",
    "Expires=9e99",
    "Expires=99999999999999999999",
    "se=",
    "se=1",
    "se=24%3A99",
    "se=2024-02-29+00%3A00+PST",
    "se=0001-01-01T00%3A00%2B99%3A99",
    "X-Amz-Date=x&X-Amz-Expires=y",
)
EXPIRY_FORMS = ("Azure", "Azure, by day", "Amazon", "seconds", "a date")


class TestExpiry:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    @pytest.mark.parametrize("form", EXPIRY_FORMS)
    def test_a_link_that_is_too_old_says_when_it_ended(
        self, client: ImagesClient, served: FileServer, form: str, status: int
    ) -> None:
        moment = datetime(2024, 2, 29, tzinfo=UTC)
        url = served.answer("/x.png", Reply(status=status)) + "?" + ends(form, moment)
        assert "it expired at 2024-02-29 00:00 UTC" in str(failure(link(client, served, url)))

    @pytest.mark.parametrize("form", EXPIRY_FORMS)
    def test_a_link_that_should_work_says_so(self, client: ImagesClient, served: FileServer, form: str) -> None:
        url = served.answer("/x.png", Reply(status=403)) + "?" + ends(form, datetime(2124, 2, 29, tzinfo=UTC))
        message = str(failure(link(client, served, url)))
        assert "expired" not in message
        assert message.endswith("it is valid until 2124-02-29 00:00 UTC")

    @pytest.mark.parametrize("query", QUERIES_WITHOUT_A_TIME)
    def test_what_says_no_time_is_passed_over(self, client: ImagesClient, served: FileServer, query: str) -> None:
        url = served.answer("/x.png", Reply(status=403)) + f"?{query}"
        assert str(failure(link(client, served, url))).endswith("answered 403")

    def test_a_fault_of_the_server_is_none_of_the_links_age(self, client: ImagesClient, served: FileServer) -> None:
        url = served.answer("/x.png", Reply(status=500)) + "?" + ends("seconds", datetime(2024, 2, 29, tzinfo=UTC))
        assert "expired" not in str(failure(link(client, served, url)))


class TestSecrecy:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(status=403),
            Reply(status=503),
            Reply(end="reset"),
            Reply(b"<html>"),
            Reply(b"\x89PNG\r\n\x1a\n"),
            Reply(bytes(LIMIT + 1)),
        ],
        ids=["refused", "busy", "reset", "a page", "cut", "too large"],
    )
    def test_the_signature_stands_in_no_message(self, client: ImagesClient, served: FileServer, reply: Reply) -> None:
        url = served.answer("/x.png", reply)
        image = link(client, served, f"{url}?{SIGNATURE}")
        error: BaseException | None = failure(image)
        assert isinstance(error, DownloadError)
        assert error.url.endswith("/x.png")
        texts = [repr(image), error.url]
        while error is not None:
            texts += [str(error), repr(error)]
            error = error.__cause__ or error.__context__
        assert not [text for text in texts if "sig" in text or "a%2Bb" in text]

    def test_nor_does_a_password(self, client: ImagesClient, served: FileServer) -> None:
        url = served.answer("/x.png", Reply(status=403))
        image = link(client, served, url.replace("//", "//user:secret@"))
        error = failure(image)
        assert "secret" not in str(error) + error.url
        assert "secret" not in repr(image)

    def test_the_url_of_an_error_names_the_port(self, client: ImagesClient, served: FileServer) -> None:
        url = served.answer("/x.png", Reply(status=403))
        assert failure(link(client, served, f"{url}?{SIGNATURE}")).url == url


class TestDataURLs:
    @pytest.mark.parametrize("head", ["data:image/png;base64,", "data:;base64,", "data:image/png;name=x;base64,"])
    def test_base64_is_read_without_a_connection(
        self, client: ImagesClient, served: FileServer, picture: bytes, head: str
    ) -> None:
        assert link(client, served, head + base64.b64encode(picture).decode()).read() == picture
        assert served.heard("GET") == []

    @pytest.mark.parametrize("encode", [quote, str], ids=["percent-encoded", "plain"])
    def test_text_is_read_as_well(self, client: ImagesClient, served: FileServer, encode: type[str]) -> None:
        svg = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
        image = link(client, served, "data:image/svg+xml," + encode(svg))
        assert (image.read(), image.format) == (svg.encode(), "svg")

    def test_padding_may_be_percent_encoded(self, client: ImagesClient, served: FileServer, picture: bytes) -> None:
        content = picture + b"\0" * ((1 - len(picture)) % 3)
        assert link(client, served, "data:image/png;base64," + quote(base64.b64encode(content))).read() == content

    @pytest.mark.parametrize("data", ["", "!!!", "aGVsbG8=", base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()])
    def test_what_is_no_whole_picture_is_an_error(self, client: ImagesClient, served: FileServer, data: str) -> None:
        error = failure(link(client, served, f"data:image/png;base64,{data}"))
        assert error.url == "data:"


class TestWithoutAClient:
    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_a_picture_that_was_never_fetched_says_why_it_cannot_be(self, served: FileServer, *, asynchronous: bool) -> None:
        with ImagesClient(base_url=f"{served.url}/v1") as client:
            image = link(client, served, f"https://images.example/x.png?{SIGNATURE}")
        travelled = pickle.loads(pickle.dumps(image))  # noqa: S301  made here
        with pytest.raises(DownloadError, match="its client is gone") as caught:
            asyncio.run(travelled.aread()) if asynchronous else travelled.read()
        assert caught.value.url == "https://images.example/x.png"

    def test_a_link_needs_what_fetches_it(self) -> None:
        with pytest.raises(ValueError, match="a source to fetch its link from"):
            GeneratedImage(None, url="https://images.example/x.png")

    def test_when_its_client_is_closed_a_link_is_fetched_all_the_same(self, served: FileServer, picture: bytes) -> None:
        with ImagesClient(base_url=f"{served.url}/v1") as client:
            image = link(client, served, served.answer("/x.png", Reply(picture)))
        assert image.read() == picture
        client.close()


ASYNC_FAILURES = {
    "refused": (Reply(status=403), "403"),
    "busy": (Reply(status=503), "3 tries"),
    "reset": (Reply(end="reset"), "3 tries"),
    "a page": (Reply(b"<html>"), "isn't an image"),
    "too large": (Reply(headers={"Content-Length": str(LIMIT + 1)}), "larger"),
    "endless": (Reply(bytes(1000), headers={"Content-Length": None}, end="endless"), "larger"),
}


class TestAsync:
    """The other way to the same rules."""

    def link(self, served: FileServer, url: str, use: Callable[[GeneratedImage], Coroutine[object, object, T]]) -> T:
        """Use the picture of a reply with this link."""

        async def used() -> T:
            async with AsyncImagesClient(KEY, base_url=f"{served.url}/v1", max_download_bytes=LIMIT) as client:
                return await use((await client.generate("x"))[0])

        served.answer_calls({"url": url})
        return asyncio.run(used())

    def test_tries_and_redirects(self, served: FileServer, elsewhere: FileServer, picture: bytes) -> None:
        there = elsewhere.answer("/a%2fb.png", Reply(status=503), Reply(end="reset"), Reply(picture))
        start = served.answer("/x.png", Reply(status=302, headers={"Location": f"{there}?{SIGNATURE}"}))
        assert self.link(served, start, GeneratedImage.aread) == picture
        assert [request.target for request in elsewhere.requests] == [f"/a%2fb.png?{SIGNATURE}"] * TRIES
        assert served.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in str(elsewhere.requests[-1].headers)

    @pytest.mark.parametrize("name", ASYNC_FAILURES)
    def test_failures(self, served: FileServer, name: str) -> None:
        reply, message = ASYNC_FAILURES[name]
        with pytest.raises(DownloadError, match=message):
            self.link(served, served.answer("/x.png", reply), GeneratedImage.aread)
        assert len(served.heard("POST")) == 1

    @pytest.mark.parametrize("url", ["http://[::1", "http://a\nb/x.png", "/home/x.png", "file:///etc/passwd"])
    def test_addresses(self, served: FileServer, url: str) -> None:
        with pytest.raises(DownloadError):
            self.link(served, url, GeneratedImage.aread)
        assert served.heard("GET") == []

    def test_data_urls(self, served: FileServer, picture: bytes) -> None:
        url = "data:image/png;base64," + base64.b64encode(picture).decode()
        assert self.link(served, url, GeneratedImage.aread) == picture

    def test_it_is_fetched_once(self, served: FileServer, picture: bytes, tmp_path: Path) -> None:
        async def use(image: GeneratedImage) -> bytes:
            await image.asave(tmp_path / "x.png")
            assert await image.aread() == image.read()
            return (tmp_path / "x.png").read_bytes()

        assert self.link(served, served.answer("/x.png", Reply(picture)), use) == picture
        assert len(served.heard("GET")) == 1

    def test_what_came_is_checked_outside_the_event_loop(
        self, served: FileServer, picture: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[int] = []

        def check(content: Content) -> None:
            threads.append(threading.get_ident())
            check_image(content)

        monkeypatch.setattr("images_api._http.downloads.check_image", check)
        assert self.link(served, served.answer("/x.png", Reply(picture)), GeneratedImage.aread) == picture
        assert len(threads) == 1
        assert threads != [threading.get_ident()]

    def test_a_picture_of_an_async_client_must_be_awaited(self, served: FileServer, picture: bytes) -> None:
        async def use(image: GeneratedImage) -> None:
            with pytest.raises(DownloadError, match="aread"):
                image.read()

        self.link(served, served.answer("/x.png", Reply(picture)), use)
        assert served.heard("GET") == []

    def test_a_picture_of_a_sync_client_can_be(
        self, client: ImagesClient, served: FileServer, picture: bytes, tmp_path: Path
    ) -> None:
        image = link(client, served, served.answer("/x.png", Reply(picture)))
        assert asyncio.run(image.asave(tmp_path / "x.png")).read_bytes() == picture
        assert asyncio.run(image.aread()) == picture
        assert len(served.heard("GET")) == 1
