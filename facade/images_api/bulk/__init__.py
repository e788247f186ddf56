"""Images in bulk: one job file in, every image once out, whatever happens on the way.

summary = run("job.jsonl", "images/", images_per_minute=50)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._batch import Imported, export_batch, import_batch
    from ._checking import Checked, check
    from ._chunk import make_lines
    from ._conversion import converted
    from ._journal import Entry, Journal, SavedFile, State
    from ._lines import Line, parse_line, read_lines
    from ._prices import Prices
    from ._running import InterruptedRun, arun, run
    from ._sheet import write_sheet
    from ._summary import Progress, Summary
    from ._work import make_images

# Nothing is imported before it is used, as in the package above.
_MODULES = {
    "Checked": "_checking",
    "Entry": "_journal",
    "Imported": "_batch",
    "InterruptedRun": "_running",
    "Journal": "_journal",
    "Line": "_lines",
    "Prices": "_prices",
    "Progress": "_summary",
    "SavedFile": "_journal",
    "State": "_journal",
    "Summary": "_summary",
    "arun": "_running",
    "check": "_checking",
    "converted": "_conversion",
    "export_batch": "_batch",
    "import_batch": "_batch",
    "make_images": "_work",
    "make_lines": "_chunk",
    "parse_line": "_lines",
    "read_lines": "_lines",
    "run": "_running",
    "write_sheet": "_sheet",
}
__all__ = [
    "Checked",
    "Entry",
    "Imported",
    "InterruptedRun",
    "Journal",
    "Line",
    "Prices",
    "Progress",
    "SavedFile",
    "State",
    "Summary",
    "arun",
    "check",
    "converted",
    "export_batch",
    "import_batch",
    "make_images",
    "make_lines",
    "parse_line",
    "read_lines",
    "run",
    "write_sheet",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(f"{__name__}.{_MODULES[name]}"), name))


def __dir__() -> list[str]:
    return __all__
