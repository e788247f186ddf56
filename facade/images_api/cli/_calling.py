"""The way of one call at the prompt: checked, sent, saved, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._connecting import connected
from ._facts import model_role, use
from ._failures import ExitStatus
from ._inputs import vendor_fields
from ._live import LiveLine
from ._operations import command_name, parameters, roles
from ._outcome import Outcome
from ._output import Output, fetch
from ._report import of_request
from ._signals import interrupts_later
from ._speaking import speaking
from ._telling import complain, show, show_request, tell
from ._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from images_api import ImagesClient, ImagesResult
    from images_api._contract.operations import Operation

    from ._wishes import Wishes


def call(operation: Operation, given: Mapping[str, Any], wishes: Wishes) -> ExitStatus:
    """Make a call, save what comes of it, and tell of it.

    Args:
        operation: The operation.
        given: The arguments, by the contract's names; None is what wasn't said.
        wishes: All else that the command line says.

    Returns:
        How it ended.

    Raises:
        click.ClickException: What is asked for can't be done; nothing was sent.
    """
    from images_api import ImagesAPIError

    with speaking(wishes.verbosity):
        try:
            with connected(wishes) as client:
                return _Call(operation, given, wishes, client).make()
        except ImagesAPIError as error:  # nothing was sent
            return complain(error, wishes)
        except KeyboardInterrupt as interrupt:
            say(str(interrupt) or "interrupted", "error")
            return ExitStatus.INTERRUPTED


class _Call:
    """A call that is being made."""

    def __init__(self, operation: Operation, given: Mapping[str, Any], wishes: Wishes, client: ImagesClient) -> None:
        self.operation, self.wishes, self.client = operation, wishes, client
        self.extra = vendor_fields(wishes.params, parameters(self.operation))
        self.arguments = {**given, "extra_body": self.extra or None}
        partials = roles().get("partials", "")
        if wishes.partials is not None and self.arguments.get(partials) is None:
            self.arguments[partials] = self._most(partials)
        self.is_streamed = self.arguments.get(partials) is not None
        self.output = Output(wishes)

    def _most(self, name: str) -> int:
        """Return the most that the contract lets the model have of a parameter; 1 where it doesn't say."""
        body = next(iter(self.operation.bodies.values()))
        role = model_role()
        model = self.arguments.get(role) or body.general_defaults.get(role)
        facts = use(self.operation, str(model)).parameters.get(name)
        return int(facts.bounds.get("maximum", 1)) if facts else 1

    def make(self) -> ExitStatus:
        """Check the call, make it, and return how it ended."""
        self._check()
        if self.wishes.dry_run:
            show_request(self.request, self.wishes)
            return ExitStatus.DONE
        outcome = self._asked()
        fetch(outcome)
        with interrupts_later():
            self.output.take(outcome)
            return tell(outcome, self.operation, self.request, self.wishes)

    def _check(self) -> None:
        """Refuse what is wrong before anything is sent, and learn what will be."""
        from images_api._requests.files import OpenFiles
        from images_api._requests.request import CheckedRequest

        with OpenFiles() as files:
            settings = self.client.__getstate__()
            checked = CheckedRequest(settings, self.operation.id, self.arguments, files, stream=self.is_streamed)
            self.request = of_request(checked, self.extra)
            self.count = checked.images
        self.output.check(self.count)

    def _asked(self) -> Outcome:
        """Return what came of the call."""
        from images_api import ImagesAPIError

        model = self.request["fields"].get(model_role())
        outcome = Outcome(asked=self.count)
        try:
            with LiveLine(" ".join(filter(None, [command_name(self.operation), model]))) as line:
                result = self._watched(line, outcome) if self.is_streamed else self._answered()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted: the call may have run, and may be billed") from None
        except ImagesAPIError as error:
            outcome.error = error
            outcome.images, outcome.http = [*getattr(error, "images", ())], getattr(error, "http", None)
        else:
            outcome.result = result
            outcome.images, outcome.http = [*result], result.http
        return outcome

    def _answered(self) -> ImagesResult:
        return self.client._call(self.operation.id, self.arguments)  # noqa: SLF001  what each generated method is

    def _watched(self, line: LiveLine, outcome: Outcome) -> ImagesResult:
        """Return what came of a stream, whose unfinished images are saved and shown."""
        from images_api import PartialImage, ResponseError

        count = 0
        with self.client._stream(self.operation.id, self.arguments) as stream:  # noqa: SLF001  what each generated method is
            for event in stream:
                if not isinstance(event, PartialImage):
                    continue
                count += 1
                line.update(f"unfinished image {count}")
                try:
                    image = event.image
                except ResponseError as error:  # the finished one may be whole
                    outcome.complaints.append(str(error))
                    continue
                self.output.take_partial(image, event.index + 1, outcome)
                show(image, self.wishes)
            return stream.result()
