"""Make a finished run's report: one page, RUN/report.html, that opens offline.

python scripts/report.py [RUN]
"""

import sys

from mlp import launch

if __name__ == "__main__":
    sys.exit(launch.run(__file__))  # it hears signals while this file imports what is below, then calls main

from collections.abc import Sequence

from mlp import blas, command_line, config, finished_runs
from mlp.command_line import CONFIG, shown, warn


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Make a run's report, one page that opens offline.")
    parser.add_argument(
        "run", type=command_line.path, nargs="?", metavar="RUN", help="a run's directory (default: the newest)"
    )
    options = parser.parse_args(arguments)
    run = finished_runs.read(options.run or finished_runs.newest(config.load(CONFIG).output.directory, warn))
    from mlp import report  # its templates and figures are slow to import, and what fails has no use for them

    with blas.threads(run.config.training.threads):
        path = report.write(run)
    print(f"report: {shown(path)}")
