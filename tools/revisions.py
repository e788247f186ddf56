"""Files of this project as git has them."""

import subprocess
from pathlib import Path


class RevisionError(Exception):
    """A revision can't be read; the message says why."""


def check_revision(revision: str, folder: Path) -> None:
    """Look a revision up.

    Args:
        revision: A commit, a tag or a branch.
        folder: A folder of the repository.

    Raises:
        RevisionError: There is none of that name, no repository, or no git.
    """
    if revision.startswith("-"):
        raise RevisionError(f"{revision} is no revision.")
    done = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise RevisionError(f"git finds no revision {revision} of {folder}{f': {why}' if why else ''}.")


def content_at(revision: str, folder: Path, path: Path) -> bytes | None:
    """Return what a file held in a revision; None where it wasn't there.

    Args:
        revision: A commit, a tag or a branch.
        folder: A folder of the repository.
        path: The file, relative to that folder; it need not be there today.

    Raises:
        RevisionError: There is no such revision, no repository, or no git.
    """
    check_revision(revision, folder)
    done = _git(folder, "show", f"{revision}:./{path.as_posix()}")
    return None if done.returncode else done.stdout


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603, S607  git, as installed
    except OSError as error:
        raise RevisionError(f"git can't be run: {error.strerror}.") from error
