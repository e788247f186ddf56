"""Whether the handwritten facade still fits the contract: what it says by name must be there, and all that it must say be said.

The facade is read, never imported. Which of its functions makes which operation is seen from the operation's id in the
function, and which methods offer it from their calls of that function; so no list is kept here.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openapi_python_client.strings import snake_case

from tools.generator.document import Operation, Schema, operations, resolved
from tools.generator.imports import dead_imports
from tools.generator.options import SAID_BY_THE_METHOD, arguments, request_schemas

_REQUESTS = "_requests/request.py"
_CLIENT = "_client.py"


@dataclass(frozen=True)
class _Name:
    """A parameter's name as handwritten code says it."""

    text: str
    line: int
    guarded: bool = False
    """Whether the code asks first whether the request has it."""


@dataclass(frozen=True)
class _Method:
    """A public method of the clients, and which function makes its request."""

    name: str
    line: int
    makes: str
    arguments: frozenset[str]


def misfits(facade: Path, package: Path) -> Iterator[str]:
    """Yield what must be changed by hand: where, why and how.

    Args:
        facade: The folder of the facade.
        package: The generated package, made of the contract as it is now.
    """
    document: Schema = json.loads((package / "openapi.json").read_bytes())
    modules = sorted(facade.rglob("*.py"))
    broken = [why for module in modules if (why := _no_python(module))]
    if broken:
        yield from broken
        return
    for module in modules:
        for dead in dead_imports(module, package):
            remedy = "Was its operationId, tag or schema renamed? Import its new name, or remove what uses it"
            yield f"{module}:{dead.line}: the contract no longer makes {dead.module}.{dead.name}. {remedy}."
    requests, client = facade / _REQUESTS, facade / _CLIENT
    functions, methods = _functions(requests), _methods(client)
    makes: dict[str, list[Operation]] = {name: [] for name in functions}
    for operation in operations(document):
        offered = False
        for name, function in functions.items():
            offering = [method for method in methods if method.makes == name]
            if offering and operation.id in _texts(function):
                offered = True
                makes[name].append(operation)
                yield from _unlike(document, operation, offering, function, client)
        if not offered:
            yield _unmade(operation, requests, client)
    for part, names in _names(requests).items():
        shared = part not in functions
        users = [name for name, function in functions.items() if part in _identifiers(function)] if shared else [part]
        made = [operation for user in users for operation in makes[user]]
        yield from _unknown(document, made, names, requests, shared=shared)


def _unmade(operation: Operation, requests: Path, client: Path) -> str:
    definition = operation.definition
    tag = snake_case((definition.get("tags") or ["default"])[0])
    return (
        f"{client}: no method makes {operation.id} ({operation.method.upper()} {operation.path}). Write a function in "
        f"{requests} that makes its request, and in _Operations the method that calls it. Until then, "
        f"client.low_level has it, in images_api_client.api.{tag}.{snake_case(operation.id)}."
    )


def _unlike(
    document: Schema, operation: Operation, offering: list[_Method], function: ast.FunctionDef, client: Path
) -> Iterator[str]:
    """Yield where methods' arguments aren't those that their operation needs."""
    wanted = arguments(document, operation)
    possible = {name for body in request_schemas(document, operation) for name in body.get("properties", {})}
    elsewhere = {resolved(document, parameter)["name"] for parameter in operation.parameters}
    there = f"and in {function.name} of {_REQUESTS}"
    faults: dict[str, list[_Method]] = {}
    for method in offering:
        for name in wanted - method.arguments - _texts(function) - SAID_BY_THE_METHOD:
            why = f"{operation.id} takes `{name}`, which is required or a picture, and so no option: add it there, {there}"
            faults.setdefault(why, []).append(method)
        for name in method.arguments - wanted - elsewhere:
            now = f"`{name}` is an option of {operation.id} now" if name in possible else f"{operation.id} has no `{name}`"
            faults.setdefault(f"{now}: rename or remove it there, {there}", []).append(method)
    for why, methods in sorted(faults.items()):
        yield f"{client}:{methods[0].line}: {', '.join(method.name for method in methods)}: {why}."


def _unknown(document: Schema, made: list[Operation], names: list[_Name], requests: Path, *, shared: bool) -> Iterator[str]:
    """Yield which names no request has. What all operations share, and say unasked, every request must have."""
    bodies = {
        body["schema"]["$ref"].rpartition("/")[2]: schema.get("properties", {})
        for operation in made
        for body, schema in zip(operation.bodies.values(), request_schemas(document, operation), strict=True)
    }
    for name in names:
        without = [body for body, properties in bodies.items() if name.text not in properties]
        if without and (len(without) == len(bodies) or (shared and not name.guarded)):
            yield f"{requests}:{name.line}: `{name.text}` is no parameter of {', '.join(without)}: rename or remove it."


def _functions(module: Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in _tree(module).body if isinstance(node, ast.FunctionDef)}


def _methods(client: Path) -> list[_Method]:
    found = []
    for owner in _tree(client).body:
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                given = frozenset(argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]) - {"self"}
                found += [_Method(node.name, node.lineno, makes, given) for makes in sorted(_calls(node))]
    return found


def _calls(node: ast.AST) -> set[str]:
    """Return which functions of `_requests` are called."""
    module = _REQUESTS.removesuffix(".py")
    callees = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return {
        callee.attr
        for callee in callees
        if isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.value.id == module
    }


def _names(requests: Path) -> dict[str, list[_Name]]:
    """Return which parameters are set or read by name, `fields["x"]` or `fields.get("x")`, by function or class."""
    found: dict[str, list[_Name]] = {}
    for part in _tree(requests).body:
        if not isinstance(part, ast.FunctionDef | ast.ClassDef):
            continue
        asked = {
            node.left.value
            for node in ast.walk(part)
            if isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Constant)
            and isinstance(node.ops[0], ast.In)
            and ast.unparse(node.comparators[0]).endswith("properties")
        }
        for node in ast.walk(part):
            if isinstance(node, ast.Subscript):
                holder, name = node.value, node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
                holder, name = node.func.value, node.args[0]
            else:
                continue
            if isinstance(holder, ast.Attribute) and holder.attr == "fields" and isinstance(name, ast.Constant):
                found.setdefault(part.name, []).append(_Name(str(name.value), node.lineno, guarded=name.value in asked))
    return {part: list({name.text: name for name in names}.values()) for part, names in found.items()}


def _identifiers(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _no_python(module: Path) -> str | None:
    try:
        _tree(module)
    except SyntaxError as error:
        return f"{module}:{error.lineno}: {error.msg}, so that it can't be compared. Mend it, then run this again."
    return None


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_bytes(), module.name)
