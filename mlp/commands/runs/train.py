"""Train the network that a config file describes.

mlp train --config config.yaml
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from mlp.commands.arguments import Parser, config_of
from mlp.config import Config
from mlp.figures import curve_process
from mlp.languages.choice import add_language
from mlp.system import command_line, signals
from mlp.system.errors import InputError


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Train a network to classify two or more digits.")
    parser.add_config()
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="the run's directory (default: the next number)"
    )
    parser.add_argument(
        "--resume",
        type=command_line.path,
        metavar="RUN",
        help="resume the run in this directory; with --config, start it if it does not exist",
    )
    parser.add_argument(
        "--live", action="store_true", help="keep RUN/live.html up to date, the same as --set output.live=true"
    )
    add_language(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but warnings and errors")
    options = parser.parse_args(arguments)
    if options.live:
        options.set = [*options.set, "output.live=true"]
    if options.resume and options.output:
        raise InputError("--output is for a new run, --resume for an existing one: give one of them")
    is_resumed = options.resume and options.resume.exists()
    if options.resume and not is_resumed and not options.config:
        raise InputError(f"{options.resume}: no such run: to start it there, add --config FILE")
    settings = None if is_resumed else config_of(options)
    with _drawing(settings, options.lang) as draw:
        with signals.deferred():  # an interrupted import leaves half a module behind
            from mlp.commands import training  # NumPy, and all that trains: matplotlib is imported at the same time
        signals.check()
        caller = training.as_caller(draw, quiet=options.quiet, language=options.lang)
        if settings is not None:
            training.begin(settings, options.output or options.resume, caller)
        elif not training.resume(options.resume, options.config, options.set, caller) and not options.quiet:
            print(training.why_finished(options.resume, options.lang))


def _drawing(settings: Config | None, language: str) -> AbstractContextManager[curve_process.Draw]:
    """What draws the curve, in this language: a second process, if this one ends with the command.

    If the run makes a report, which needs matplotlib in this process anyway, it is this process.
    """
    if not signals.owns_process() or (settings is not None and settings.output.report):
        return nullcontext(partial(curve_process.draw_here, language=language))
    return curve_process.started(1 if settings is None else settings.training.threads, language)
