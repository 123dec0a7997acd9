"""Measure how hard the cohort is for a linear model, pooled and alone, and how fast it is made.

No test: it needs scikit-learn. `python tests/fedclinic/synthetic/measure_difficulty.py 300 0.5 7`
"""

import sys
import time
from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from fedclinic.synthetic.cohort import SyntheticNote, generate_cohort
from fedclinic.synthetic.kinds import Split

HOSPITALS = ("mercy", "st_elsewhere", "lakeview", "county")
TEST_PATIENTS = 150


def make_cohort(patients: int, alpha: float, seed: int, split: Split) -> list[SyntheticNote]:
    return list(
        generate_cohort(
            seed=seed,
            hospitals=HOSPITALS,
            patients_per_hospital=patients,
            alpha=alpha,
            split=split,
        )
    )


def accuracy(train: Sequence[SyntheticNote], test: Sequence[SyntheticNote]) -> float:
    """Fit word pairs with logistic regression on `train`, and score it on `test`."""
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    features = words.fit_transform([made.note.text for made in train])
    model = LogisticRegression(C=10, max_iter=200)
    model.fit(features, [made.note.labels[0] for made in train])
    truth = [made.note.labels[0] for made in test]
    return float(model.score(words.transform([made.note.text for made in test]), truth))


def main(patients: int, alpha: float, seed: int) -> None:
    start = time.process_time()
    train = make_cohort(patients, alpha, seed, "train")
    spent = time.process_time() - start
    test = make_cohort(TEST_PATIENTS, alpha, seed, "test")
    characters = sum(len(made.note.text) for made in train) / len(train)
    print(f"{len(train)} notes of {characters:.0f} characters, {len(train) / spent:.0f} a second")
    print(f"pooled {accuracy(train, test):.3f}")
    for hospital in HOSPITALS:
        own = [made for made in train if made.hospital == hospital]
        print(f"{hospital} alone {accuracy(own, test):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
