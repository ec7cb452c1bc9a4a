"""ResponseSpec: who counts as a responder, fixed before anything is predicted."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort._adjustment import design_columns, training_levels
from exerkine_omics.cohort._outcomes import (
    as_names,
    below_dose,
    check_dose,
    number_column,
    stratum,
    text_column,
)
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._reliability_tests import is_positive, is_real
from exerkine_omics.errors import AnalysisError, UsageError, warn
from exerkine_omics.kernels import _response as kernel
from exerkine_omics.kernels._clusters import two_means

CATEGORIES = ("adverse", "non", "uncertain", "responder", "missing", "not_trained")
CONTROL = "control"
RELATIVE_RULES = ("quantile", "cluster")
LABEL_RULES = ("change", "category", *RELATIVE_RULES)
_RULE = re.compile(r"(\d+(?:\.\d+)?)_(sd|te)")


def check_threshold(threshold: float | str) -> None:
    """Raise `UsageError` unless it is a number from 0 up, or a rule such as ``0.2_sd``."""
    if isinstance(threshold, str):
        valid = _RULE.fullmatch(threshold) is not None
    else:
        number = isinstance(threshold, (int, float, np.integer, np.floating))
        valid = number and not isinstance(threshold, bool) and 0 <= float(threshold) < np.inf
    if not valid:
        raise UsageError(
            f"threshold={threshold!r} is no size of a change",
            where="threshold=",
            fix="Give a number from 0 up in the outcome's units (direction='down' where less is "
            "better), or a rule: '0.2_sd' of baseline between people, '1_te' typical error.",
        )


def resolve_threshold(threshold: float | str, sd_baseline: float, typical_error: float) -> float:
    """Threshold in the outcome's units."""
    if not isinstance(threshold, str):
        return float(threshold)
    match = _RULE.fullmatch(threshold)
    factor, unit = (match[1], match[2]) if match else ("nan", "sd")
    size = sd_baseline if unit == "sd" else typical_error
    if not np.isfinite(size):
        raise AnalysisError(
            f"threshold={threshold!r} needs the between-person SD of the baseline, and fewer "
            "than two people of one stratum have one",
            where="threshold=",
            fix="Give the threshold as a number.",
        )
    return float(factor) * size


def check_direction_level(direction: str, level: float) -> None:
    """Raise `UsageError` for a direction or a level that is none."""
    if direction not in ("up", "down"):
        raise UsageError(f"direction={direction!r}", fix="Give 'up' or 'down': the good way.")
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise UsageError(f"level={level!r} is no level of an interval", fix="Give 0.90 or 0.95.")


def check_smallest(smallest: float | None) -> None:
    """Raise `UsageError` unless None or a number above 0."""
    if smallest is not None and not is_positive(smallest):
        raise UsageError(
            f"smallest_sd_ir={smallest!r} is no size of a standard deviation",
            fix="Give a number above 0 in the outcome's units, or None.",
        )


def baseline_sd(pre: np.ndarray, label: np.ndarray) -> float:
    """Between-person SD of the baseline, pooled within strata; NaN where no df is left."""
    known = np.isfinite(pre)
    return kernel.pooled_sd(pre[known], label[known])[0] if known.any() else float("nan")


def categorize(
    low: np.ndarray, high: np.ndarray, threshold: float, idle: np.ndarray | None = None
) -> pd.Categorical:
    """Four categories from an interval whose good direction is up; NaN is ``missing``.

    ``responder``: low > threshold; ``adverse``: high < -threshold; ``non``: high < threshold;
    else ``uncertain``: the measurement cannot tell. ``idle`` people are ``not_trained``.
    """
    name = np.select(
        [np.isnan(low), low > threshold, high < -threshold, high < threshold],
        ["missing", "responder", "adverse", "non"],
        default="uncertain",
    )
    if idle is not None:
        name = np.where(idle, "not_trained", name)
    return pd.Categorical(name, categories=CATEGORIES)


@dataclass(frozen=True)
class ResponseSpec:
    """A rule that says who responded; frozen, and hashed so that no result can move it.

    Use it as the outcome of `exo.ml.evaluate`: what it learns (an SD, a slope) is learnt from the
    training fold alone.

    Formula: change = post - pre (less ``adjust``'s slopes); label 1 where change > threshold
    (with ``direction="down"`` where -change > threshold).

    Parameters
    ----------
    pre, post
        Columns with the outcome before and after.
    threshold
        Smallest change that counts, in the outcome's units and from 0 up; or a rule that is
        computed on the training people, ``"0.2_sd"`` (between-person SD of the baseline) or
        ``"1_te"`` (typical errors).
    reliability
        A `Reliability`, or ``"control"``: the control arm's change in the training people.
    arm, control
        Column of the arm and the arm that did not train.
    adjust
        Columns whose linear effect on the change is taken out, as fitted on the training people
        (ANCOVA). Adjusting for the baseline frees a label of the baseline visit's error and ties
        it to the true baseline: no label is safe alone, so run the control arm too.
    smallest_sd_ir
        Smallest SD of true responses that matters; None is 0.1 SD of the baseline.
    direction
        ``"up"`` where more is better, ``"down"`` where less is.
    level
        Level of a person's interval.
    strata
        Columns within which SDs are pooled.
    label_rule
        ``"change"`` labels everyone measured; ``"category"`` leaves those out whose interval
        spans the threshold (an easier, selected sample: say so beside its AUC). ``"quantile"``
        (the top share) and ``"cluster"`` (the upper of the best two groups) make responders of
        any group, also of untrained people: they warn, and the threshold plays no part.
    quantile
        Share that ``label_rule="quantile"`` calls responders.
    source
        Where the threshold comes from: an MCID's citation, an anchor study.
    adherence, min_adherence
        Column of the dose, and the dose below which a person of an arm that trains did not train:
        no label, and nothing is learnt from them. Without ``control`` this holds for all.

    Notes
    -----
    Missing values: a person without pre, post or a column of ``adjust`` has label NaN; one
    without a dose is taken as trained.

    Raises
    ------
    UsageError
        For a threshold, direction, level or label rule that is none.

    References
    ----------
    Hopkins 2015, Sportscience 19:1. Atkinson & Batterham 2015, Exp Physiol 100:577.

    Examples
    --------
    >>> from exerkine_omics import Reliability, ResponseSpec
    >>> rel = Reliability.from_typical_error(2.5, df=19)
    >>> spec = ResponseSpec(pre="vo2_pre", post="vo2_post", threshold=3.5, reliability=rel)
    """

    pre: str
    post: str
    threshold: float | str
    reliability: Reliability | str
    arm: str | None = None
    control: str | None = None
    adjust: tuple[str, ...] = ()
    smallest_sd_ir: float | None = None
    direction: str = "up"
    level: float = 0.90
    strata: tuple[str, ...] = ()
    label_rule: str = "change"
    quantile: float = 0.5
    source: str = ""
    adherence: str | None = None
    min_adherence: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "adjust", as_names(self.adjust))
        object.__setattr__(self, "strata", as_names(self.strata))
        check_threshold(self.threshold)
        check_direction_level(self.direction, self.level)
        check_smallest(self.smallest_sd_ir)
        check_dose(self.adherence, self.min_adherence)
        check_reliability(self.reliability, self.arm, self.control)
        if self.label_rule not in LABEL_RULES:
            raise UsageError(
                f"label_rule={self.label_rule!r}", fix=f"One of {', '.join(LABEL_RULES)}."
            )
        if not is_real(self.quantile) or not 0 < self.quantile < 1:
            raise UsageError(f"quantile={self.quantile!r} is no share", fix="Give e.g. 0.25.")
        for name in ("smallest_sd_ir", "quantile", "min_adherence"):  # numpy's would not serialise
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))
        if self.label_rule in RELATIVE_RULES:
            warn(
                f"label_rule={self.label_rule!r} makes responders of any group, also of people "
                "who did not train; exo.tl.label_rates shows how many of the control arm"
            )

    def label(self, train: pd.DataFrame, frame: pd.DataFrame) -> pd.Series:
        """Label the people of ``frame`` by what ``train`` teaches.

        Parameters
        ----------
        train
            Outcome rows of the training people; all statistics come from here. The caller
            chooses the rows: one arm, or the control arm for the control run.
        frame
            Outcome rows to label.

        Returns
        -------
        pandas.Series
            1.0 responder, 0.0 not, NaN missing (or, with ``label_rule="category"``, uncertain);
            the index is that of ``frame``.

        Raises
        ------
        InputError
            If a column is not there or holds text.
        AnalysisError
            If ``train`` is too small for what must be learnt from it.
        """
        reliability = self.noise(train)
        threshold = self.cut_in(train)
        change = self._sign * self.adjusted_change(train, frame)
        if self.label_rule != "category":
            label = np.where(np.isnan(change), np.nan, (change > threshold).astype(float))
        else:
            low, high = kernel.interval(change, reliability.sd_change, reliability.df, self.level)
            category = np.asarray(categorize(low, high, threshold), dtype=object)
            label = np.select(
                [category == "responder", np.isin(category, ["non", "adverse"])],
                [1.0, 0.0],
                default=np.nan,
            )
        return pd.Series(label, index=frame.index, name="responder", dtype="float64")

    def adjusted_change(self, train: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
        """Change of the people of ``frame`` less ``adjust``'s slopes as ``train`` has them (n,)."""
        return self.change(frame) - self._adjustment(train, frame)

    def probability(self, train: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
        """P(true change > threshold) of the people of ``frame``, flat prior (n,); a soft label.

        ``Phi((change - threshold) / sd)``, sd of a change by noise alone; t where its df is finite.
        NaN where the change is unknown.
        """
        noise = self.noise(train)
        change = self._sign * self.adjusted_change(train, frame)
        return kernel.probability_above(change, noise.sd_change, noise.df, self.cut_in(train))

    @property
    def _sign(self) -> float:
        return 1.0 if self.direction == "up" else -1.0

    def cut_in(self, train: pd.DataFrame) -> float:
        """Change, adjusted and its good direction up, above which the label is 1.

        It is the threshold, or what ``label_rule`` finds in the training people's own distribution.
        """
        if self.label_rule not in RELATIVE_RULES:
            return self.threshold_in(train)
        change = self._sign * self.adjusted_change(train, train)
        known = change[np.isfinite(change)]
        if len(known) < 2 or np.ptp(known) == 0:
            raise AnalysisError(
                f"{len(known)} training people with a change are too few to rank",
                where=f"label_rule={self.label_rule!r}",
                fix="Use label_rule='change' with a threshold.",
            )
        if self.label_rule == "quantile":
            return float(np.quantile(known, 1 - self.quantile))
        return two_means(known).cut

    def change(self, frame: pd.DataFrame) -> np.ndarray:
        """Post minus pre (n,), in the outcome's units and with its own sign; NaN if not trained."""
        return number_column(frame, self.post) - self._baseline(frame)

    def _baseline(self, frame: pd.DataFrame) -> np.ndarray:
        pre = number_column(frame, self.pre)
        if self.adherence is None or self.min_adherence is None:
            return pre
        arm = None
        if self.arm is not None and self.control is not None:
            arm = text_column(frame, self.arm, "Every person needs an arm.")
        dose = number_column(frame, self.adherence)
        return np.where(below_dose(dose, self.min_adherence, arm, self.control), np.nan, pre)

    def threshold_in(self, train: pd.DataFrame) -> float:
        """Threshold in the outcome's units, a rule computed on ``train``."""
        if not isinstance(self.threshold, str):
            return float(self.threshold)
        if self.threshold.endswith("_te"):
            return resolve_threshold(self.threshold, np.nan, self.noise(train).typical_error)
        label = stratum(train, self.strata)
        return resolve_threshold(self.threshold, baseline_sd(self._baseline(train), label), np.nan)

    def noise(self, train: pd.DataFrame) -> Reliability:
        """Reliability of the outcome; ``"control"`` is computed on ``train``'s control arm.

        Where ``train`` has trained people too, only controls of their strata count.
        """
        if isinstance(self.reliability, Reliability):
            return self.reliability
        arm = text_column(train, str(self.arm), "Every person needs an arm.")
        control, label = arm == str(self.control), stratum(train, self.strata)
        trained = set(label[~control & np.isfinite(self.change(train))])
        use = control & np.isin(label, list(trained)) if trained else control
        if not use.any():
            raise AnalysisError(
                f"Among the training people nobody is of the control arm {self.control!r}"
                + (" in a stratum of those who trained" if control.any() else ""),
                where=f"outcomes[{self.arm!r}]",
                fix="Give a Reliability instead of 'control': "
                "exo.Reliability.from_control(pre, post).",
            )
        return Reliability.from_control(
            number_column(train, self.pre)[use],
            number_column(train, self.post)[use],
            strata=list(label[use]),
        )

    def _adjustment(self, train: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
        """Part of everyone's change that ``adjust`` explains, fitted on ``train`` (mean 0)."""
        if not self.adjust:
            return np.zeros(len(frame))
        levels = {c: training_levels(train, c) for c in self.adjust}
        design, target = design_columns(train, levels), design_columns(frame, levels)
        change = self.change(train)
        known = np.isfinite(change) & np.isfinite(design).all(axis=1)
        if known.sum() < design.shape[1] + 2:
            raise AnalysisError(
                f"{int(known.sum())} training people are too few to adjust for "
                f"{design.shape[1]} columns",
                where="adjust=",
                fix="Adjust for fewer columns.",
            )
        centre = design[known].mean(axis=0)
        slope, *_ = np.linalg.lstsq(
            design[known] - centre, change[known] - change[known].mean(), rcond=None
        )
        return (target - centre) @ slope

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-able."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        noise = self.reliability
        own["reliability"] = noise.to_dict() if isinstance(noise, Reliability) else noise
        own["adjust"], own["strata"] = list(self.adjust), list(self.strata)
        if not isinstance(self.threshold, str):
            own["threshold"] = float(self.threshold)
        return own

    @property
    def sha256(self) -> str:
        """Checksum of the canonical JSON of all fields."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def check_reliability(reliability: object, arm: str | None, control: str | None) -> None:
    """Raise `UsageError` unless it is a `Reliability`, or ``"control"`` with a control arm."""
    if control is not None and arm is None:
        raise UsageError(f"control={control!r} needs arm=", fix="Name the column of the arm.")
    if isinstance(reliability, Reliability):
        return
    if not (isinstance(reliability, str) and reliability == CONTROL):
        raise UsageError(
            f"reliability={reliability!r} is no Reliability",
            where="reliability=",
            fix="Give exo.Reliability.from_test_retest(test, retest), "
            ".from_typical_error(te, df=), or 'control' with arm= and control=.",
        )
    if arm is None or control is None:
        raise UsageError(
            "reliability='control' needs a control arm",
            where="reliability=",
            fix="Name arm= and control=, or give a Reliability.",
        )
