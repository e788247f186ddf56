"""Make the pictures of README and docs, with the calls that they show, on a sandbox.

python -m tools.pictures           writes those into docs/pictures that aren't there or show something else
python -m tools.pictures --check   writes nothing; exit 1 where there is something to write
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageStat

from images_api import ImagesClient
from images_api.sandbox import Sandbox

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
_MODEL = "gpt-image-2"
_GAP = 12
_RADIUS = 10
# Other versions of Pillow draw text a little otherwise, of 255 for each channel and pixel on average.
_TOLERANCE = 4


def calls(client: ImagesClient) -> Image.Image:
    """Return what README's lines bring, side by side: an image, an edit of it, and two of a kind."""
    otter = client.generate("a baby sea otter", size="1536x1024", model=_MODEL)
    beret = client.edit(otter, "give it a beret", size="1536x1024", model=_MODEL)
    cover = client.generate("a cover for Moby-Dick", size="1024x1536", model=_MODEL)
    return _side_by_side([each[0].to_pil() for each in (otter, beret, cover)], height=320)


def edit(client: ImagesClient) -> Image.Image:
    """Return an image, its mask, and what an edit makes of both."""
    otter = client.generate("an otter in the sea", size="1024x1024", model=_MODEL)[0]
    picture = otter.to_pil().convert("RGB")
    mask = Image.new("RGBA", picture.size, "black")
    mask.paste((0, 0, 0, 0), (512, 128, 896, 512))
    content = BytesIO()
    mask.save(content, "PNG")
    edited = client.edit(otter, "a full moon", mask=content.getvalue(), model=_MODEL, size="1024x1024")[0]
    shown = Image.composite(picture, _chequered(picture.size), mask.getchannel("A"))
    return _side_by_side([picture, shown, edited.to_pil()], height=320)


def stream(client: ImagesClient) -> Image.Image:
    """Return the events of a stream, from the first unfinished image to the finished one."""
    with client.stream_generate("a baby sea otter", partial_images=2, size="1024x1024", model=_MODEL) as events:
        return _side_by_side([event.image.to_pil() for event in events], height=320)


PICTURES: dict[str, Callable[[ImagesClient], Image.Image]] = {"calls.webp": calls, "edit.webp": edit, "stream.webp": stream}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0, or 1 where something is to be written and wasn't.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description="Make the pictures of README and docs.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder, docs/pictures by default")
    options = parser.parse_args(arguments)
    stale = 0
    with Sandbox() as sandbox, ImagesClient(base_url=sandbox.base_url) as client:
        for name, draw in PICTURES.items():
            path = options.into / name
            picture = draw(client)
            if _shows(path, picture):
                continue
            stale += 1
            if options.check:
                print(f"docs/pictures/{name} shows something else than what is made today: make docs", file=sys.stderr)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path, quality=85, method=6)
    return 1 if options.check and stale else 0


def _shows(path: Path, picture: Image.Image) -> bool:
    """Return whether a file shows what was drawn, but for what compression and another Pillow make of it."""
    if not path.is_file():
        return False
    with Image.open(path) as there:
        if there.size != picture.size:
            return False
        difference = ImageChops.difference(_on_white(there), _on_white(picture))
    return max(ImageStat.Stat(difference).mean) <= _TOLERANCE


def _side_by_side(pictures: Sequence[Image.Image], height: int) -> Image.Image:
    """Return pictures in a row, with round corners, and nothing between them, whatever colour a page has."""
    scaled = [each.convert("RGB").resize((each.width * height // each.height, height)) for each in pictures]
    width = sum(each.width for each in scaled) + _GAP * (len(scaled) - 1)
    strip = Image.new("RGBA", (width, height))
    left = 0
    for each in scaled:
        corners = Image.new("L", each.size)
        ImageDraw.Draw(corners).rounded_rectangle((0, 0, each.width - 1, each.height - 1), _RADIUS, fill=255)
        strip.paste(each, (left, 0), corners)
        left += each.width + _GAP
    return strip


def _on_white(picture: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")


def _chequered(size: tuple[int, int], side: int = 32) -> Image.Image:
    board = Image.new("RGB", size, "#f4f4f4")
    draw = ImageDraw.Draw(board)
    for top in range(0, size[1], side):
        for left in range(top // side % 2 * side, size[0], 2 * side):
            draw.rectangle((left, top, left + side - 1, top + side - 1), fill="#d0d0d0")
    return board


if __name__ == "__main__":
    sys.exit(main())
