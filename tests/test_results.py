"""What a call gives back: a sequence of pictures that tell what they are, and what HTTP and the server said beside."""

from __future__ import annotations

import base64
import json
import pickle
import re
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from file_server import Reply, served_fixture
from PIL import Image

from images_api import DownloadError, GeneratedImage, HTTPInfo, ImagesClient, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse
from images_api_client.types import Unset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import DrawPicture
    from file_server import FileServer

# pytest finds them by their names, here.
FIXTURES = (served_fixture,)
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "svg": "image/svg+xml"}
AVIF = b"\0\0\0\x1cftypavif" + bytes(16)
ANY: Any = object()
OK = HTTPInfo(200, httpx.Headers(), 0.0)
LARGEST_IN_NOTEBOOK = 20 << 20


@pytest.fixture
def api(served: FileServer) -> Iterator[ImagesClient]:
    """A client of the file server."""
    with ImagesClient(base_url=f"{served.url}/v1") as client:
        yield client


@pytest.fixture
def three(client: ImagesClient) -> ImagesResult:
    return client.generate("an otter", size="64x64", model="gpt-image-next", n=3)


def made(client: ImagesClient, kind: str) -> GeneratedImage:
    """A picture of a format, from the sandbox."""
    if kind == "svg":
        return client.generate("x", size="64x48", model="gpt-image-next", output_format="svg", svg={"model": "gpt-5"})[0]
    return client.generate("x", size="64x48", model="gpt-image-next", output_format=kind)[0]


def inline(content: bytes, **more: object) -> dict[str, object]:
    return {"b64_json": base64.b64encode(content).decode(), **more}


def is_short(text: str) -> bool:
    return len(text) < 200 and text.isprintable()


class TestSequence:
    def test_it_is_one(self, three: ImagesResult) -> None:
        assert isinstance(three, Sequence)
        assert len(three) == 3
        assert [image.index for image in three] == [0, 1, 2]
        assert len({image.read() for image in three}) == 3

    def test_index(self, three: ImagesResult) -> None:
        first, second, third = three
        assert (three[0], three[1], three[-1], three[-3]) == (first, second, third, first)
        for index in (3, -4):
            with pytest.raises(IndexError):
                three[index]

    def test_slice(self, three: ImagesResult) -> None:
        first, second, third = three
        assert list(three[1:]) == [second, third]
        assert list(three[::-1]) == list(reversed(three)) == [third, second, first]
        assert list(three[5:]) == []

    def test_membership(self, three: ImagesResult, draw: DrawPicture) -> None:
        assert three[1] in three
        assert three.index(three[2]) == 2
        assert three.count(three[0]) == 1
        assert GeneratedImage(draw()) not in three

    def test_it_cannot_be_changed(self, three: ImagesResult) -> None:
        with pytest.raises(AttributeError):
            three.images = ()  # type: ignore[misc]


class TestWhatTheServerSaid:
    def test_all_of_it(self, client: ImagesClient) -> None:
        result = client.generate(
            "x", size="64x48", model="gpt-image-next", output_format="webp", quality="low", background="transparent"
        )
        assert (result.size, result.output_format, result.quality, result.background) == ("64x48", "webp", "low", "transparent")
        assert isinstance(result.created, int)
        usage = result.usage
        assert usage is not None
        assert usage.input_tokens_details is not None
        assert usage.output_tokens_details is not None
        assert usage.input_tokens == usage.input_tokens_details.text_tokens
        assert usage.output_tokens == usage.output_tokens_details.image_tokens
        assert usage.total_tokens == (usage.input_tokens or 0) + (usage.output_tokens or 0)
        assert (usage.extra, result.extra, result[0].extra) == ({}, {}, {})
        assert (result[0].url, result[0].revised_prompt) == (None, None)

    @pytest.mark.parametrize("value", ["left out", None])
    def test_what_it_left_out_is_none(self, api: ImagesClient, served: FileServer, draw: DrawPicture, value: str | None) -> None:
        names = ("created", "usage", "background", "output_format", "size", "quality")
        served.answer_calls(inline(draw()), **{} if value else dict.fromkeys(names))
        result = api.generate("x")
        assert [getattr(result, name) for name in names] == [None] * len(names)
        assert (result[0].url, result[0].revised_prompt) == (None, None)

    @pytest.mark.parametrize(
        ("usage", "expected"),
        [
            ({}, Usage()),
            ({"total_tokens": 7, "input_tokens": None}, Usage(total_tokens=7)),
            ({"prompt_tokens": 3, "total_tokens": 3}, Usage(total_tokens=3, extra={"prompt_tokens": 3})),
            ({"input_tokens_details": {"text_tokens": 2}}, Usage(input_tokens_details=TokenDetails(text_tokens=2))),
            ({"input_tokens": "many", "input_tokens_details": [], "output_tokens_details": None}, Usage()),
            ([], None),
            ("free", None),
        ],
    )
    def test_usage_of_any_shape(
        self, api: ImagesClient, served: FileServer, draw: DrawPicture, usage: object, expected: Usage | None
    ) -> None:
        served.answer_calls(inline(draw()), usage=usage)
        assert api.generate("x").usage == expected

    def test_what_nobody_knew_is_kept(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        served.answer_calls(inline(draw(), revised_prompt="y", index=0, seed=7), id="r1", timings={"total": 1.5}, size="odd")
        result = api.generate("x")
        assert result.extra == {"id": "r1", "timings": {"total": 1.5}}
        assert result[0].extra == {"index": 0, "seed": 7}
        assert (result.size, result[0].revised_prompt) == ("odd", "y")

    @pytest.mark.parametrize(
        "options", [{"size": "64x64", "model": "gpt-image-next"}, {"model": "dall-e-3", "response_format": "b64_json"}]
    )
    def test_the_reply_is_the_generated_model_without_the_pictures(self, client: ImagesClient, options: dict[str, Any]) -> None:
        result = client.generate("x", **options)
        reply = result.response
        assert isinstance(reply, ImagesResponse)
        assert reply.created == result.created
        assert isinstance(reply.data, list)
        assert len(reply.data) == len(result)
        assert [image.revised_prompt or None for image in reply.data] == [image.revised_prompt for image in result]
        assert all(isinstance(image.b64_json, Unset) for image in reply.data)
        assert result[0].b64_json[:40] not in repr(reply)
        assert len(json.dumps(reply.to_dict())) < 2000


class TestHTTP:
    def test_what_the_sandbox_says(self, client: ImagesClient) -> None:
        http = client.generate("x", size="64x64", model="gpt-image-next").http
        assert http.status_code == 200
        assert (http.request_id or "").startswith("req_sandbox_")
        assert http.headers["Content-Type"] == "application/json"
        assert http.elapsed > 0
        assert http.rate_limits.keys() == {"limit-requests", "remaining-requests", "reset-requests"}
        assert http.retry_after is None

    def test_rate_limits(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        said = {"X-RateLimit-Limit-Images": "5", "x-ratelimit-remaining-requests": "4", "x-ratelimit-reset-requests": "12s"}
        served.answer_calls(inline(draw()), headers=said)
        assert api.generate("x").http.rate_limits == {"limit-images": "5", "remaining-requests": "4", "reset-requests": "12s"}

    @pytest.mark.parametrize("name", ["x-request-id", "apim-request-id", "x-correlation-id"])
    def test_request_ids(self, api: ImagesClient, served: FileServer, draw: DrawPicture, name: str) -> None:
        served.answer_calls(inline(draw()), headers={name.upper(): "r1"})
        http = api.generate("x").http
        assert http.request_id == "r1"
        assert "r1" in repr(http)

    def test_the_first_of_several_request_ids_counts(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        served.answer_calls(inline(draw()), headers={"x-correlation-id": "r3", "apim-request-id": "r2", "x-request-id": "r1"})
        assert api.generate("x").http.request_id == "r1"

    def test_no_request_id_is_none(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        served.answer_calls(inline(draw()))
        assert api.generate("x").http.request_id is None

    @pytest.mark.parametrize("status", [200, 201, 202, 226])
    def test_every_success_is_one(self, api: ImagesClient, served: FileServer, draw: DrawPicture, status: int) -> None:
        body = json.dumps({"data": [inline(draw())]}).encode()
        served.answer("/v1/images/generations", Reply(body, status=status))
        assert api.generate("x").http.status_code == status


class TestPictures:
    @pytest.mark.parametrize(("kind", "media_type"), FORMATS.items())
    def test_they_say_what_they_are(self, client: ImagesClient, kind: str, media_type: str) -> None:
        image = made(client, kind)
        sides = (None, None) if kind == "svg" else (64, 48)
        assert (image.format, image.media_type, image.width, image.height) == (kind, media_type, *sides)
        assert base64.b64decode(image.b64_json) == image.read()

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
    def test_what_the_bytes_say_counts_not_the_server(
        self, api: ImagesClient, served: FileServer, draw: DrawPicture, kind: str
    ) -> None:
        served.answer_calls(inline(draw(30, 20, mode="RGB", kind=kind)), output_format="gif", size="1024x1024")
        result = api.generate("x")
        assert (result.output_format, result.size) == ("gif", "1024x1024")
        assert (result[0].format, result[0].width, result[0].height) == (kind, 30, 20)

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
    def test_they_become_pils(self, client: ImagesClient, kind: str) -> None:
        image = made(client, kind)
        picture = image.to_pil()
        assert (picture.format, picture.size) == (kind.upper(), (64, 48))
        assert picture.tobytes() == Image.open(BytesIO(image.read())).tobytes()

    def test_a_gif_keeps_its_frames(self, client: ImagesClient) -> None:
        image = client.generate("x", size="64x64", model="gpt-image-next", output_format="gif", frame_count=3)[0]
        assert getattr(image.to_pil(), "n_frames", None) == 3

    def test_an_svg_is_text(self, client: ImagesClient) -> None:
        assert ET.fromstring(made(client, "svg").read()).tag.endswith("svg")  # noqa: S314  our own sandbox drew it

    def test_a_bare_picture_is_a_result_of_one(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        served.answer("/v1/images/generations", Reply(draw(kind="WEBP"), headers={"Content-Type": "image/png"}))
        result = api.generate("x")
        assert len(result) == 1
        assert (result[0].format, result.created, result.usage, result.response) == ("webp", None, None, None)


class TestRepr:
    @pytest.mark.parametrize("kind", FORMATS)
    def test_a_picture_is_one_short_line(self, client: ImagesClient, kind: str) -> None:
        image = made(client, kind)
        sides = "" if kind == "svg" else " 64x48"
        assert repr(image) == str(image) == f"<GeneratedImage 0 {kind}{sides} {len(image.read())} bytes>"

    @pytest.mark.parametrize(
        "url",
        [
            "https://images.example/x.png",
            "https://images.example/" + "x" * 5000,
            "https://images.example/x.png?" + "sig=" * 500,
            "https://images.example/" + "\n" * 200,
            "https://images.example/" + "\x00" * 200,
            "https://images.example/" + "\U0010ffff" * 200,
            "https://images.example/'\"\\" + "'\"\\" * 100,
        ],
        ids=["short", "long", "signed", "of lines", "of zeros", "unprintable", "of quotes"],
    )
    def test_a_link_is_one_too_whatever_it_is(self, api: ImagesClient, served: FileServer, url: str) -> None:
        served.answer_calls({"url": url})
        image = api.generate("x")[0]
        assert is_short(repr(image))
        assert "images.example" in repr(image)
        assert "sig=" not in repr(image)

    def test_a_data_url_is_not_spelt_out(self, api: ImagesClient, served: FileServer, draw: DrawPicture) -> None:
        text = base64.b64encode(draw()).decode()
        served.answer_calls({"url": f"data:image/png;base64,{text}"})
        image = api.generate("x")[0]
        assert is_short(repr(image))
        assert text[:20] not in repr(image)

    @pytest.mark.parametrize("count", [1, 3, 10])
    def test_a_result_names_its_first_pictures(self, client: ImagesClient, count: int) -> None:
        result = client.generate("x", size="64x64", model="gpt-image-next", n=count)
        assert re.fullmatch(rf"<ImagesResult of {count}: <GeneratedImage 0 png 64x64 \d+ bytes>.*>", repr(result))
        assert repr(result).isprintable()
        assert ("…" in repr(result)) == (count > 3)
        assert len(repr(result)) < 250


def shown(image: GeneratedImage) -> dict[str, Any]:
    """What IPython gets of a picture, each way it may ask."""
    bundle = image._repr_mimebundle_(include=None, exclude=None)
    ways = {"image/png": image._repr_png_(), "image/jpeg": image._repr_jpeg_(), "image/svg+xml": image._repr_svg_()}
    for kind, content in ways.items():
        assert content == bundle.get(kind)
    return bundle


class TestNotebooks:
    @pytest.mark.parametrize("kind", ["png", "jpeg"])
    def test_a_picture_that_every_front_end_knows_shows_itself(self, client: ImagesClient, kind: str) -> None:
        image = made(client, kind)
        assert shown(image) == {"text/plain": repr(image), FORMATS[kind]: image.read()}

    # https://github.com/microsoft/vscode/blob/main/extensions/notebook-renderers/package.json knows neither webp nor avif.
    @pytest.mark.parametrize("kind", ["webp", "gif", "avif", "bmp"])
    def test_any_other_is_left_to_the_browser(self, draw: DrawPicture, kind: str) -> None:
        # Not every Pillow draws the newest of them; its first bytes tell what it is.
        image = GeneratedImage(AVIF if kind == "avif" else draw(64, 48, mode="RGB", kind=kind.upper()))
        html = shown(image)["text/html"]
        assert shown(image) == {"text/plain": repr(image), "text/html": html}
        assert html == ImagesResult((image,), OK)._repr_html_()
        assert f'<img src="data:image/{kind};base64,{image.b64_json}"' in html

    def test_an_svg_is_shown_where_its_scripts_do_not_run_and_kept_for_who_asks_for_it(self) -> None:
        text = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        image = GeneratedImage(text.encode())
        bundle = shown(image)
        assert bundle["image/svg+xml"] == text
        assert f'<img src="data:image/svg+xml;base64,{image.b64_json}"' in bundle["text/html"]
        assert "<svg" not in bundle["text/html"]

    @pytest.mark.parametrize("more", [0, 1])
    @pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("WEBP", "text/html")])
    def test_but_not_a_huge_one(self, draw: DrawPicture, kind: str, media_type: str, more: int) -> None:
        image = GeneratedImage(draw(kind=kind).ljust(LARGEST_IN_NOTEBOOK + more, b"\0"))
        assert (media_type in shown(image)) == (more == 0)

    def test_a_link_is_not_fetched_for_it(self, api: ImagesClient, served: FileServer) -> None:
        served.answer_calls({"url": f"{served.url}/x.png"})
        image = api.generate("x")[0]
        assert shown(image) == {"text/plain": repr(image)}
        assert served.heard("GET") == []

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
    def test_an_svg_in_another_encoding_does_no_harm(self, encoding: str) -> None:
        svg = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><svg><title>é</title></svg>'
        image = GeneratedImage(svg.encode(encoding))
        bundle = shown(image)
        assert bundle.pop("text/plain") == repr(image)
        assert image.b64_json in bundle.pop("text/html")
        assert [ET.fromstring(text)[0].text for text in bundle.values()] in (["é"], [])  # noqa: S314  made above
        assert image.b64_json in ImagesResult((image,), OK)._repr_html_()

    def test_a_result_is_a_gallery(self, client: ImagesClient, three: ImagesResult) -> None:
        sources = re.findall(r'<img src="data:image/png;base64,([^"]+)"', three._repr_html_())
        assert [base64.b64decode(source) for source in sources] == [image.read() for image in three]

    @pytest.mark.parametrize("kind", FORMATS)
    def test_of_every_format(self, client: ImagesClient, kind: str) -> None:
        image = made(client, kind)
        html = ImagesResult((image,), OK)._repr_html_()
        assert f'<img src="data:{FORMATS[kind]};base64,{image.b64_json}"' in html

    def test_links_in_a_gallery_are_left_to_the_browser_and_cannot_break_out(self, api: ImagesClient, served: FileServer) -> None:
        served.answer_calls({"url": f'{served.url}/x.png?a=1&b="><script>alert(1)</script>'})
        html = api.generate("x")._repr_html_()
        assert f'<img src="{served.url}/x.png?a=1&amp;b=' in html
        assert "<script" not in html
        assert served.heard("GET") == []

    def test_a_huge_picture_in_a_gallery_is_only_described(self, draw: DrawPicture) -> None:
        images = GeneratedImage(draw().ljust(LARGEST_IN_NOTEBOOK + 1, b"\0")), GeneratedImage(draw(), index=1)
        html = ImagesResult(images, OK)._repr_html_()
        assert html.count("<img") == 1
        assert len(html) < 10_000
        assert f"{LARGEST_IN_NOTEBOOK + 1} bytes<br>not shown, since a notebook would hold more than 20 MiB<" in html

    def test_all_pictures_of_a_gallery_share_the_bound(self, draw: DrawPicture) -> None:
        sizes = (LARGEST_IN_NOTEBOOK // 2, LARGEST_IN_NOTEBOOK // 2 + 1, LARGEST_IN_NOTEBOOK // 2, 1000)
        images = tuple(GeneratedImage(draw().ljust(size, b"\0"), index=index) for index, size in enumerate(sizes))
        figures = ImagesResult(images, OK)._repr_html_().split("</figure>")
        assert ["<img" in figure for figure in figures] == [True, False, True, False, False]
        assert ["not shown" in figure for figure in figures] == [False, True, False, True, False]

    def test_a_link_that_holds_its_picture_counts_as_well(self, draw: DrawPicture) -> None:
        url = "data:image/png;base64," + base64.b64encode(draw()).decode()
        few, many = (GeneratedImage(None, url=url.ljust(size, "A"), source=ANY) for size in (0, LARGEST_IN_NOTEBOOK + 1))
        html = ImagesResult((many, few), OK)._repr_html_()
        assert html.count("<img") == html.count(url) == 1
        assert html.count("at &#x27;data:&#x27;<br>not shown") == 1

    def test_captions_tell_what_a_picture_is(self, draw: DrawPicture) -> None:
        prompt = '<script>alert("1")</script> & more, with key sk-abcdefgh ' + "x" * 5000
        image = GeneratedImage(draw(30, 20), revised_prompt=prompt)
        html = ImagesResult((image,), OK)._repr_html_()
        (caption,) = re.findall("<figcaption>(.*?)</figcaption>", html)
        assert caption.startswith(
            f"png 30x20 {len(draw(30, 20))} bytes<br>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more"
        )
        assert "abcdefgh" not in caption
        assert len(caption) < 400

    @pytest.mark.parametrize("url", ["https://me:secret@images.example/x.png?sig=1", "https://secret@images.example/"])
    def test_a_user_is_shown_to_nobody_and_the_link_not_asked_for(self, url: str) -> None:
        html = ImagesResult((GeneratedImage(None, url=url, source=ANY),), OK)._repr_html_()
        assert "secret" not in html
        assert "sig" not in html
        assert "<img" not in html
        assert "images.example" in html

    def test_a_signature_goes_with_the_picture_alone(self) -> None:
        url = "https://images.example/x.png?se=1&sig=s3cr3t"
        html = ImagesResult((GeneratedImage(None, url=url, source=ANY),), OK)._repr_html_()
        assert f'<img src="{escape(url)}"' in html
        assert html.count("s3cr3t") == 1

    def test_a_gallery_holds_nothing_that_a_sanitiser_takes_out(self, draw: DrawPicture) -> None:
        """The tags, attributes and styles are among those of JupyterLab's: packages/apputils/src/sanitizer.ts."""
        html = ImagesResult((GeneratedImage(draw(), revised_prompt="x"),), OK)._repr_html_()
        found = {
            (tag, name) for tag, rest in re.findall(r"<(\w+)([^>]*)>", html) for name in re.findall(r' (\w+)="', rest) or [""]
        }
        assert found == {
            ("figure", "style"),
            ("figcaption", ""),
            ("br", ""),
            *(("img", name) for name in ("src", "alt", "style")),
        }
        styles = {each.split(":")[0].strip() for style in re.findall(r'style="([^"]+)"', html) for each in style.split(";")}
        assert styles == {"display", "vertical-align", "max-width", "margin"}


class TestPickling:
    def test_a_result_is_the_same_again(self, client: ImagesClient) -> None:
        result = client.generate("an otter", size="64x64", model="gpt-image-next", n=2)
        again = pickle.loads(pickle.dumps(result))  # noqa: S301  made here
        assert isinstance(again, ImagesResult)
        assert [image.read() for image in again] == [image.read() for image in result]
        assert repr(again) == repr(result)
        names = ("created", "usage", "background", "output_format", "size", "quality", "extra")
        assert [getattr(again, name) for name in names] == [getattr(result, name) for name in names]
        assert (again.http.status_code, again.http.request_id) == (200, result.http.request_id)

    def test_the_generated_model_in_it_as_well(self, client: ImagesClient) -> None:
        result = client.generate("x", model="dall-e-2", size="256x256")
        again = pickle.loads(pickle.dumps(result))  # noqa: S301  made here
        assert result.response is not None
        assert again.response.to_dict() == result.response.to_dict()
        assert again.response == result.response

    def test_a_link_that_was_read_goes_along_one_that_was_not_cannot_be_read(
        self, api: ImagesClient, served: FileServer, draw: DrawPicture
    ) -> None:
        url = served.answer("/x.png", Reply(draw()))
        served.answer_calls({"url": url}, {"url": url})
        result = api.generate("x")
        result[0].read()
        first, second = pickle.loads(pickle.dumps(result))  # noqa: S301  made here
        assert first.read() == draw()
        assert second.url == url
        with pytest.raises(DownloadError, match="client is gone"):
            second.read()

    def test_what_was_learnt_of_a_picture_stays_true(self, client: ImagesClient) -> None:
        image = made(client, "png")
        assert image.width == 64
        assert pickle.loads(pickle.dumps(image)).width == 64  # noqa: S301  made here
