"""A sweep over learning rates and seeds as one would write it with scikit-learn, for comparison."""

import csv

import numpy as np
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier

from benchmarks.plain_job import parse, read, split


def main() -> None:
    options = parse()
    images, labels = read(options.data, options.digits, options.limit)
    fold = np.full(len(labels), -1)  # -1: always in the training part
    fold[split(labels, options.validation)[1]] = 0
    classifier = MLPClassifier(
        options.hidden,
        activation="logistic",
        solver="sgd",
        alpha=0,
        batch_size=options.batch_size,
        max_iter=options.epochs,
        n_iter_no_change=options.epochs + 1,
        momentum=0,
        nesterovs_momentum=False,
    )
    search = GridSearchCV(
        classifier,
        {"learning_rate_init": options.learning_rate, "random_state": options.seed},
        cv=PredefinedSplit(fold),
        n_jobs=2,
        refit=False,
    )
    search.fit(images.astype(np.float32) / 255, labels)

    options.output.mkdir(parents=True)
    with open(options.output / "sweep.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learning_rate", "seed", "validation_accuracy"])
        for point, accuracy in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
            writer.writerow([point["learning_rate_init"], point["random_state"], accuracy])


if __name__ == "__main__":
    main()
