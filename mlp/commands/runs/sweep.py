"""Train a config many times, with some of its options varied.

    mlp sweep --config config.yaml --vary training.learning_rate=0.3,1,3 --vary training.seed=0..9

Each combination is one run, on this machine's cores or, with --scheduler, on a Dask cluster. After a stop, the same
command resumes the unfinished runs.
"""

import re
from argparse import ArgumentTypeError, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlp.commands.arguments import Parser, config_of
from mlp.sweeps import folder as folders
from mlp.sweeps import grid as grids
from mlp.sweeps.results import PICTURES, Results, pair_errors
from mlp.sweeps.worker import DONE, TOKEN, Outcome, Status, Task
from mlp.system import command_line, progress, signals
from mlp.system.command_line import display_path, warn
from mlp.system.errors import Diverged, InputError, Interrupted
from mlp.system.files import check_same, identity, remove

MAX_JOBS = 1024
"""Processes at a time: more than the cores of a machine, fewer than its system can hold."""
ADDRESS = re.compile(r"(?:tcp|tls)://([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    grid = grids.from_options(config_of(options), options.vary, options.set, all_pairs=bool(options.pairs))
    directory = options.output or folders.default_folder(grid)
    with signals.deferred(), folders.opened(grid, directory, warn) as tasks:
        place = identity(directory)
        outcomes = {outcome.name: outcome for outcome in run_tasks(tasks, options)}
        check_not_stopped(outcomes, len(tasks), directory)
        results = Results(grid, outcomes)
        check_same(directory, place)
        report(results, directory)
    check_results(results)


def parse(arguments: Sequence[str]) -> Namespace:
    parser = Parser(description="Train a config many times, with some of its options varied.")
    parser.add_config()
    parser.add_argument(
        "--vary",
        action="extend",
        nargs="+",
        default=[],
        metavar="SECTION.KEY=VALUES",
        help="an option and its values, such as training.learning_rate=0.3,1,3 or training.seed=0..9",
    )
    parser.add_argument(
        "--pairs", choices=["all"], help="vary data.digits over all 45 pairs, and evaluate each run on the test images"
    )
    parser.add_argument(
        "--output",
        type=command_line.path,
        metavar="DIR",
        help="the sweep's folder (default: named after the varied options)",
    )
    parser.add_argument("--jobs", type=jobs, metavar="N", help="runs at a time on this machine (default: one per core)")
    parser.add_argument(
        "--scheduler",
        type=address,
        metavar="ADDRESS",
        help="use a Dask cluster: its scheduler's address, such as tcp://host:8786",
    )
    options = parser.parse_args(arguments)
    if options.jobs and options.scheduler:
        raise InputError("--jobs is for this machine, --scheduler for a cluster: give one of them")
    for module in ["joblib", *(["distributed"] if options.scheduler else [])]:
        command_line.require(module, extra="sweep")
    return options


def jobs(text: str) -> int:
    return command_line.integer_at_least(text, 1, MAX_JOBS)


def address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise ArgumentTypeError(f"must be like tcp://host:8786, not {text}")
    return text


def run_tasks(tasks: Sequence[Task], options: Namespace) -> Iterator[Outcome]:
    """Do the tasks, and print each outcome to stderr; on a terminal a bar shows the time left."""
    from mlp.sweeps import executor  # joblib is slow to import, and not needed to report bad input

    if options.scheduler:
        from mlp.sweeps import dask_cluster  # slow to import, too

        workers = dask_cluster.cluster(options.scheduler, warn)
    else:
        workers = executor.local(options.jobs, len(tasks))
    with (
        workers as at_work,
        progress.shown(total=len(tasks), unit=" runs") as shown,
    ):

        def warn_above(message: str) -> None:
            with shown.beside():
                warn(message)

        for number, outcome in enumerate(executor.outcomes(tasks, at_work, warn_above), 1):
            for warning in outcome.warnings:
                warn_above(f"{outcome.name}: {warning}")
            shown.say(f"run {number:{len(str(len(tasks)))}}/{len(tasks)}: {describe(outcome)}")
            shown.advance(1)
            yield outcome


def describe(outcome: Outcome) -> str:
    """One line for the terminal."""
    if outcome.result is None:
        return ": ".join(filter(None, [outcome.name, outcome.status.value, " ".join(outcome.message.split())]))
    kept, seconds = outcome.result.kept, sum(row.seconds for row in outcome.result.history)
    figures = f"loss {kept.figure('loss'):.6f}, errors {1 - kept.figure('accuracy'):.2%}"
    return f"{outcome.name}: {figures}; " + (f"{seconds:.2f} s" if outcome.is_new else "finished before")


def check_not_stopped(outcomes: dict[str, Outcome], count: int, directory: Path) -> None:
    """Raises Interrupted if a signal was heard, InputError if another sweep took the folder."""
    done = sum(outcome.status in DONE for outcome in outcomes.values())
    try:
        signals.check()
    except Interrupted as stop:
        stop.add_note(f"{done:,} of {count:,} runs are done: give the same command again to resume")
        raise
    if any(outcome.status == Status.INTERRUPTED for outcome in outcomes.values()):
        raise InputError(
            f"{directory / TOKEN}: removed, or replaced by another sweep: {done:,} of {count:,} runs are done: give "
            "the same command again to resume"
        )


def report(results: Results, directory: Path) -> None:
    """Write, draw and print the results."""
    results.write_csv(directory / "sweep.csv")
    for name in PICTURES:  # of an earlier call
        remove(directory / name)
    if results.best is None:
        return
    print("\n".join([results.table(), "", *results.notes]))
    if results.grid.has_all_pairs:
        print(f"hardest pairs, by test errors: {', '.join(hardest(results))}")
    from mlp.sweeps import figures  # matplotlib is slow to import

    best = directory / results.best.outcome.name
    print(f"table:   {display_path(directory / 'sweep.csv')}")
    for path in figures.draw_results(directory, results):
        print(f"picture: {display_path(path)}")
    if not results.grid.has_all_pairs:  # the best run would only be the easiest pair
        print(f"best:    {display_path(best)} (by {results.criterion_name})")
        print(f"next:    {command_line.command('evaluate')} {display_path(best)}")


def hardest(results: Results) -> Iterator[str]:
    """The five pairs with the most errors of the best setting."""
    errors = pair_errors(results.settings[0])
    for a, b in sorted(errors, key=lambda pair: -errors[pair])[:5]:
        yield f"{a}/{b} {errors[a, b]:.2%}"


def check_results(results: Results) -> None:
    """Raises InputError if runs failed, with each reason and its first run; Diverged if none finished."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for outcome in results.outcomes.values():
        if outcome.status == Status.FAILED:
            reasons[outcome.message].append(outcome.name)
    if reasons:
        count = sum(map(len, reasons.values()))
        head = f"{count:,} of {len(results.grid):,} runs failed: to try them again, give the same command again:"
        lines = [
            f"{names[0]}{f' and {len(names) - 1:,} more' if names[1:] else ''}: {' '.join(message.split())}"
            for message, names in reasons.items()
        ]
        raise InputError(head, *lines)
    if not results.finished:
        endings = sorted({outcome.status.value for outcome in results.outcomes.values()})
        cure = "lower training.learning_rate"
        if endings != [Status.DIVERGED]:
            cure = "see each run's divergence.json for what to try"
        raise Diverged(f"all {len(results.grid):,} runs {' or '.join(endings)}: {cure}")
