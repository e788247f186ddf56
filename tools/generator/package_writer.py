"""Write the whole generated package into a folder."""

import json
import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from tools.generator.contract import read_contract
from tools.generator.options import write_options
from tools.generator.templates import read_fixes, write_templates

SHIPPED_MODULES = Path(__file__).with_name("package")


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
        GenerationError: The generator gave an error or a warning, or ruff isn't there.
    """
    document = read_contract(openapi)
    target.mkdir(parents=True)
    for module in sorted(SHIPPED_MODULES.glob("*.py")):
        shutil.copyfile(module, target / module.name)
    write_options(document, target / "options.py")
    (target / "openapi.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (target / "py.typed").touch()
    with TemporaryDirectory() as templates, _own_tools_on_path(), redirect_stdout(StringIO()):
        write_templates(read_fixes(), Path(templates))
        problems = generate(
            config=Config.from_sources(
                ConfigFile.load_from_path(config),
                meta_type=MetaType.NONE,
                document_source=openapi,
                file_encoding="utf-8",
                overwrite=True,
                output_path=target,
            ),
            custom_template_path=Path(templates),
        )
    if problems:
        raise GenerationError("\n".join(f"{problem.header}: {problem.detail}" for problem in problems))
    for cache in target.rglob(".ruff_cache"):
        shutil.rmtree(cache)


@contextmanager
def _own_tools_on_path() -> Generator[None]:
    # The generator's hooks look for ruff on the PATH; a virtual environment that isn't activated isn't on it.
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
