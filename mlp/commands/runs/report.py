"""Make a finished run's report: one page, RUN/report.html, that opens offline.

mlp report [RUN]
"""

from collections.abc import Sequence

from mlp.commands.arguments import Parser, run_directory
from mlp.runs.finished import read_run
from mlp.system import blas_threads
from mlp.system.command_line import display_path


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Make a finished run's report: one page that opens offline.")
    parser.add_run()
    options = parser.parse_args(arguments)
    run = read_run(run_directory(options))
    from mlp.pages import report  # slow to import, and not needed if the run cannot be read

    with blas_threads.threads(run.config.training.threads):
        path = report.write(run)
    print(f"report: {display_path(path)}")
