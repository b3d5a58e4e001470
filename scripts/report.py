"""Make a finished run's report: one page, RUN/report.html, that opens offline.

python scripts/report.py [RUN]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("report")
