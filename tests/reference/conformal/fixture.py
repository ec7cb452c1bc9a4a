"""P-values of crepes' class-conditional classifier, sets and intervals of MAPIE.

Run in this folder, with crepes and MAPIE installed: python fixture.py
"""

import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from crepes import ConformalClassifier
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

LEVELS = (0.05, 0.1, 0.2, 0.35)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose only feature is the probability that it predicts."""

    def fit(self, X, y):
        self.classes_, self.n_features_in_, self.fitted_ = np.array([0, 1]), 1, True
        return self

    def predict_proba(self, X):
        p = np.asarray(X)[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return (np.asarray(X)[:, 0] > 0.5).astype(int)


class Zero(RegressorMixin, BaseEstimator):
    """Predicts 0: outcomes are residuals."""

    def fit(self, X, y):
        self.n_features_in_, self.fitted_ = 1, True
        return self

    def predict(self, X):
        return np.zeros(len(X))


rng = np.random.default_rng(20270118)
label = (rng.random(75) < 0.6).astype(int)
# two decimals: many ties, within the calibration people and with the new ones
score = np.clip(np.round(1 / (1 + np.exp(-rng.normal(1.2 * label - 0.5, 1.2))), 2), 0.01, 0.99)
residual = np.round(rng.standard_t(4, 75), 2)
new = np.r_[np.round(np.linspace(0.02, 0.98, 13), 2), score[:12]]
pd.DataFrame({"score": score, "label": label, "residual": residual}).to_csv(
    "calibration.csv", index=False
)

hinge = np.where(label == 1, 1 - score, score)
crepes = ConformalClassifier()
answers = {"score": new}
for c in (0, 1):
    crepes.fit(hinge[label == c])
    against = new if c == 0 else 1 - new
    answers[f"p_{c}"] = crepes.predict_p(against[:, None], smoothing=False)[:, 0]
for alpha in LEVELS:
    for c in (0, 1):
        rows = label == c
        mapie = SplitConformalClassifier(
            Given().fit(None, None), confidence_level=1 - alpha, conformity_score="lac"
        )
        mapie.conformalize(score[rows][:, None], label[rows])
        _, sets = mapie.predict_set(new[:, None])
        answers[f"set_{alpha}_{c}"] = sets[:, c, 0].astype(int)
pd.DataFrame(answers).to_csv("answers.csv", index=False)

rows = []
for n in (20, 40, 75):
    for alpha in LEVELS:
        mapie = SplitConformalRegressor(Zero().fit(None, None), confidence_level=1 - alpha)
        mapie.conformalize(np.zeros((n, 1)), residual[:n])
        _, interval = mapie.predict_interval(np.zeros((1, 1)))
        rows.append((n, alpha, interval[0, 1, 0]))
pd.DataFrame(rows, columns=["n", "alpha", "half_width"]).to_csv("intervals.csv", index=False)
with open("versions.txt", "w") as file:
    print(f"Python {sys.version.split()[0]}", file=file)
    for name in ("crepes", "MAPIE", "scikit-learn", "numpy", "pandas"):
        print(name, version(name), file=file)
