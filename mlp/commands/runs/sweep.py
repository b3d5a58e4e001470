"""Train a config many times, with some of its options varied.

    python scripts/sweep.py --config config.yaml --vary training.learning_rate=0.3,1,3 --vary training.seed=0..9

Every combination is a run of its own, made on this machine's cores, or with --scheduler on a Dask cluster. Stopped, the
same command goes on with what is missing.
"""

import re
import sys
from argparse import ArgumentTypeError, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from mlp.commands.arguments import Parser, config_of
from mlp.sweeps import folder as folders
from mlp.sweeps import grid as grids
from mlp.sweeps.results import PICTURES, Results, pair_errors
from mlp.sweeps.worker import DONE, TOKEN, Outcome, Status, Task, Workers
from mlp.system import command_line, signals
from mlp.system.command_line import display_path, warn
from mlp.system.errors import Diverged, InputError, Interrupted
from mlp.system.files import check_same, identity, remove
from mlp.system.progress import Bar

MOST_JOBS = 1024
"""Processes at a time: beyond what one machine has cores for, and below what its system has room for."""
ADDRESS = re.compile(r"(?:tcp|tls)://([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    grid = grids.read(config_of(options), options.vary, options.set, all_pairs=bool(options.pairs))
    directory = options.output or folders.usual(grid)
    with signals.deferred(), folders.opened(grid, directory, warn) as tasks:
        place = identity(directory)
        outcomes = {outcome.name: outcome for outcome in make(tasks, options)}
        check_not_stopped(outcomes, len(tasks), directory)
        results = Results(grid, outcomes)
        check_same(directory, place)
        report(results, directory)
    check(results)


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
    parser.add_argument("--pairs", choices=["all"], help="vary data.digits over all 45 pairs, and test each run")
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="the sweep's folder (default: named by what it varies)"
    )
    parser.add_argument("--jobs", type=jobs, metavar="N", help="runs at a time on this machine (default: its cores)")
    parser.add_argument(
        "--scheduler", type=address, metavar="ADDRESS", help="of a Dask cluster to use instead, such as tcp://host:8786"
    )
    options = parser.parse_args(arguments)
    if options.jobs and options.scheduler:
        raise InputError("--jobs is for this machine, --scheduler for a cluster, whose workers are what it has")
    for module in ["joblib", *(["distributed"] if options.scheduler else [])]:
        command_line.require(module, extra="sweep")
    return options


def jobs(text: str) -> int:
    return command_line.integer_at_least(text, 1, MOST_JOBS)


def address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise ArgumentTypeError(f"must be like tcp://host:8786, not {text}")
    return text


def make(tasks: Sequence[Task], options: Namespace) -> Iterator[Outcome]:
    """Do the tasks, each outcome a line to stderr; on a terminal a bar below tells the time that is left."""
    from mlp.sweeps import executor  # joblib is slow to import, and bad input has no use for it

    with (
        workers(options, len(tasks)) as at_work,
        Bar(total=len(tasks), unit=" runs", leave=False, disable=not sys.stderr.isatty()) as bar,
    ):

        def tell(message: str) -> None:
            with bar.external_write_mode(file=sys.stderr):
                warn(message)

        for number, outcome in enumerate(executor.outcomes(tasks, at_work, tell), 1):
            for warning in outcome.warnings:
                tell(f"{outcome.name}: {warning}")
            bar.write(f"run {number:{len(str(len(tasks)))}}/{len(tasks)}: {describe(outcome)}", file=sys.stderr)
            bar.update()
            yield outcome


def workers(options: Namespace, runs: int) -> AbstractContextManager[Workers]:
    """This machine's, no more of them than runs, or the cluster's that is asked for."""
    if options.scheduler:
        from mlp.sweeps import dask_cluster  # slow to import, too

        return dask_cluster.cluster(options.scheduler, warn)
    from mlp.sweeps import executor

    return executor.local(options.jobs, runs)


def describe(outcome: Outcome) -> str:
    """One line for people."""
    if outcome.run is None:
        return ": ".join(filter(None, [outcome.name, outcome.status.value, " ".join(outcome.message.split())]))
    kept, seconds = outcome.run.kept, sum(row.seconds for row in outcome.run.history)
    figures = f"loss {kept.figure('loss'):.6f}, errors {1 - kept.figure('accuracy'):.2%}"
    return f"{outcome.name}: {figures}; " + (f"{seconds:.2f} s" if outcome.is_new else "finished before")


def check_not_stopped(outcomes: dict[str, Outcome], count: int, directory: Path) -> None:
    """Interrupted where a signal was heard; InputError where the sweep was stopped by who took its folder."""
    done = sum(outcome.status in DONE for outcome in outcomes.values())
    try:
        signals.check()
    except Interrupted as stop:
        stop.add_note(f"{done:,} of {count:,} runs are done: give the same command again to go on")
        raise
    if any(outcome.status == Status.INTERRUPTED for outcome in outcomes.values()):
        raise InputError(
            f"{directory / TOKEN}: gone, or another sweep's: {done:,} of {count:,} runs are done: give the same "
            "command again to go on"
        )


def report(results: Results, directory: Path) -> None:
    """Write and draw what the runs came to, and say so."""
    results.write_csv(directory / "sweep.csv")
    for name in PICTURES:  # of the runs that there were before
        remove(directory / name)
    if results.best is None:
        return
    print("\n".join([results.table(), "", *results.notes]))
    if results.grid.has_all_pairs:
        print(f"hardest pairs, by test errors: {', '.join(hardest(results))}")
    from mlp.sweeps import figures  # matplotlib is slow to import, and what fails has no use for it

    best = directory / results.best.outcome.name
    print(f"table:   {display_path(directory / 'sweep.csv')}")
    for path in figures.draw(directory, results):
        print(f"picture: {display_path(path)}")
    if not results.grid.has_all_pairs:  # of which the easiest is not what is asked
        print(f"best:    {display_path(best)} (by {results.criterion_name})")
        print(f"next:    {command_line.command('evaluate')} {display_path(best)}")


def hardest(results: Results) -> Iterator[str]:
    """The five pairs of which the best setting has most errors."""
    errors = pair_errors(results.settings[0])
    for a, b in sorted(errors, key=lambda pair: -errors[pair])[:5]:
        yield f"{a}/{b} {errors[a, b]:.2%}"


def check(results: Results) -> None:
    """InputError where runs failed, with what each reason was and the first that it stopped; Diverged where all did."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for outcome in results.outcomes.values():
        if outcome.status == Status.FAILED:
            reasons[outcome.message].append(outcome.name)
    if reasons:
        count = sum(map(len, reasons.values()))
        head = f"{count:,} of {len(results.grid):,} runs failed: give the same command again to try them again:"
        lines = [
            f"{names[0]}{f' and {len(names) - 1:,} more' if names[1:] else ''}: {' '.join(message.split())}"
            for message, names in reasons.items()
        ]
        raise InputError(head, *lines)
    if not results.finished:
        ways = sorted({outcome.status.value for outcome in results.outcomes.values()})
        cure = (
            "lower training.learning_rate" if ways == [Status.DIVERGED] else "divergence.json of each says what to try"
        )
        raise Diverged(f"all of the {len(results.grid):,} runs {' or '.join(ways)}: {cure}")
