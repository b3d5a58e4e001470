"""``mlp.train``: a run from a program or a notebook, with the same bytes as ``train.py`` makes."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from mlp import config as configuration
from mlp import run as one_run
from mlp.config import Config
from mlp.library import interruptible, kept_arrays, relayed_progress
from mlp.library.interruptible import Waiter
from mlp.library.run import Run, load
from mlp.run import Caller, Warn
from mlp.runs import checkpoint
from mlp.runs import directory as run_directory
from mlp.runs.manifest import FAILED, FINISHED, INTERRUPTED
from mlp.system import progress
from mlp.system.errors import CheckFailed, Diverged, Error, InputError
from mlp.system.files import StrPath, given_path, make_folder
from mlp.training import from_config
from mlp.training.progress import Epoch

Options = Config | StrPath | Mapping[str, Any] | None
FRAMES_TO_USER = 8
"""From a warning, made for the run in the caller's thread, to the call of ``train``."""


def train(
    config: Options = None,
    *,
    output: StrPath | None = None,
    resume: StrPath | None = None,
    images: tuple[Any, Any] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    verbose: bool = False,
) -> Run:
    """Train a run, write all its files, and return it.

    config: a mapping of sections, such as ``{"training": {"epochs": 3}}``, whose paths are relative to the working
        folder; or the path of a config file; or a run's ``config``; None for the defaults.
    output: the run's directory, which must be empty or absent; None for the next number in ``output.directory``.
    resume: the directory of a run to resume, or to start if it does not exist; options that a mapping leaves out are
        then the run's own. A finished run is returned as it is.
    images: the training images as arrays: uint8 (n, rows, columns) or (n, pixels), and labels, integers (n,). They
        are written as IDX files into a folder beside the run, where they are found again.
    on_epoch: called in this thread with each row of the history; if it returns True, the run ends after that epoch,
        as finished.
    verbose: show a progress bar on a terminal, or in a notebook that has ipywidgets; elsewhere print a line for each
        epoch, to stderr or, in a notebook, to stdout.

    It may be called in any thread, and changes no signal handler. KeyboardInterrupt ends the run, after its checkpoint
    is saved. Raises mlp.InputError, mlp.Diverged, mlp.CheckFailed or OSError if one of these ends the run, and what
    ``on_epoch`` raises; a note of the exception says how to resume the run.
    """
    if output is not None and resume is not None:
        raise InputError("output is for a new run, resume for an existing one: give one of them")
    if on_epoch is not None and not callable(on_epoch):
        raise InputError(f"on_epoch: must be a function of a row of the history, not {on_epoch!r:.60}")
    places: list[Path] = []
    try:
        interruptible.run(
            lambda waiter: _work(
                _caller(waiter, on_epoch, verbose=verbose), config, output, resume, images, places.append
            )
        )
    except BaseException as error:
        if places and checkpoint.exists(places[0]) and not isinstance(error, Diverged | CheckFailed):
            error.add_note(f"resume with: {_resume_call(places[0])}")
        if isinstance(error, Error | KeyboardInterrupt):
            # the message is enough: a notebook would show a screen of mlp's code
            raise error.with_traceback(None) from error.__cause__
        raise
    return load(places[0])


def _work(
    caller: Caller,
    config: Options,
    output: StrPath | None,
    resume: StrPath | None,
    images: tuple[Any, Any] | None,
    begin: Callable[[Path], object],
) -> None:
    """Begin or resume a run; ``begin`` gets its directory."""
    given = output if resume is None else resume
    directory = None if given is None else given_path(given).absolute()

    @cache
    def settings_for(known: Config | None) -> Config:
        return _settings(config, images, directory, known, caller.warn)

    if directory is None or resume is None:
        settings = from_config.resolved(settings_for(None))
        one_run.train(settings, _begun(run_directory.new(settings, directory, caller.warn), begin), caller)
        return
    if not directory.exists():
        if config is None:
            raise InputError(f"{resume}: no such run: to start it there, give a config")
        from_config.resolved(settings_for(None))  # before the folder is made
        with suppress(FileExistsError):  # another run was quicker: this one resumes it, once its lock is free
            make_folder(directory)
    begin(directory)
    one_run.resume(directory, settings_for, caller)


@contextmanager
def _begun(new: AbstractContextManager[run_directory.Run], begin: Callable[[Path], object]) -> Iterator[Any]:
    with new as run:
        begin(run.directory)
        yield run


def _settings(
    config: Options, images: tuple[Any, Any] | None, directory: Path | None, known: Config | None, warn: Warn
) -> Config:
    """The config to train with; ``known`` is that of the run in the directory."""
    if isinstance(config, Config):
        settings = config
    elif config is None or isinstance(config, Mapping):
        settings = configuration.of_mapping(config or {}, known)
    else:
        settings = configuration.load(given_path(config))
    if images is None:
        kept_arrays.check_there(settings.data.directory)
        return settings
    beside = settings.output.directory if directory is None else directory.parent
    return settings.with_values({"data.directory": kept_arrays.keep(images, beside, warn)})


def _caller(waiter: Waiter, on_epoch: Callable[[Epoch], object] | None, *, verbose: bool) -> Caller:
    """The calling thread as the caller of a run."""
    return Caller(
        warn=partial(waiter.call, _warn),
        next_steps=_next_steps,
        show=partial(relayed_progress.shown, waiter) if verbose else progress.silent,
        on_epoch=partial(waiter.call, on_epoch) if on_epoch is not None else lambda row: None,
        check=waiter.check,
        computing=nullcontext(),
    )


def _resume_call(directory: Path) -> str:
    """The call that resumes the run."""
    return f"mlp.train(resume={str(directory)!r})"


def _next_steps(directory: Path, status: str) -> dict[str, str]:
    """The calls for a run that has ended with this status, by the keys of their purposes."""
    if status == FINISHED:
        return {"live.evaluate": f"mlp.load({str(directory)!r}).evaluate()"}
    if status in (INTERRUPTED, FAILED) and checkpoint.exists(directory):
        return {"live.resume": _resume_call(directory)}
    return {}


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=FRAMES_TO_USER)
