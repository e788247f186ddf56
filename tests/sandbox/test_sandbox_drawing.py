"""The images that the sandbox draws: deterministic, legible, and true to masks and sources."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat
from stopwatch import Stopwatch

from images_api.sandbox._captions import set_captions
from images_api.sandbox._drawing import Order, draw, frames, unfinished
from images_api.sandbox._formats import Format, encode, render

PROMPT = "An astronaut riding a horse through a field of lavender"


def seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def order(**changes: object) -> Order:
    labels = ("sandbox", "gpt-image-2.5-flare", "320x320")
    plain = Order("generate", seed("plain"), (320, 320), PROMPT, labels)
    return replace(plain, **changes)  # type: ignore[arg-type]


def photo(width: int = 320, height: int = 320) -> Image.Image:
    """An image with a large dark disc in it, so that one can tell whether it is still there."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGBA")
    box = (width * 0.2, height * 0.2, width * 0.7, height * 0.7)
    ImageDraw.Draw(image).ellipse(box, fill=(20, 30, 90, 255))
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two images, 0 to 255."""
    pixels = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return sum(ImageStat.Stat(pixels).mean) / 3


def likeness(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two images' brightness, seen from afar: 1 for the same."""
    small = [ImageOps.grayscale(image.convert("RGB")).resize((24, 24)) for image in (one, other)]
    first, second = ([float(light) for light in image.tobytes()] for image in small)
    means = sum(first) / len(first), sum(second) / len(second)
    pairs = [(a - means[0], b - means[1]) for a, b in zip(first, second, strict=True)]
    spread = sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs)
    return float(sum(a * b for a, b in pairs) / spread**0.5)


class TestGenerate:
    def test_equal_orders_give_equal_images(self) -> None:
        assert draw(order()).tobytes() == draw(order()).tobytes()

    def test_another_seed_gives_another_image(self) -> None:
        assert difference(draw(order()), draw(order(seed=seed("other")))) > 10

    @pytest.mark.parametrize("size", [(1, 1), (16, 16), (48, 16), (44, 44), (64, 64), (256, 256), (1536, 1024), (1024, 3072)])
    def test_every_size_can_be_drawn(self, size: tuple[int, int]) -> None:
        image = draw(order(size=size))
        assert image.size == size
        assert size == (1, 1) or len(set(image.tobytes())) > 10

    def test_a_large_image_does_not_take_long(self) -> None:
        watch = Stopwatch()
        render(order(size=(3840, 2160)), Format())
        assert watch.seconds() < 2

    def test_an_ordinary_image_takes_a_blink(self) -> None:
        def seconds() -> float:
            watch = Stopwatch()
            render(order(size=(1024, 1024)), Format())
            return watch.seconds()

        assert min(seconds() for _ in range(5)) < 0.15

    def test_transparency_is_real(self) -> None:
        image = draw(order(background="transparent"))
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 255)

    def test_anything_else_is_solid(self) -> None:
        assert draw(order(background="opaque")).mode == "RGB"


class TestCaptions:
    @pytest.mark.parametrize("size", [(64, 64), (256, 256), (1024, 1024), (1536, 512), (512, 1536)])
    @pytest.mark.parametrize("prompt", ["otter", PROMPT, "word " * 900, "x" * 5000, "漢字 と かな " * 40, "naïve é", "a\n\tb"])
    def test_letters_stay_on_their_card(self, size: tuple[int, int], prompt: str) -> None:
        bare, written = (draw(order(size=size, prompt=text)) for text in ("", prompt))
        changed = ImageChops.difference(bare, written).getbbox()
        card = set_captions(prompt, (), size, (0, 0, 0))[0]
        assert changed is not None
        assert changed[0] >= card.box[0]
        assert changed[1] >= card.box[1]
        assert changed[2] <= card.box[2]
        assert changed[3] <= card.box[3]
        for x, _, line in card.lines:
            assert x + card.font.getlength(line) <= card.box[2]

    @pytest.mark.parametrize("number", range(12))
    def test_letters_stand_out(self, number: int) -> None:
        image = draw(order(seed=seed(str(number))))
        box = set_captions(PROMPT, (), image.size, (0, 0, 0))[0].box
        shades = ImageOps.grayscale(image.crop(box)).histogram()
        assert sum(shades[:60]) > 100
        assert sum(shades[225:]) > 1000

    def test_a_short_prompt_is_shown_whole(self) -> None:
        lines = set_captions(PROMPT, (), (1024, 1024), (0, 0, 0))[0].lines
        assert " ".join(line for _, _, line in lines) == PROMPT

    def test_a_long_prompt_ends_in_an_ellipsis(self) -> None:
        lines = set_captions("word " * 900, (), (256, 256), (0, 0, 0))[0].lines
        assert lines[-1][2].endswith("…")

    def test_labels_give_way_where_room_is_short(self) -> None:
        labels = ("sandbox", "a-model-with-quite-a-long-name", "128x128")
        assert set_captions("", labels, (128, 128), (0, 0, 0))[0].lines[0][2] == "sandbox"
        assert labels[1] in set_captions("", labels, (512, 512), (0, 0, 0))[0].lines[0][2]

    def test_a_label_of_any_length_can_be_drawn(self) -> None:
        assert draw(order(labels=("sandbox", "m" * 1_000_000))).size == (320, 320)
        assert draw(order(labels=("m" * 1_000_000,))).size == (320, 320)

    def test_the_smallest_images_carry_no_words(self) -> None:
        assert set_captions(PROMPT, ("sandbox",), (32, 512), (0, 0, 0)) == []


class TestEdit:
    def test_only_the_masked_area_changes(self) -> None:
        source, area = photo(), Image.new("L", (320, 320))
        ImageDraw.Draw(area).ellipse((100, 90, 250, 280), fill=255)
        edited = draw(order(work="edit", sources=(source,), area=area)).convert("RGBA")
        pixels = ImageChops.difference(source, edited).convert("RGB")
        outside = ImageChops.multiply(pixels, ImageOps.invert(area).convert("RGB"))
        assert outside.getbbox() is None
        assert ImageStat.Stat(pixels, area).mean[0] > 10

    def test_transparent_pixels_outside_the_area_survive(self) -> None:
        source, area = photo(), Image.new("L", (320, 320))
        source.putalpha(Image.linear_gradient("L").resize((320, 320)))
        area.paste(255, (0, 0, 320, 60))
        edited = draw(order(work="edit", sources=(source,), area=area))
        assert edited.crop((0, 60, 320, 320)).tobytes() == source.crop((0, 60, 320, 320)).tobytes()

    def test_a_mask_is_scaled_along(self) -> None:
        source, area = photo(), Image.new("L", (320, 320))
        area.paste(255, (0, 0, 160, 320))
        edited = draw(order(work="edit", sources=(source,), area=area, size=(640, 640)))
        right = (320, 0, 640, 640)
        expected = source.resize((640, 640)).convert("RGB").crop(right)
        assert edited.crop(right).tobytes() == expected.tobytes()

    def test_an_empty_mask_changes_nothing(self) -> None:
        source, area = photo(), Image.new("L", (320, 320))
        edited = draw(order(work="edit", sources=(source,), area=area))
        assert edited.tobytes() == source.convert("RGB").tobytes()

    def test_without_a_mask_the_source_is_reworked_but_recognisable(self) -> None:
        source = photo()
        edited = draw(order(work="edit", sources=(source,), prompt=""))
        assert difference(source, edited) > 10
        assert likeness(source, edited) > 0.6

    @pytest.mark.parametrize("count", [2, 3, 7, 16])
    def test_several_sources_are_all_in_the_image(self, count: int) -> None:
        colours = [(255, 16 * number, 0) for number in range(count - 1)]
        guests = tuple(Image.new("RGBA", (50, 80), colour) for colour in colours)
        edited = draw(order(work="edit", sources=(photo(), *guests)))
        seen = {colour for _, colour in edited.getcolors(maxcolors=1 << 20) or ()}
        assert seen.issuperset(colours)

    def test_several_sources_respect_the_mask_of_the_first(self) -> None:
        source, area = photo(), Image.new("L", (320, 320))
        area.paste(255, (0, 0, 160, 320))
        guest = Image.new("RGBA", (50, 50), (255, 0, 0))
        edited = draw(order(work="edit", sources=(source, guest), area=area))
        right = (160, 0, 320, 320)
        assert edited.crop(right).tobytes() == source.convert("RGB").crop(right).tobytes()
        assert (255, 0, 0) in {colour for _, colour in edited.getcolors(1 << 20) or ()}

    def test_markup_lies_on_top(self) -> None:
        markup = Image.new("RGBA", (320, 320))
        ImageDraw.Draw(markup).rectangle((10, 10, 60, 60), fill=(255, 0, 0, 255))
        edited = draw(order(work="edit", sources=(photo(),), markup=markup))
        assert edited.crop((10, 10, 61, 61)).getcolors() == [(51 * 51, (255, 0, 0))]

    def test_a_transparent_background_cuts_the_subject_out(self) -> None:
        edited = draw(order(work="edit", sources=(photo(),), background="transparent"))
        assert edited.getpixel((0, 0))[3] == 0  # type: ignore[index]
        assert edited.getpixel((160, 160))[3] == 255  # type: ignore[index]

    @pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7)])
    def test_odd_sources_are_fine(self, shape: tuple[int, int]) -> None:
        source = photo(*shape)
        for area in (None, Image.new("L", shape, 255)):
            edited = draw(order(work="edit", sources=(source, source), area=area, size=shape))
            assert edited.size == shape


class TestVariation:
    def variations(self, count: int = 4) -> list[Image.Image]:
        plain = order(work="variation", sources=(photo(),), prompt="", labels=())
        return [draw(replace(plain, seed=seed(str(number)))) for number in range(count)]

    def test_it_resembles_its_source(self) -> None:
        upright, mirrored = photo(), ImageOps.mirror(photo())
        for image in self.variations():
            assert max(likeness(upright, image), likeness(mirrored, image)) > 0.6

    def test_each_is_different(self) -> None:
        first, *others = self.variations()
        assert all(difference(first, other) > 2 for other in others)

    def test_each_comes_out_the_same_again(self) -> None:
        again = self.variations()
        assert [p.tobytes() for p in self.variations()] == [p.tobytes() for p in again]


class TestFormats:
    @pytest.mark.parametrize("name", ["png", "jpeg", "webp", "gif"])
    @pytest.mark.parametrize("work", ["generate", "edit", "variation"])
    def test_each_decodes_to_the_size_ordered(self, name: str, work: str) -> None:
        content = render(order(work=work, sources=(photo(),), size=(256, 192)), Format(name))
        with Image.open(BytesIO(content)) as image:
            image.load()
            assert image.format == name.upper()
            assert image.size == (256, 192)

    def test_formats_show_the_same_image(self) -> None:
        png, jpeg = (Image.open(BytesIO(render(order(), Format(name)))) for name in ("png", "jpeg"))
        assert difference(png, jpeg) < 3

    @pytest.mark.parametrize("name", ["jpeg", "webp"])
    def test_less_compression_means_larger_files(self, name: str) -> None:
        sizes = [len(render(order(), Format(name, compression=level))) for level in (0, 50, 100)]
        assert sizes == sorted(set(sizes))

    @pytest.mark.parametrize("name", ["png", "webp"])
    def test_transparency_is_written(self, name: str) -> None:
        content = render(order(background="transparent"), Format(name))
        with Image.open(BytesIO(content)) as image:
            assert image.convert("RGBA").getchannel("A").getextrema() == (0, 255)

    @pytest.mark.parametrize("work", ["generate", "edit", "variation"])
    @pytest.mark.parametrize("count", [2, 9, 16])
    def test_a_gif_has_the_frames_ordered(self, work: str, count: int) -> None:
        into = Format("gif", frame_count=count, frame_duration_ms=124)
        content = render(order(work=work, sources=(photo(),), size=(96, 96)), into)
        with Image.open(BytesIO(content)) as image:
            assert getattr(image, "n_frames") == count  # noqa: B009  plain images have none
            assert image.info["duration"] == 120
            assert image.info["loop"] == 0

    def test_frames_all_differ(self) -> None:
        images = frames(order(size=(16, 16)), 16)
        assert len({image.tobytes() for image in images}) == 16

    def test_an_svg_is_sound_whatever_the_prompt(self) -> None:
        prompt = "<script>&\"'\x00\x1b]]></svg> ok \ufffe"
        root = ET.fromstring(render(order(prompt=prompt, size=(512, 512)), Format("svg")))  # noqa: S314  our own
        assert (root.get("width"), root.get("height")) == ("512", "512")
        shown = " ".join(root.itertext())
        assert "<script>&\"']]></svg> ok" in shown
        assert not [element for element in root.iter() if element.tag.endswith("script")]

    def test_an_svg_of_an_edit_holds_the_image(self) -> None:
        root = ET.fromstring(render(order(work="edit", sources=(photo(),)), Format("svg")))  # noqa: S314  our own
        assert root[0].get("href", "").startswith("data:image/png;base64,")


def test_unfinished_images_become_sharper() -> None:
    image = draw(order())
    distances = [difference(image, unfinished(image, step, 3)) for step in range(3)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0
    assert len(encode(unfinished(image, 0, 1), Format())) > 100
