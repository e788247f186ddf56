"""What a command line asks for beside the parameters of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Wishes:
    """How a call is made, and what becomes of its images.

    Attributes:
        output: Where the images go: a file, a folder, a template, or `-` for the standard output.
        overwrite: Whether files that are there may be replaced.
        sidecar: Whether a JSON file beside each image says where it comes from.
        as_json: Whether the standard output is one JSON object.
        partials: The folder for unfinished images; None for nowhere.
        preview: How images are shown on the terminal; None for not at all.
        launch: Whether images are opened with the system's viewer.
        base_url: The server; None for the environment's.
        key_file: The file that holds the key; None for the environment's.
        auth_header: The header that carries the key; None for the usual one.
        timeout: Seconds for the whole call; None for the client's.
        retries: How often it may be sent again; None for the client's.
        validate: What becomes of a call that breaks the contract.
        params: The vendor's own fields, each as NAME=JSON.
        local: Whether a sandbox is started for the call.
        dry_run: Whether the checked request is shown and not sent.
        flags: What the command line calls the arguments of a call, by their names.
        verbosity: How much is said: 1 tells of the call, 2 of each try, with tracebacks.
    """

    output: str = "./"
    overwrite: bool = True
    sidecar: bool = False
    as_json: bool = False
    partials: str | None = None
    preview: str | None = None
    launch: bool = False
    base_url: str | None = None
    key_file: str | None = None
    auth_header: str | None = None
    timeout: float | None = None
    retries: int | None = None
    validate: str = "strict"
    params: tuple[str, ...] = ()
    local: bool = False
    dry_run: bool = False
    flags: Mapping[str, str] = field(default_factory=dict)
    verbosity: int = 0
