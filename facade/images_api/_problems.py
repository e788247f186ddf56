"""The root of the error tree, and what is wrong with an argument: all that the lower rooms need of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ._messages import shown


class Problem(NamedTuple):
    """One thing that is wrong with a request: which parameter, its value, and the rule that it breaks."""

    parameter: str
    value: object
    why: str

    def __str__(self) -> str:
        """Return the problem as a sentence: parameter, rule and value."""
        return f"{self.parameter} {self.why}, got {shown(self.value)}"


class ImagesAPIError(Exception):
    """The root of all errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments don't survive the pickling that exceptions have from birth.
        return _new, (type(self),), {"args": self.args, **self.__dict__}


class InvalidRequestError(ImagesAPIError, ValueError):
    """The request was refused before a byte was sent.

    Attributes:
        problems: Everything that is wrong, as (parameter, value, why).
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[Any, ...]:
        # What was refused is often what can't be pickled, such as an open file.
        kinds = str | int | float | None
        plain = [each if isinstance(each.value, kinds) else each._replace(value=shown(each.value)) for each in self.problems]
        *new, state = super().__reduce__()
        return (*new, state | {"problems": tuple(plain)})


def refused(parameter: str, value: object, why: str) -> InvalidRequestError:
    """Return the error that one thing is wrong."""
    return InvalidRequestError([Problem(parameter, value, why)])


def _new(kind: type[ImagesAPIError]) -> ImagesAPIError:
    return OSError.__new__(kind) if issubclass(kind, OSError) else kind.__new__(kind)
