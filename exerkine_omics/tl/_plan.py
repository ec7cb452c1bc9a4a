"""How many people a study needs before it can answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels import _plan as kernel

N_PER_ARM = (8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 800, 1200, 2000)


def plan_response(
    sd_ir: float,
    reliability: Reliability,
    *,
    smallest_sd_ir: float | None = None,
    level: float = 0.95,
    method: str = "closed",
    n_per_arm: Sequence[int] = N_PER_ARM,
) -> pd.DataFrame:
    r"""Say how often a two-arm trial of n people an arm would know whether responses differ.

    Use it before a trial, or to see what "cannot be known" would have taken.

    With noise :math:`\sigma_c^2 = 2 TE^2` in the control arm's change and
    :math:`\sigma_t^2 = \sigma_c^2 + SDir^2`, SDir's interval lies above 0 exactly where the
    observed variance ratio exceeds a critical one, and that ratio over the true one is F
    distributed.

    Parameters
    ----------
    sd_ir
        True SD of individual response, in the outcome's units.
    reliability
        Noise over the trial's weeks; a retest's short-term noise makes the answer too small.
    smallest_sd_ir
        Smallest SDir that matters, for the power to call a constant response negligible.
    level
        Level of SDir's interval.
    method
        ``closed`` or ``mover``, as in `responders`.
    n_per_arm
        Sizes to look at.

    Returns
    -------
    DataFrame
        n_per_arm, p_differs (SDir as given), p_differs_if_constant (the false alarms),
        p_negligible_if_constant (NaN without ``smallest_sd_ir``; normal-theory interval, one
        wholly below 0 not counted).

    Raises
    ------
    UsageError
        For an SDir, size, level or method that is none.

    Notes
    -----
    Missing values: people are counted as measured twice; enrol more by the drop-out expected.

    References
    ----------
    Atkinson & Batterham 2015, Exp Physiol 100:577. Hopkins 2018, Sportscience 22: individual
    responses take about four times the people that the mean takes.

    Examples
    --------
    >>> from exerkine_omics import Reliability, tl
    >>> rel = Reliability.from_typical_error(2.0, df=30)
    >>> tl.plan_response(2.0, rel, n_per_arm=[20, 100])["p_differs"].round(2).tolist()
    [0.07, 0.5]
    """
    _positive(sd_ir, "sd_ir")
    if smallest_sd_ir is not None:
        _positive(smallest_sd_ir, "smallest_sd_ir")
    _share(level, "level")
    if method not in ("closed", "mover"):
        raise UsageError(f"method={method!r}", fix="Say 'closed' or 'mover'.")
    if not isinstance(reliability, Reliability):
        raise UsageError(
            f"reliability={reliability!r} is no Reliability",
            fix="Give exo.Reliability.from_control(pre, post) or .from_typical_error(te, df=).",
        )
    noise = reliability.sd_change**2
    rows = []
    for n in _sizes(n_per_arm):
        negligible = float("nan")
        if smallest_sd_ir is not None:
            negligible = kernel.power_negligible(n, n, smallest_sd_ir**2 / noise, level)
        rows.append(
            {
                "n_per_arm": n,
                "p_differs": kernel.power_sd_ir(n, n, 1 + sd_ir**2 / noise, level, method),
                "p_differs_if_constant": kernel.power_sd_ir(n, n, 1.0, level, method),
                "p_negligible_if_constant": negligible,
            }
        )
    return frame_for_storage(pd.DataFrame(rows))


def plan_change(
    effect: float,
    sd_change: float,
    *,
    control: bool = True,
    alpha: float = 0.05,
    n_per_arm: Sequence[int] = N_PER_ARM,
) -> pd.DataFrame:
    """Say how often n people an arm would show a mean change of an outcome.

    Use it for an outcome, an analyte or a signature score tested alone; for many analytes at a
    false discovery rate see `plan_features`.

    Parameters
    ----------
    effect
        Mean change to find (with ``control`` the difference of the arms' mean changes), in the
        unit of ``sd_change``.
    sd_change
        SD of the change between people (not of the baseline).
    control
        Two arms of equal size, pooled t test; else one arm, paired t test.
    alpha
        Two-sided level.
    n_per_arm
        Sizes to look at.

    Returns
    -------
    DataFrame
        n_per_arm, power.

    Raises
    ------
    UsageError
        For an effect, SD, level or size that is none.

    Notes
    -----
    Missing values: people are counted as measured twice.
    """
    _positive(abs(effect) if _is_number(effect) else effect, "effect")
    _positive(sd_change, "sd_change")
    _share(alpha, "alpha")
    rows = [
        (n, float(kernel.power_t(effect / sd_change, n, alpha, n if control else None)))
        for n in _sizes(n_per_arm)
    ]
    return frame_for_storage(pd.DataFrame(rows, columns=["n_per_arm", "power"]))


def plan_features(
    pilot: pd.DataFrame,
    *,
    effect: float = 0.5,
    fdr: float = 0.05,
    share_changed: float = 0.1,
    contrast: str | None = None,
    control: bool = False,
    n_per_arm: Sequence[int] = N_PER_ARM,
) -> pd.DataFrame:
    r"""Say how many true changes among many analytes n people would find at a given FDR.

    Use it with the result frame of a pilot: each feature's own SD of change is taken from it,
    :math:`s_f = SE_f \sqrt{n_f}`, n its pairs. Power is the mean over features of the t test's at
    the p threshold that holds the FDR when a share of the features changed.

    Parameters
    ----------
    pilot
        Result frame of `differential` (a within-person contrast ``post - pre``; a comparison of
        arms holds no SD of one arm's change), or of
        `score_change`'s test; rows whose status is not ``ok`` are left out.
    effect
        Change of those that changed, in the frame's units (log2 fold change).
    fdr
        False discovery rate asked for.
    share_changed
        Share of features truly changed.
    contrast
        The contrast to take, where the frame has several.
    control
        Two arms of equal size (the arm difference of changes); else one arm.
    n_per_arm
        Sizes to look at.

    Returns
    -------
    DataFrame
        n_per_arm, power (mean share of the true changes found), p_threshold, n_features.

    Raises
    ------
    InputError
        If the frame lacks se, n_pairs or the contrast, or no row can be used.
    UsageError
        For an effect, share, rate or size that is none, or a contrast that compares arms.

    Notes
    -----
    Missing values: a feature's pairs are its own. Features are taken as independent; correlation
    leaves the mean power and widens its spread. The SD of a small pilot is itself uncertain: with
    10 people its 95% limits are 0.69 and 1.83 times the estimate.

    References
    ----------
    Liu & Hwang 2007, Bioinformatics 23:739.
    """
    _positive(abs(effect) if _is_number(effect) else effect, "effect")
    _share(fdr, "fdr")
    _share(share_changed, "share_changed")
    if not isinstance(pilot, pd.DataFrame):
        raise InputError(f"The pilot is a {type(pilot).__name__}, not a DataFrame", where="pilot")
    absent = [c for c in ("contrast", "se", "n_pairs", "status") if c not in pilot.columns]
    if absent:
        raise InputError(
            f"The pilot's frame lacks {shown(absent)}",
            where="pilot",
            fix="Give the result frame of exo.tl.differential.",
        )
    names = list(dict.fromkeys(pilot["contrast"].astype(str)))
    if contrast is None and len(names) > 1:
        raise UsageError(
            f"The pilot has {len(names)} contrasts: {shown(names)}",
            where="contrast=",
            fix=f"Name one: contrast={names[0]!r}.",
        )
    chosen = names[0] if contrast is None else contrast
    if chosen not in names:
        raise InputError(f"No contrast {chosen!r}", where="pilot", fix=f"It has {shown(names)}.")
    if " - " in chosen.split(": ")[0] and ": " in chosen:
        raise UsageError(
            f"{chosen!r} compares arms: its standard error is that of two groups, not of pairs",
            where="contrast=",
            fix="Name one arm's change, as in 'EE: post - pre', and say control=True.",
        )
    rows = pilot[(pilot["contrast"].astype(str) == chosen) & (pilot["status"] == schema.OK)]
    sd = rows["se"].to_numpy(float) * np.sqrt(rows["n_pairs"].to_numpy(float))
    sd = sd[np.isfinite(sd) & (sd > 0)]
    if not len(sd):
        raise InputError(f"No feature of {chosen!r} has a standard error and pairs", where="pilot")
    found = []
    for n in _sizes(n_per_arm):
        power, threshold = kernel.power_features(
            effect / sd, n, fdr, share_changed, n if control else None
        )
        found.append((n, power, threshold, len(sd)))
    columns = ["n_per_arm", "power", "p_threshold", "n_features"]
    return frame_for_storage(pd.DataFrame(found, columns=columns))


def _sizes(values: Sequence[int]) -> list[int]:
    sizes = list(values) if np.iterable(values) else [values]
    wrong = [v for v in sizes if not _is_number(v) or int(v) != v or v < 3]
    if wrong or not sizes:
        raise UsageError(
            f"n_per_arm holds {shown(wrong)}" if wrong else "n_per_arm is empty",
            fix="Give whole numbers from 3 up.",
        )
    return [int(v) for v in sizes]


def _positive(value: float, name: str) -> None:
    if not _is_number(value) or not value > 0:
        raise UsageError(f"{name}={value!r} is no size", where=f"{name}=", fix="Give a number > 0.")


def _share(value: float, name: str) -> None:
    if not _is_number(value) or not 0 < value < 1:
        raise UsageError(f"{name}={value!r} is no share", fix="Give a number between 0 and 1.")


def _is_number(value: object) -> bool:
    real = isinstance(value, (int, float, np.integer, np.floating))
    return real and not isinstance(value, bool) and bool(np.isfinite(value))  # type: ignore[call-overload]
