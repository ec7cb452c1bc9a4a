"""The model behind `time_course`: its columns and its fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.cohort import Design, t_tail
from exerkine_omics.kernels import _course, _lmm, _lmm_joint, _lmm_sums
from exerkine_omics.kernels._natural_spline import natural_spline
from exerkine_omics.tl._method import constant, status_of
from exerkine_omics.tl._schedule import Schedule


@dataclass(frozen=True)
class CourseTest:
    """A change at one planned time, or (``weights`` with rows) a whole curve.

    ``arms`` has a part in it; ``number`` is that of the planned time, None for any.
    """

    name: str
    weights: np.ndarray
    arms: tuple[int, ...]
    number: int | None


@dataclass(frozen=True)
class Course:
    """Columns and tests: an intercept and ``df`` spline columns an arm, then the covariates.

    ``sample`` (people x (1 + planned times)) is the row of each person's sample, baseline first,
    -1 for none. ``knots`` has the boundary's too.
    """

    matrix: np.ndarray
    subject: np.ndarray
    subject_arm: np.ndarray
    arms: tuple[str, ...]
    df: int
    knots: np.ndarray
    at_baseline: np.ndarray
    sample: np.ndarray
    tests: tuple[CourseTest, ...]
    labels: tuple[str, ...]

    @classmethod
    def make(cls, design: Design, times: Schedule, df: int, control: str | None) -> Course:
        """Lay out the columns; the knots depend on the planned times alone."""
        planned = np.concatenate([[times.anchor], times.nominal])
        # not of the samples: a missing visit must not move a knot
        knots = np.quantile(planned, np.arange(1, df) / df)
        boundary = (planned[0], planned[-1])
        spline = natural_spline(times.minutes, knots, boundary)
        own = np.hstack([np.ones((len(spline), 1)), spline])
        arms = design.arms
        sample_arm = design.subject_arm()[design.subject]
        columns = [own * (sample_arm == a)[:, None] for a in range(len(arms))]
        names = (design.baseline, *times.timepoints)
        rank = {t: i for i, t in enumerate(names)}
        place = np.array([rank[c.timepoint] for c in design.cells])[design.cell]
        sample = np.full((len(design.subjects), len(names)), -1)
        sample[design.subject, place] = np.arange(len(place))
        at = natural_spline(times.nominal, knots, boundary)
        width = len(arms) * (df + 1) + design.covariates.shape[1]
        return cls(
            matrix=np.hstack([*columns, design.covariates]),
            subject=design.subject,
            subject_arm=design.subject_arm(),
            arms=arms,
            df=df,
            knots=np.concatenate([[boundary[0]], knots, [boundary[1]]]),
            at_baseline=place == 0,
            sample=sample,
            tests=_tests(arms, control, at, width, times.labels, design.baseline),
            labels=(design.baseline, *times.labels),
        )

    def spline_columns(self, arm: int) -> np.ndarray:
        """Positions of the arm's spline columns."""
        return arm * (self.df + 1) + 1 + np.arange(self.df)


def _tests(
    arms: Sequence[str],
    control: str | None,
    at: np.ndarray,
    width: int,
    labels: Sequence[str],
    baseline: str,
) -> tuple[CourseTest, ...]:
    df = at.shape[1]

    def rows(arm: int, basis: np.ndarray) -> np.ndarray:
        weights = np.zeros((len(basis), width))
        weights[:, arm * (df + 1) + 1 : (arm + 1) * (df + 1)] = basis
        return weights

    parts: list[tuple[str, tuple[int, ...]]]
    parts = [(f"{name}: " if name else "", (a,)) for a, name in enumerate(arms)]
    if control is not None:
        c = list(arms).index(control)
        parts += [(f"{name} - {control}: ", (a, c)) for a, name in enumerate(arms) if a != c]
    changes, joint = [], []
    for prefix, who in parts:
        weights = rows(who[0], at) - (rows(who[1], at) if len(who) > 1 else 0.0)
        whole = rows(who[0], np.eye(df)) - (rows(who[1], np.eye(df)) if len(who) > 1 else 0.0)
        changes += [
            CourseTest(f"{prefix}{label} - {baseline}", weights[k], who, k)
            for k, label in enumerate(labels)
        ]
        joint.append(CourseTest(f"{prefix}any change", whole, who, None))
    return (*changes, *joint)


@dataclass(frozen=True)
class FittedBlock:
    """Of each test the columns of its rows; of each arm coefficients, covariance, df, status."""

    tests: list[dict[str, np.ndarray]]
    curves: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


def fit_block(values: np.ndarray, course: Course) -> FittedBlock:
    """Fit a block of features once and make all its tests."""
    present = np.isfinite(values)
    n = values.shape[1]
    seen = np.where(course.sample[:, :, None] >= 0, present[course.sample], False)
    sample_arm = course.subject_arm[course.subject]
    poor = np.array(
        [
            (seen[course.subject_arm == a].any(axis=0).sum(axis=0) <= course.df)
            | ~_enough(present, course, sample_arm == a, a)
            for a in range(len(course.arms))
        ]
    )
    # an arm that cannot carry a curve leaves the others theirs
    kept = np.where(poor[sample_arm], np.nan, values)
    sums = _lmm_sums.grouped_sums(kept, course.matrix, course.subject)
    repeated = (sums.people * (sums.size[:, None] > 1)).sum(axis=0) > 0
    common = status_of(
        n,
        (~present.any(axis=0), "not measured"),
        (constant(values), "constant"),
        (np.asarray(poor.all(axis=0)), f"fewer than {course.df + 1} times"),
        (~repeated, "nobody has two samples"),
        (sums.n_obs <= sums.rank, "no residual df"),
        (~_lmm.separable(sums), "covariates not separable on its rows"),
    )
    fitted = np.flatnonzero(common == schema.OK)
    part = _lmm_sums.take(sums, fitted)
    fit = _lmm.fit_reml(part) if len(fitted) else None
    tests = [
        _test(test, course, common, poor, seen, sums.n_obs, part, fit) for test in course.tests
    ]
    curves = []
    for a in range(len(course.arms)):
        beta = np.full((n, course.df), np.nan)
        covariance = np.full((n, course.df, course.df), np.nan)
        df = np.full(n, np.nan)
        status = common.copy()
        columns = course.spline_columns(a)
        if fit is not None:
            beta[fitted] = fit.beta[columns].T
            covariance[fitted], df[fitted] = _course.joint_covariance(part, fit, columns)
        known = np.isfinite(covariance).all(axis=(1, 2)) & (df > 0)
        status[(status == schema.OK) & ~known] = "variance not identified"
        last = ~seen[course.subject_arm == a][:, -1].any(axis=0)
        status[(status == schema.OK) & last] = f"no values at {course.labels[-1]}"
        status[(common == schema.OK) & poor[a]] = f"fewer than {course.df + 1} times"
        curves.append((beta, covariance, df, status))
    return FittedBlock(tests, curves)


def _enough(present: np.ndarray, course: Course, rows: np.ndarray, arm: int) -> np.ndarray:
    """Features with values in the arm's rows that determine its level and its whole curve."""
    columns = np.concatenate([[arm * (course.df + 1)], course.spline_columns(arm)])
    own = course.matrix[np.ix_(rows, columns)]
    products = (own[:, :, None] * own[:, None, :]).reshape(len(own), -1)
    gram = (present[rows].T.astype(float) @ products).reshape(-1, len(columns), len(columns))
    root = np.linalg.eigvalsh(gram)
    return (root[:, -1] > 0) & (root[:, 0] > 1e-9 * root[:, -1])


def _test(
    test: CourseTest,
    course: Course,
    common: np.ndarray,
    poor: np.ndarray,
    seen: np.ndarray,
    n_obs: np.ndarray,
    part: _lmm_sums.Sums,
    fit: _lmm.Fit | None,
) -> dict[str, np.ndarray]:
    n = len(common)
    fitted = np.flatnonzero(common == schema.OK)
    estimate, se, df, statistic, p_value = np.full((5, n), np.nan)
    w = _lmm.precision(part, fit) if fit is not None else None
    if fit is not None and w is not None and test.number is None:
        statistic[fitted], df[fitted] = _lmm_joint.kenward_roger(
            part, fit, w, test.weights, test.weights @ fit.beta
        )
        p_value[fitted] = stats.f.sf(statistic[fitted], course.df, df[fitted])
    elif fit is not None and w is not None:
        se[fitted], df[fitted] = _lmm.kenward_roger(part, fit, w, test.weights)
        estimate[fitted] = test.weights @ fit.beta
        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = estimate / se
            p_value = t_tail(statistic, df)
    of_arm = np.isin(course.subject_arm, test.arms)
    later = seen[of_arm, 1:] if test.number is None else seen[of_arm, 1 + test.number, None]
    pairs = seen[of_arm, 0] & later.any(axis=1)
    each = [pairs[course.subject_arm[of_arm] == a].sum(axis=0) for a in test.arms]
    status = common.copy()
    status[(status == schema.OK) & ~(np.isfinite(p_value) & (df > 0))] = "variance not identified"
    # a curve can be drawn where nobody was measured: no number without a pair behind it
    status[(common == schema.OK) & (np.min(each, axis=0) == 0)] = "no pairs"
    too_few = (common == schema.OK) & poor[list(test.arms)].any(axis=0)
    status[too_few] = f"fewer than {course.df + 1} times"
    return {
        "estimate": estimate,
        "se": se,
        "df": df,
        "statistic": statistic,
        "p_value": p_value,
        "n_pairs": pairs.sum(axis=0),
        "n_obs": n_obs,
        "status": status,
    }
