"""Do one contender's work once, in a separate process, so that its peak memory can be read.

python -m benchmarks.alone steps|svd NAME CONFIG
"""

import sys
from pathlib import Path

from benchmarks import contenders, svd
from benchmarks.work import Work
from mlp import config
from mlp.system import blas_threads
from mlp.training import from_config


def main(part: str, name: str, file: str) -> None:
    settings = config.load(Path(file))
    images = from_config.training_images(settings)
    with blas_threads.threads(1):
        if part == "steps":
            (chosen,) = (contender for contender in contenders.CONTENDERS if contender.name == name)
            chosen.start(Work(settings, images))(1)
        else:
            (method,) = (method for method in svd.METHODS if method.name == name)
            method.start(images)()


if __name__ == "__main__":
    main(*sys.argv[1:])
