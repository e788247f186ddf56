"""The command `images-api`: what lies under it, and how it ends."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click
from click.shell_completion import get_completion_class

from images_api._contract.document import document

from ._failures import ExitStatus
from ._operations import commands
from ._signals import tidy_end
from ._terminal import ClosedPipe, say, write

_NAME = "images-api"
# Each is in a module of its name.
_LOADED_LATER = ("models", "bulk")
_SHELLS = ("bash", "fish", "zsh")


class _Commands(click.Group):
    """The commands of the contract, and those beside them; each is made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names, as the help lists them."""
        return [*commands(), *_LOADED_LATER, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command."""
        if cmd_name in _LOADED_LATER:
            return cast("click.Command", getattr(import_module(f"{__package__}._{cmd_name}"), cmd_name))
        if cmd_name in commands():
            from ._commands import OperationCommand

            return OperationCommand(commands()[cmd_name])
        return super().get_command(ctx, cmd_name)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  the signature is click's
        """Write what the exit statuses mean."""
        with formatter.section("Exit status"):
            formatter.write_dl([(str(each.value), each.meaning) for each in ExitStatus])


@click.group(_NAME, cls=_Commands, help="Create, edit and vary images with the Images API.")
@click.version_option(document()["info"]["version"], message="%(prog)s %(version)s")
def app() -> None:
    """Do nothing: a command does."""


# Its own options are argparse's: the sandbox needs no click.
@app.command(
    "sandbox",
    short_help="Serve the Images API on this machine, with placeholder images.",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sandbox(ctx: click.Context, arguments: tuple[str, ...]) -> int:
    """Serve the sandbox."""
    from images_api.sandbox.__main__ import main

    return main(arguments, program=ctx.command_path)


@app.command("completion", short_help="Print what makes a shell complete these commands.")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options, choices and models.

    \b
    bash: eval "$(images-api completion bash)" in ~/.bashrc
    zsh:  eval "$(images-api completion zsh)" in ~/.zshrc
    fish: images-api completion fish > ~/.config/fish/completions/images-api.fish
    """  # noqa: D301  click takes the character itself for the mark of lines that stay as they are
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(f"click knows {shell}")
    write(kind(app, {}, _NAME, f"_{_NAME}_COMPLETE".replace("-", "_").upper()).source())


def run() -> int:  # noqa: PLR0911  one case a way to end
    """Run the command with the arguments of the process, and return its exit status."""
    try:
        with tidy_end():
            return app.main(prog_name=_NAME, standalone_mode=False) or ExitStatus.DONE
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return ExitStatus.USAGE
    except click.UsageError as error:
        say(error.format_message(), "error")
        if error.ctx is not None:
            say(f"{error.ctx.command_path} --help tells more")
        return ExitStatus.USAGE
    except click.ClickException as error:
        say(error.format_message(), "error")
        return ExitStatus.FAILED
    except click.Abort:
        return ExitStatus.INTERRUPTED
    except ClosedPipe:
        return ExitStatus.CLOSED_PIPE
    except (ImportError, OSError) as error:
        say(str(error), "error")
        return ExitStatus.FAILED
