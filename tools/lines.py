"""Count lines of code: `python -m tools.lines` says how thin the facade is.

A line counts if it holds code: blank lines, comments and docstrings don't.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

FACADE = Path(__file__).resolve().parent.parent / "facade" / "images_api"
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def lines_of_code(path: Path) -> int:
    """Return how many lines of a Python file hold code."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in _NO_CODE]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return len(lines.difference(*_docstrings(ast.parse(path.read_bytes()))))


def _docstrings(tree: ast.Module) -> Iterator[range]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                yield range(first.lineno, (first.end_lineno or first.lineno) + 1)


def main() -> int:
    """Print the lines of code of the facade by file and by room."""
    rooms: dict[str, int] = {}
    for path in sorted(FACADE.rglob("*.py")):
        parts = path.relative_to(FACADE).parts
        room = parts[0] if len(parts) > 1 else "top level"
        count = lines_of_code(path)
        rooms[room] = rooms.get(room, 0) + count
        print(f"{count:6} {'/'.join(parts)}")
    for room, count in rooms.items():
        print(f"{count:6} {room}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
