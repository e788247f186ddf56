"""Write the whole generated package into a folder."""

import json
import os
import re
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import TemplateError
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tools.generator.contract import line_of, read_contract
from tools.generator.document import Schema
from tools.generator.events import write_events
from tools.generator.imports import dead_imports
from tools.generator.methods import methods
from tools.generator.model_rules import ModelRules
from tools.generator.operations import write_operations
from tools.generator.options import write_options
from tools.generator.pins import command_path
from tools.generator.python_types import PythonTypes
from tools.generator.templates import read_fixes, write_templates
from tools.generator.texts import FILTERS

SHIPPED_MODULES = Path(__file__).with_name("package")
_SCHEMA = re.compile(r"/components/\w+/\w+")
# How the generator shows texts of the contract that it quotes in a list.
_UNSHOWN = re.compile(r"<[\w.]+UntrustedString object at \w+>")


class GenerationError(Exception):
    """The generator said something; a package with pieces missing is no package."""


def write_package(openapi: Path, config: Path, target: Path) -> None:
    """Write the package that the contract stands for.

    Args:
        openapi: The contract, `openapi.yaml`.
        config: The generator's configuration, `generator-config.yml`.
        target: The folder to fill; it is made, and must not exist.

    Raises:
        ContractError: The contract can't be read or isn't valid.
        FixError: A mend of the generator's templates no longer applies.
        GenerationError: The generator gave an error or a warning, its configuration or a template is wrong, or the package
            lacks a module that it imports.
    """
    document = read_contract(openapi)
    copy = target / "openapi.json"
    settings = _settings(config, copy, target)
    target.mkdir(parents=True)
    for module in sorted(SHIPPED_MODULES.glob("*.py")):
        shutil.copyfile(module, target / module.name)
    copy.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    (target / "py.typed").touch()
    with TemporaryDirectory() as templates, _own_tools_on_path(), redirect_stdout(StringIO()):
        write_templates(read_fixes(), Path(templates))
        try:
            made, types, rules = list(methods(document)), PythonTypes(document), ModelRules(document)
            write_options(made, types, rules, target / "options.py")
            write_operations(made, types, rules, settings, target / "operations.py")
            write_events(document, settings, target / "events.py")
            problems = _build(document, settings, Path(templates))
        except TemplateError as error:
            why = f"a template is missing or broken: {type(error).__name__}: {error}"
            remedy = "`git restore tools/generator` brings back this project's, `make clean generate` the generator's"
            raise GenerationError(f"{why}. {remedy}.") from error
        except OSError as error:
            # A module has the name of an operation, a schema or a tag.
            raise GenerationError(f"a file can't be written: {error}") from error
    if problems:
        remedy = "None of this may be passed over: change openapi.yaml, generator-config.yml, or what tools/generator adds."
        raise GenerationError("\n".join([*(_described(problem, openapi) for problem in problems), remedy]))
    lost = list(_lost_modules(target))
    if lost:
        remedy = "`git restore tools/generator/package` brings back a module that was deleted"
        raise GenerationError("\n".join([*lost, f"{remedy}; else look at the fixes that import it."]))
    for cache in target.rglob(".ruff_cache"):
        shutil.rmtree(cache)


def _build(document: Schema, settings: Config, templates: Path) -> Sequence[GeneratorError]:
    """Run openapi-python-client with our way to quote texts."""
    components = document.get("components", {})
    # A title would be the name of the schema's class, which goes by that of the schema here.
    schemas = {
        name: {key: part for key, part in schema.items() if key != "title"}
        for name, schema in components.get("schemas", {}).items()
    }
    data = GeneratorData.from_dict({**document, "components": {**components, "schemas": schemas}}, config=settings)
    if isinstance(data, GeneratorError):
        return [data]
    project = Project(openapi=data, config=settings, custom_template_path=templates)
    project.env.filters |= FILTERS
    return project.build()


def _settings(config: Path, openapi: Path, target: Path) -> Config:
    try:
        told = YAML(typ="safe").load(config)
        unknown = sorted(told.keys() - ConfigFile.model_fields.keys())
        if unknown:
            raise GenerationError(f"{config}: the generator knows no {', '.join(unknown)}.")
        file = ConfigFile(**told)
    except (AttributeError, OSError, ValueError, YAMLError) as error:
        raise GenerationError(f"{config}: {error}") from error
    return Config.from_sources(
        file,
        meta_type=MetaType.NONE,
        document_source=openapi,
        file_encoding="utf-8",
        overwrite=True,
        output_path=target,
    )


def _described(problem: GeneratorError, openapi: Path) -> str:
    text = _UNSHOWN.sub("...", f"{problem.header}: {problem.detail or ''}".strip())
    schema = _SCHEMA.search(text)
    return f"{line_of(openapi, schema[0])}: {text}" if schema else text


def _lost_modules(package: Path) -> Iterator[str]:
    for module in sorted(package.rglob("*.py")):
        for dead in dead_imports(module, package):
            yield f"{module.relative_to(package)}:{dead.line}: {dead.name} isn't in {dead.module}"


@contextmanager
def _own_tools_on_path() -> Generator[None]:
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = command_path()
    try:
        yield
    finally:
        os.environ["PATH"] = before
