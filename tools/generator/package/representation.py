"""Show models in a line or a few: images, links and long texts by their length alone."""

from reprlib import Repr, recursive_repr
from typing import Any

from attrs import fields

# The longest text without a blank that is shown, in characters: ids are shorter, and the base64 of the least image is longer.
_LONGEST_WORD = 40
_LONGEST_TEXT = 200


class _Short(Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxdict = self.maxlist = self.maxtuple = 8
        self.maxother = 1000

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002  the name and the level are reprlib's
        if len(x) > _LONGEST_WORD and not any(map(str.isspace, x[: _LONGEST_WORD + 1])):
            return f"<{len(x)} characters>"
        return repr(x) if len(x) <= _LONGEST_TEXT else f"{x[:_LONGEST_TEXT]!r}... <{len(x)} characters>"

    def repr_bytes(self, x: bytes, level: int) -> str:  # noqa: ARG002  likewise
        return repr(x) if len(x) <= _LONGEST_WORD else f"<{len(x)} bytes>"


_short = _Short().repr


def short_repr(self: Any) -> str:
    """Return the repr of an attrs object, with its fields in short; for the `__repr__` of its class."""
    return _shown(self)


@recursive_repr()
def _shown(self: Any) -> str:
    # Not the `__repr__` itself: pyright takes what recursive_repr returns for no method.
    shown = ", ".join(f"{field.name}={_short(getattr(self, field.name))}" for field in fields(type(self)))
    return f"{type(self).__name__}({shown})"
