"""Write the choices of the contract, and the operations' options as TypedDicts."""

from collections.abc import Iterable
from pathlib import Path

from tools.generator.descriptions import described
from tools.generator.document import Schema
from tools.generator.methods import Method, Parameter
from tools.generator.python_types import Field, PythonTypes, TypedDictionary
from tools.generator.rendering import render

_ALL_OPTIONS = "ImageOptions"


def write_options(document: Schema, methods: Iterable[Method], types: PythonTypes, target: Path) -> None:
    """Write `options.py`.

    Args:
        document: The contract.
        methods: The methods of its operations.
        types: The contract's types, to which those of the options are added.
        target: The file to write.
    """
    all_options: dict[str, list[Parameter]] = {}
    typed_dicts = []
    for method in methods:
        options = {each.python_name: [each] for each in method.options}
        for name, parameters in options.items():
            all_options.setdefault(name, []).extend(parameters)
        name = method.operation.id[0].upper() + method.operation.id[1:] + "Options"
        typed_dicts.append(_typed_dict(document, types, name, method.operation.definition["summary"], options))
    what = "All options of all operations, such as a client's defaults for all its calls."
    typed_dicts.append(_typed_dict(document, types, _ALL_OPTIONS, what, all_options))
    typed_dicts += types.typed_dicts.values()
    typed_dicts.sort(key=lambda each: each.name)
    choices = [types.choices[name] for name in sorted(types.choices)]
    names = sorted([*types.choices, *(each.name for each in typed_dicts)])
    target.write_text(render("options.py.jinja", names=names, choices=choices, typed_dicts=typed_dicts), encoding="utf-8")


def _typed_dict(
    document: Schema, types: PythonTypes, name: str, description: str, options: dict[str, list[Parameter]]
) -> TypedDictionary:
    fields = []
    for key, parameters in options.items():
        names = [name for each in parameters for _, schema in each.schemas for name in types.names(schema)]
        fields.append(Field(key, " | ".join(types.united([*names, "None"])), described(document, parameters[0].schema)))
    return TypedDictionary(name, description, fields)
