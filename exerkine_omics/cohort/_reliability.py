"""Reliability: how much a measurement moves when nothing has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics.cohort._literature import published, typical_errors
from exerkine_omics.cohort._reliability_tests import (
    is_positive,
    is_real,
    paired_tests,
    repeated_tests,
    single_test_icc,
)
from exerkine_omics.errors import AnalysisError, InputError, UsageError
from exerkine_omics.kernels import _reliability as repeats
from exerkine_omics.kernels import _response as kernel

_NAN = float("nan")
_MIN = 3
_LEVEL = 0.95


@dataclass(frozen=True)
class Reliability:
    """Typical error of a measurement, with the degrees of freedom it rests on.

    Use it to say how much of a person's change is noise. Over weeks or months people drift, so
    the change in an untrained control arm (`from_control`) is a truer source than a retest after
    some days (`from_test_retest`); a value from the literature (`from_typical_error`) is the last
    resort. Several tests a person go to `from_repeats`.

    Formula: TE = SD(retest - test) / sqrt(2); a change has the error sqrt(2) TE.

    Parameters
    ----------
    typical_error
        TE, in the units of the outcome.
    df
        Degrees of freedom of TE; ``inf`` where a published value comes without them.
    source
        Where TE comes from, in words.
    n
        People it rests on; 0 where unknown.
    mean
        Mean of the measurement, for the coefficient of variation; NaN where unknown.
    learning
        Mean of retest - test (in a control arm: the mean change); NaN where unknown.
    learning_p
        Two-sided p of a t test that it is 0 (with more tests, the F test that their means are
        equal); NaN where unknown.
    icc, icc_low, icc_high
        Intraclass correlation of single tests, ICC(3,1), and its 95% interval; NaN where unknown,
        for a control arm, and where tests are missing.
    period
        ``short`` (retests within days), ``trial`` (the trial's own weeks) or ``unknown``: the two
        kinds of noise are kept apart, for people drift.

    Notes
    -----
    Missing values: a person without one of the two tests is left out.

    References
    ----------
    Swinton et al. 2018, Front Nutr 5:41. Atkinson & Batterham 2015, Exp Physiol 100:577.

    Examples
    --------
    >>> from exerkine_omics import Reliability
    >>> Reliability.from_typical_error(2.5, df=19).half_width(0.90)
    6.11...
    """

    typical_error: float
    df: float
    source: str
    n: int = 0
    mean: float = _NAN
    learning: float = _NAN
    learning_p: float = _NAN
    icc: float = _NAN
    icc_low: float = _NAN
    icc_high: float = _NAN
    period: str = "unknown"

    def __post_init__(self) -> None:
        if not is_positive(self.typical_error):
            raise UsageError(
                f"The typical error is {self.typical_error!r}; it must be a number above 0",
                where="Reliability",
                fix="Give it in the units of the outcome.",
            )
        if isinstance(self.df, bool) or not is_real(self.df) or not self.df > 0:
            raise UsageError(
                f"df={self.df!r} are no degrees of freedom",
                where="Reliability",
                fix="Give the people of the reliability study minus one, or leave df out.",
            )
        for name in ("typical_error", "df", "mean"):  # numpy scalars would not serialise alike
            object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def from_test_retest(
        cls, test: Sequence[float] | np.ndarray | pd.Series, retest: Sequence[float] | pd.Series
    ) -> Reliability:
        """Typical error from two tests of the same people without training between them.

        Parameters
        ----------
        test
            First test, one value a person (n,), units of the outcome.
        retest
            Second test (n,). Two Series with different indexes are joined by index.

        Returns
        -------
        Reliability
            df = complete pairs - 1; ``learning`` is the mean of retest - test.

        Raises
        ------
        InputError
            If the lengths differ, an index stands twice, text is among the values, or fewer than
            three pairs are complete.
        AnalysisError
            If test and retest differ by the same amount in everybody.
        """
        first, second = paired_tests(test, retest, "test", "retest")
        ones = np.zeros(len(first))
        return cls._from_pairs(first, second, ones, "test and retest", "short")

    @classmethod
    def from_repeats(cls, tests: pd.DataFrame | np.ndarray) -> Reliability:
        """Typical error from two or more tests a person without training between them.

        Value = person + test + error; the tests' own means are taken out, so that a learning
        effect is no noise, and reported beside it.

        Parameters
        ----------
        tests
            People x tests (n, k), units of the outcome, in the order they were done. People with
            fewer than two tests are left out.

        Returns
        -------
        Reliability
            ``learning`` is the last test's mean less the first's; df = (n - 1)(k - 1) where
            nothing is missing.

        Raises
        ------
        InputError
            If text or infinity is among the values, or fewer than three people have two tests.
        AnalysisError
            If the tests differ by the same amounts in everybody.
        """
        values = repeated_tests(tests)
        fit = repeats.fit_repeats(values)
        if not fit.typical_error > 1e-12 * float(np.nanmax(np.abs(values))):
            raise AnalysisError(
                "The tests differ by the same amounts in everybody: the typical error is 0",
                where="tests",
                fix="Check that no test is a copy of another.",
            )
        return cls(
            fit.typical_error,
            fit.df,
            f"{values.shape[1]} tests of {len(values)} people",
            len(values),
            float(np.nanmean(values)),
            float(fit.test_means[-1] - fit.test_means[0]),
            fit.learning_p,
            *single_test_icc(values),
            "short",
        )

    @classmethod
    def from_control(
        cls,
        pre: Sequence[float] | np.ndarray | pd.Series,
        post: Sequence[float] | np.ndarray | pd.Series,
        strata: Sequence[object] | None = None,
    ) -> Reliability:
        """Typical error over the trial's own duration, from the change of untrained people.

        Parameters
        ----------
        pre
            First test of the control arm (n,), units of the outcome.
        post
            Last test of the control arm (n,).
        strata
            Labels (n,) of groups with their own mean change (age, sex); the SD is pooled within.

        Returns
        -------
        Reliability
            TE = SD of change / sqrt(2); df = n - number of strata.

        Raises
        ------
        InputError
            As `from_test_retest`.
        AnalysisError
            If strata leave no degrees of freedom, or nobody varies.
        """
        if strata is not None and len(strata) != len(pre):
            raise InputError(f"strata has {len(strata)} labels for {len(pre)} people")
        if strata is not None and bool(np.asarray(pd.isna(pd.Series(list(strata)))).any()):
            raise InputError("strata has missing labels", fix="Every person needs a stratum.")
        groups = None if strata is None else [str(s) for s in strata]
        first, second = paired_tests(pre, post, "pre", "post", strict=groups is not None)
        keep = np.isfinite(first) & np.isfinite(second)
        label = np.zeros(len(first)) if groups is None else np.array(groups, dtype=object)
        n_strata = len(np.unique(label[keep]))
        within = f" within {n_strata} strata" if n_strata > 1 else ""
        source = f"change of the control arm{within}"
        return cls._from_pairs(first, second, label, source, "trial")

    @classmethod
    def from_typical_error(
        cls,
        typical_error: float,
        df: float | None = None,
        *,
        mean: float = _NAN,
        source: str = "",
    ) -> Reliability:
        """Typical error from the literature.

        Parameters
        ----------
        typical_error
            TE, in the units of the outcome.
        df
            Degrees of freedom of the reliability study (its n - 1, not this trial's). Without
            them TE is taken as exactly known and its interval is NaN.
        mean
            Mean of the measurement there, for the coefficient of variation.
        source
            The publication.

        Returns
        -------
        Reliability
            With ``learning`` unknown.

        Raises
        ------
        UsageError
            If TE is not above 0.
        """
        if df is None:
            text = source or "given typical error"
            return cls(typical_error, float("inf"), f"{text}, degrees of freedom unknown", 0, mean)
        return cls(typical_error, df, source or "given typical error", 0, mean)

    @classmethod
    def from_literature(cls, name: str) -> Reliability:
        """Typical error of a published reliability study, by its name in `literature`.

        Parameters
        ----------
        name
            As in the column ``name`` of ``Reliability.literature()``.

        Returns
        -------
        Reliability
            Its source is the citation; df where the page read states how many people.

        Raises
        ------
        UsageError
            If there is no value of this name.
        """
        return cls.from_typical_error(**published(name))

    @staticmethod
    def literature() -> pd.DataFrame:
        """List the published typical errors that are built in.

        Returns
        -------
        DataFrame
            name, outcome, unit, typical_error, df, mean, people, citation. They are short-term
            noise of other laboratories: a retest of your own, or the control arm, is better.
        """
        return typical_errors()

    @classmethod
    def from_cv(
        cls, cv_percent: float, mean: float, df: float | None = None, *, source: str = ""
    ) -> Reliability:
        """Typical error from a coefficient of variation: TE = CV x mean / 100."""
        text = source or f"coefficient of variation {cv_percent:g}% at {mean:g}"
        return cls.from_typical_error(cv_percent * mean / 100, df, mean=mean, source=text)

    @classmethod
    def _from_pairs(
        cls, first: np.ndarray, second: np.ndarray, strata: np.ndarray, source: str, period: str
    ) -> Reliability:
        keep = np.isfinite(first) & np.isfinite(second)
        n = int(keep.sum())
        if n < _MIN:
            raise InputError(
                f"{n} people have both tests; a typical error needs {_MIN} or more",
                where=source,
                fix="Add people, or use Reliability.from_typical_error(te, df=).",
            )
        difference = (second - first)[keep]
        sd, df = kernel.pooled_sd(difference, strata[keep])
        if df < 1:
            raise AnalysisError(
                f"{n} people in as many strata leave no degrees of freedom",
                where=source,
                fix="Use fewer or coarser strata.",
            )
        scale = max(float(np.abs(first[keep]).max()), float(np.abs(second[keep]).max()))
        if sd <= 1e-12 * scale:
            raise AnalysisError(
                "Both tests differ by the same amount in everybody: the typical error is 0",
                where=source,
                fix="Check that the second test is no copy of the first.",
            )
        learning = float(difference.mean())
        p_value = 2 * stats.t.sf(abs(learning) / (sd / np.sqrt(n)), df)
        level = float(np.concatenate([first[keep], second[keep]]).mean())
        icc = single_test_icc(np.c_[first, second][keep]) if period == "short" else (_NAN,) * 3
        return cls(sd / kernel.ROOT2, df, source, n, level, learning, float(p_value), *icc, period)

    @property
    def ci_low(self) -> float:
        """Lower limit of TE, 95%, chi-square; NaN where the df are unknown."""
        return self.interval(_LEVEL)[0]

    @property
    def ci_high(self) -> float:
        """Upper limit of TE, 95%, chi-square; NaN where the df are unknown."""
        return self.interval(_LEVEL)[1]

    @property
    def sd_change(self) -> float:
        """Error of a change: sqrt(2) TE."""
        return kernel.ROOT2 * self.typical_error

    @property
    def mdc(self) -> float:
        """Minimal detectable change, 95%: 1.96 sqrt(2) TE."""
        return kernel.multiple(_LEVEL, float("inf")) * self.sd_change

    @property
    def sem(self) -> float:
        """Standard error of measurement: another name of the typical error."""
        return self.typical_error

    @property
    def cv(self) -> float:
        """Coefficient of variation in percent; NaN where the mean is unknown or not positive."""
        return 100 * self.typical_error / self.mean if self.mean > 0 else _NAN

    def interval(self, level: float) -> tuple[float, float]:
        """Chi-square interval of TE at ``level``."""
        return kernel.sd_interval(self.typical_error, self.df, level)

    def half_width(self, level: float) -> float:
        """Half width of the interval of one person's change: t(df) sqrt(2) TE."""
        return kernel.multiple(level, self.df) * self.sd_change

    def to_frame(self, level: float = _LEVEL) -> pd.DataFrame:
        """Return quantity, estimate, ci_low, ci_high: TE, CV (%), MDC, ICC (95%), learning."""
        factor = [limit / self.typical_error for limit in self.interval(level)]
        half = _NAN
        if self.n:
            half = kernel.multiple(level, self.df) * self.sd_change / np.sqrt(self.n)
        rows = [
            (name, value, value * factor[0], value * factor[1])
            for name, value in (
                ("typical_error", self.typical_error),
                ("cv_percent", self.cv),
                ("mdc95", self.mdc),
            )
        ]
        rows.append(("icc", self.icc, self.icc_low, self.icc_high))
        rows.append(("learning", self.learning, self.learning - half, self.learning + half))
        return pd.DataFrame(rows, columns=["quantity", "estimate", "ci_low", "ci_high"])

    def to_dict(self) -> dict[str, Any]:
        """Numbers and source; None where a number is unknown."""
        own = {**asdict(self), "ci_low": self.ci_low, "ci_high": self.ci_high}
        return {
            k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in own.items()
        }
