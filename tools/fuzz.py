"""Ask the sandbox for whatever the contract allows, and for much that it doesn't: `make fuzz`.

Schemathesis makes the requests, and finds an answer that the contract doesn't have. What it can't make anything of is left
out of the document that it reads: the conditionals, which hold for single models, and which the sandbox checks all the same.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from images_api.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi.yaml"
HOOKS = "tools.fuzz_hooks"
_KEY = "sk-fuzz"
# That valid data is taken can't hold without the conditionals.
_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def without_conditionals(part: Any) -> Any:
    """Return a part of a document without its `if`, `then` and `$defs`."""
    if isinstance(part, list):
        return [without_conditionals(each) for each in part if not (isinstance(each, dict) and "if" in each)]
    if isinstance(part, dict):
        kept = {name: without_conditionals(each) for name, each in part.items() if name not in {"if", "then", "else", "$defs"}}
        return {name: each for name, each in kept.items() if (name, each) != ("allOf", [])}
    return part


def main(arguments: list[str]) -> int:
    """Run Schemathesis against a sandbox of its own.

    Args:
        arguments: More of its arguments, such as `--max-examples=1000`.

    Returns:
        Its exit status: 0 where every answer was one of the contract's.
    """
    document = without_conditionals(YAML(typ="safe").load(CONTRACT))
    with tempfile.TemporaryDirectory() as folder, Sandbox(api_key=_KEY, any_model=True) as sandbox:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps(document))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(path),
            "--url",
            sandbox.base_url,
            "--checks",
            _CHECKS,
        ]
        command += ["--header", f"Authorization: Bearer {_KEY}", *arguments]
        return subprocess.run(command, check=False, cwd=ROOT, env=os.environ | {"SCHEMATHESIS_HOOKS": HOOKS}).returncode  # noqa: S603  ourselves


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
