r"""One prespecified score by arm: linear ANCOVA of the change, HC3 standard errors.

.. math:: y_i = \alpha_{A_i} + \gamma' c_i + \beta_{A_i} s_i + e_i

and the tests of :math:`\beta_a - \beta_b`, per SD of the score over all people. HC3
:math:`= (X'X)^{-1} X' \mathrm{diag}(e_i^2 / (1 - h_{ii})^2) X (X'X)^{-1}`, t with n - p df,
for arms differ in the variance of change. Families are clusters (CR1, df groups - 1).
In a crossover the outcome is the person's difference, and its period effect is in the model.

References
----------
MacKinnon & White, Journal of Econometrics 1985 (HC3).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics.ml._tailor_trial import Trial
from exerkine_omics.schema import OK

COLUMNS = (
    "score", "contrast", "estimate", "se", "df", "statistic", "p_value", "ci_low", "ci_high",
    "n", "method", "status",
)  # fmt: skip


def interaction(trial: Trial, level: float) -> pd.DataFrame:
    """Test the score by arm: a row a pair of arms, with more than two also ``all arms`` (F).

    ``estimate`` is in the outcome's own units and sign, the second arm's slope per SD of the score
    less the first's. A missing clinical value is the median of all people.
    """
    if trial.score is None:
        return _frame([_row("", "", len(trial.y), status="no score was named")])
    z = (trial.score - trial.score.mean()) / trial.score.std(ddof=1)
    covariates = _independent(_imputed(trial.clinical))
    k = len(trial.arms)
    if trial.second is not None:
        y = trial.y[:, 1] - trial.y[:, 0]
        design = np.column_stack([z, np.ones(len(z)), trial.second, covariates])
        weights = {(0, 1): np.array([1.0])}
    else:
        y = trial.y
        member = (trial.arm[:, None] == np.arange(k)).astype(float)
        design = np.column_stack([member * z[:, None], member, covariates])
        unit = np.eye(k)
        weights = {(a, b): unit[b] - unit[a] for a, b in combinations(range(k), 2)}
    slopes = len(next(iter(weights.values())))
    n, p = design.shape
    label = {(a, b): f"{trial.arms[b]} - {trial.arms[a]}" for a, b in weights}
    if n <= p or np.linalg.matrix_rank(design) < p:
        status = "no residual df" if n <= p else "not estimable"
        rows = [_row(trial.score_name, name, n, status=status) for name in label.values()]
        return _frame(rows)
    beta, variance, df, method = _fit(design, trial.sign * (y - y.mean()), trial.people.groups)
    beta, variance = beta[:slopes], variance[:slopes, :slopes]
    quantile = stats.t.ppf((1 + level) / 2, df)
    rows = []
    for pair, w in weights.items():
        estimate, se = float(w @ beta), float(np.sqrt(w @ variance @ w))
        known = {"estimate": estimate, "se": se, "df": df, "method": method}
        if se > 0:
            known["statistic"] = estimate / se
            known["p_value"] = 2 * float(stats.t.sf(abs(estimate / se), df))
            known["ci_low"], known["ci_high"] = estimate - quantile * se, estimate + quantile * se
        status = OK if se > 0 else "no residual variance"
        rows.append(_row(trial.score_name, label[pair], n, status=status, **known))
    if k > 2:
        to_first = np.array([w for (a, _), w in weights.items() if a == 0])
        difference, spread = to_first @ beta, to_first @ variance @ to_first.T
        f = float(difference @ np.linalg.solve(spread, difference)) / (k - 1)
        p_value = float(stats.f.sf(f, k - 1, df))
        rows.append(
            _row(
                trial.score_name, "all arms", n, df=df, statistic=f, p_value=p_value,
                method=f"{method}, F of {k - 1} slopes", status=OK,
            )
        )  # fmt: skip
    return _frame(rows)


def interaction_p(frame: pd.DataFrame) -> float:
    """P of the whole interaction: of the one pair, or of all arms."""
    return float(frame["p_value"].iloc[-1])


def _fit(
    design: np.ndarray, y: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, str]:
    """Coefficients, their robust covariance, df and its name."""
    n, p = design.shape
    q, r = np.linalg.qr(design)
    beta = np.linalg.solve(r, q.T @ y)
    residual = y - design @ beta
    names, number = np.unique(groups, return_inverse=True)
    if len(names) == n:
        lever = 1.0 - (q * q).sum(axis=1)
        bread = q * (residual / np.maximum(lever, 1e-12))[:, None]
        df, method, factor = float(n - p), "ancova HC3", 1.0
    else:
        bread = np.zeros((len(names), p))
        np.add.at(bread, number, q * residual[:, None])
        g = len(names)
        factor, df, method = g / (g - 1) * (n - 1) / (n - p), float(g - 1), "ancova CR1"
    inverse = np.linalg.inv(r)
    return beta, inverse @ (factor * bread.T @ bread) @ inverse.T, df, method


def _imputed(values: np.ndarray) -> np.ndarray:
    holes = np.isnan(values)
    return np.where(holes, np.nanmedian(values, axis=0), values) if holes.any() else values


def _independent(values: np.ndarray) -> np.ndarray:
    """Covariates centred and scaled, those that follow from earlier ones left out."""
    values = values - values.mean(axis=0)
    kept: list[np.ndarray] = []
    for column in values.T:
        size = float(np.linalg.norm(column))
        rest = column - sum(((v @ column) * v for v in kept), np.zeros(len(column)))
        left = float(np.linalg.norm(rest))
        if size > 0 and left > 1e-8 * size:
            kept.append(rest / left)
    return np.column_stack(kept) if kept else np.empty((len(values), 0))


def _row(score: str, contrast: str, n: int, **known: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    return row | {"score": score, "contrast": contrast, "n": n, "method": "ancova HC3"} | known


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))
