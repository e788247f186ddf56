"""Calls of the facade on whatever contract is on the path, with what became of each.

Run by test_regenerate.py with a JSON list of [method, arguments], and the base URL of a server; without one, the sandbox of the
same path answers, and the facade lets everything pass. Prints a JSON object: where the facade comes from, the options that
`generate` documents with their types, and of each call its problems, what is wrong with
its arguments, or else the server's status.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal, get_type_hints

import images_api
from images_api import APIStatusError, ImagesClient, InvalidRequestError
from images_api.sandbox import Sandbox
from images_api_client import options


def attempt(client: ImagesClient, method: str, arguments: dict[str, Any]) -> int | str | list[tuple[str, str]]:
    try:
        getattr(client, method)(**arguments)
    except TypeError as error:
        return str(error)
    except InvalidRequestError as error:
        return [(problem.parameter, problem.why) for problem in error.problems]
    except APIStatusError as error:
        return error.status_code
    return 200


def main(calls: str, base_url: str = "") -> None:
    hints = get_type_hints(options.CreateImageOptions)
    with Sandbox(any_model=True) as own:
        validate: Literal["strict", "off"] = "strict" if base_url else "off"
        with ImagesClient(base_url=base_url or own.base_url, validate=validate, max_retries=0) as client:
            outcomes = [attempt(client, method, arguments) for method, arguments in json.loads(calls)]
    types = {name: str(hint) for name, hint in hints.items()}
    json.dump({"facade": images_api.__file__, "options": types, "outcomes": outcomes}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
