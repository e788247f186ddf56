"""Write the choices of the contract, and the operations' options as TypedDicts."""

from collections.abc import Iterable
from pathlib import Path

from tools.generator.descriptions import Descriptions, described
from tools.generator.methods import Method, Parameter
from tools.generator.model_rules import ModelRules
from tools.generator.python_types import Field, PythonTypes, TypedDictionary
from tools.generator.rendering import render

_ALL_OPTIONS = "ImageOptions"


def write_options(methods: Iterable[Method], types: PythonTypes, rules: ModelRules, target: Path) -> None:
    """Write `options.py`.

    Args:
        methods: The methods of its operations.
        types: The contract's types, to which those of the options are added.
        rules: The contract's per-model rules.
        target: The file to write.
    """
    united = TypedDictionary(_ALL_OPTIONS, "All options of all operations, such as a client's defaults for all its calls.")
    typed_dicts = [united]
    same: dict[str, list[Parameter]] = {}
    for method in methods:
        descriptions = Descriptions(method, rules)
        options = TypedDictionary(method.options_name, method.operation.definition["summary"])
        for each in method.parameters:
            types.annotation([each])  # which names the types of the arguments as well
        for each in method.options:
            options.fields.append(Field(each.python_name, types.annotation([each]), descriptions.of(each)))
            same.setdefault(each.python_name, []).append(each)
        typed_dicts.append(options)
    for name, parameters in same.items():
        united.fields.append(Field(name, types.annotation(parameters), described(rules.document, parameters[0].schema)))
    typed_dicts = sorted([*typed_dicts, *types.typed_dicts.values()], key=lambda each: each.name)
    choices = [types.choices[name] for name in sorted(types.choices)]
    names = sorted([*types.choices, *(each.name for each in typed_dicts)])
    target.write_text(render("options.py.jinja", names=names, choices=choices, typed_dicts=typed_dicts), encoding="utf-8")
