"""Read openapi.yaml, and say clearly what is wrong with it."""

from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError


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
    if not isinstance(document, dict):
        raise ContractError(f"{path}:1: must be a mapping, is {type(document).__name__}")
    problems = [
        f"{path}:{_line(located, list(error.absolute_path))}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in OpenAPIV31SpecValidator(document).iter_errors()
    ]
    if problems:
        raise ContractError("\n".join(problems))
    return document


def _line(node: Any, path: list[Any]) -> int:
    """Return the line, from 1, of the deepest part of a path that the YAML reader placed."""
    line = 1
    for key in path:
        try:
            line = node.lc.data[key][0] + 1
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
