"""Make a finished run's report: one page, RUN/report.html, that opens offline.

python scripts/report.py [RUN]
"""

from collections.abc import Sequence

from mlp.commands.arguments import Parser, run_directory
from mlp.runs import finished as finished_runs
from mlp.system import blas_threads
from mlp.system.command_line import display_path


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Make a run's report, one page that opens offline.")
    parser.add_run()
    options = parser.parse_args(arguments)
    run = finished_runs.read(run_directory(options))
    from mlp.pages import report  # its templates and figures are slow to import, and what fails has no use for them

    with blas_threads.threads(run.config.training.threads):
        path = report.write(run)
    print(f"report: {display_path(path)}")
