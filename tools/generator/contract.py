"""Read openapi.yaml, and say clearly what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

_Path = tuple[str | int, ...]


class ContractError(Exception):
    """The document can't be used; the message names file, line and reason."""


def read_contract(path: Path) -> dict[str, Any]:
    """Read and check an OpenAPI 3.1 document.

    Args:
        path: The YAML file.

    Returns:
        The document as plain dictionaries and lists, its anchors resolved.

    Raises:
        ContractError: It isn't there, isn't YAML, or isn't valid OpenAPI 3.1.
    """
    try:
        located = YAML().load(path)
        document = YAML(typ="safe").load(path)
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ContractError(f"{path}{line}: {error.problem or error.context}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: isn't YAML in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}:1: must be a mapping, is {type(document).__name__}")
    problems = [
        f"{path}:{_line(located, where)}: {'/'.join(map(str, where))}: {message}" for where, message in _problems(document)
    ]
    if problems:
        raise ContractError("\n".join(problems))
    return document


def _problems(document: dict[str, Any]) -> Iterator[tuple[_Path, str]]:
    references = [(where, target) for where, target in _leaves(document) if where[-1] == "$ref"]
    dead = [(where, f"nothing is at {target}") for where, target in references if not _is_there(document, target)]
    yield from dead
    if dead:
        return  # the validator stops at the first of them, without a place
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        where = tuple(error.absolute_path)
        if where and not _is_there(document, "#/" + "/".join(map(str, where))):
            # Of a schema, the validator gives the place within it; the first place like that with that value is it.
            ends = (place for place, value in _leaves(document) if place[-len(where) :] == where and value == error.instance)
            where = next(ends, where)
        yield where, error.message


def _leaves(node: Any, where: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Yield every value of a document that is no mapping and no list, with its path."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if children is None:
        yield where, node
    else:
        for key, child in children:
            yield from _leaves(child, (*where, key))


def _is_there(document: Any, pointer: str) -> bool:
    node = document
    for step in pointer.removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(key)] if isinstance(node, list) else node[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True


def _line(node: Any, where: _Path) -> int:
    """Return the line, from 1, of the deepest part of a path that the YAML reader placed."""
    line = 1
    for key in where:
        try:
            line = node.lc.data[key][0] + 1
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
