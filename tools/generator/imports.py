"""Whether what a module imports from the generated package is in it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from symtable import symtable
from typing import NamedTuple


class DeadImport(NamedTuple):
    """An import of something that isn't there."""

    line: int
    module: str
    name: str


def dead_imports(source: Path, package: Path) -> Iterator[DeadImport]:
    """Yield what a module imports from a package in vain.

    Args:
        source: The module: one of the package itself, or one that uses it by its name.
        package: The package's folder.
    """
    for node in ast.walk(ast.parse(source.read_bytes(), source.name)):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module.split(".") if node.module else []
        if node.level:
            folder = source.parents[node.level - 1]
        elif module[:1] == [package.name]:
            folder = package.parent
        else:
            continue
        target = folder.joinpath(*module)
        if target.is_relative_to(package):
            yield from (
                DeadImport(node.lineno, ".".join([package.name, *target.relative_to(package).parts]), alias.name)
                for alias in node.names
                if not _offers(target, alias.name)
            )


def _offers(target: Path, name: str) -> bool:
    if (target / "__init__.py").exists() and ((target / f"{name}.py").exists() or (target / name).is_dir()):
        return True
    file = next((file for file in (target.with_suffix(".py"), target / "__init__.py") if file.exists()), None)
    return file is not None and name in _names(file.read_text(encoding="utf-8"))


@cache
def _names(source: str) -> frozenset[str]:
    symbols = symtable(source, "module", "exec").get_symbols()
    return frozenset(symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported())
