"""Show what the library does, against the sandbox and for nothing: create, edit and vary pictures, and save them.

Run by `make demo`.
"""

from pathlib import Path

from PIL import Image, ImageDraw

from images_api import ImagesClient
from images_api.sandbox import Sandbox

FOLDER = Path("demo")


def main() -> None:
    """Make the pictures and say where they are."""
    with Sandbox() as sandbox, ImagesClient(base_url=sandbox.base_url) as client:
        print(f"the sandbox answers at {sandbox.base_url}")

        otters = client.generate("a baby sea otter, floating on its back", size="1024x1024", n=2)
        paths = otters.save(FOLDER / "otter.png")
        report("generated", paths)

        mask = FOLDER / "mask.png"
        draw_mask(mask, width=1024, height=1024)
        edited = client.edit(paths[0], "give it a red beret", mask=mask)
        report("edited where the mask is transparent", edited.save(FOLDER / "beret.png"))

        varied = client.create_variation(paths[0], size="512x512", n=1)
        report("varied", varied.save(FOLDER / "variation.png"))
    print("the sandbox is stopped")


def draw_mask(path: Path, *, width: int, height: int) -> None:
    """Save a mask that lets the upper third of a picture be edited.

    Args:
        path: Where to save it.
        width: Pixels.
        height: Pixels.
    """
    mask = Image.new("RGBA", (width, height), "black")
    ImageDraw.Draw(mask).ellipse((width // 4, height // 16, width * 3 // 4, height // 3), fill=(0, 0, 0, 0))
    mask.save(path)


def report(what: str, paths: list[Path]) -> None:
    """Say what was made, and read it back to say how large it is."""
    for path in paths:
        with Image.open(path) as picture:
            print(f"{what}: {path} ({picture.format}, {picture.width}x{picture.height})")


if __name__ == "__main__":
    main()
