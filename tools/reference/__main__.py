"""Write the reference of the contract that the installed client has into a folder: `python -m tools.reference FOLDER`."""

import sys
from pathlib import Path

from tools.reference.pages import pages


def main(target: Path) -> None:
    """Write the pages.

    Args:
        target: The folder to fill; it is made.
    """
    for name, text in pages():
        page = target / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
