"""Whether true responses differ: SDir by four intervals, and one of three verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.cohort._responder_result import SdIr
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels import _response as kernel
from exerkine_omics.kernels import _sd_ir
from exerkine_omics.parallel import stream
from exerkine_omics.tl._arms import Arms

METHODS = ("closed", "mover", "mixed", "bootstrap")
_MIN = 3
_EQUAL = 1e-12  # of the level: rounding, no spread
_NAN = float("nan")


def check_method(method: str, n_draws: int) -> None:
    """Raise `UsageError` for a method that is none, or too few draws for a percentile."""
    if method not in METHODS:
        raise UsageError(f"sd_ir_method={method!r}", fix=f"One of {', '.join(METHODS)}.")
    if isinstance(n_draws, bool) or not isinstance(n_draws, int) or n_draws < 200:
        raise UsageError(f"n_draws={n_draws!r} is too few", fix="Give 200 or more; 2000 is usual.")


def heterogeneity(
    arms: Arms,
    *,
    smallest: float,
    between: float,
    level: float,
    method: str,
    threshold: float,
    sign: float,
    n_draws: int,
    seed: int,
) -> tuple[SdIr, pd.DataFrame, tuple[float, float], str]:
    """SDir, the table of its methods, the bootstrap interval of the proportion, and why unknown."""
    shared = arms.shared
    sd_t, df_t = _change_sd(shared if arms.has_control else arms.treated)
    sd_c, df_c = _change_sd(arms.noise)
    table = _table([])
    proportion = (_NAN, _NAN)
    reason = ""
    if not arms.has_control:
        reason = (
            "Without a control arm the spread of changes holds noise and response alike: one "
            "arm cannot tell them apart."
        )
    elif len(shared) < _MIN or df_t < 1 or df_c < 1:
        reason = (
            f"{len(shared)} treated and {len(arms.noise)} control people of shared strata "
            "are too few for two standard deviations."
        )
    elif min(sd_t, sd_c) <= _EQUAL * float(arms.measured[schema.PRE].abs().max()):
        reason = (
            "All people of an arm changed by the same amount, which no measurement does: check "
            "that no test is a copy of another."
        )
    else:
        closed = kernel.sd_individual_response(sd_t, df_t, sd_c, df_c, level)
        mover = (closed[0], *_sd_ir.mover_interval(sd_t, df_t, sd_c, df_c, level))
        mixed = _mixed(shared, arms.noise, level)
        drawn, proportion = _bootstrap(shared, arms.noise, threshold, sign, level, n_draws, seed)
        table = _table(
            [("closed", *closed), ("mover", *mover), ("mixed", *mixed), ("bootstrap", *drawn)]
        )
    chosen = table.loc[table["method"].astype(str) == method, ["estimate", "ci_low", "ci_high"]]
    estimate, low, high = chosen.iloc[0] if len(chosen) else (_NAN, _NAN, _NAN)
    if not reason and not np.isfinite(estimate):
        reason = f"SDir by {method!r} has no solution here: an arm varies too little."
    size = estimate / between if between > 0 else _NAN
    ir = SdIr(
        float(estimate), float(low), float(high), float(level), smallest, float(size),
        sd_t, sd_c, df_t, df_c, method,
    )  # fmt: skip
    return ir, table, proportion, reason


def verdict(ir: SdIr, unknown: str, default: bool) -> tuple[str, str]:
    """Return ``differs``, ``negligible`` or ``cannot be known``, and why in one sentence."""
    if unknown:
        return "cannot be known", unknown
    span = f"SDir {ir.estimate:.3g}, {ir.level:.0%} interval {ir.ci_low:.3g} to {ir.ci_high:.3g}"
    origin = "0.1 SD of the baseline between people" if default else "as given"
    size = f"the smallest that matters, {ir.smallest:.3g} ({origin})"
    if ir.ci_high < 0:
        return "cannot be known", (
            f"{span}: the control arm varies more than the treated arm, so its noise is no "
            "measure of theirs."
        )
    if ir.ci_high < ir.smallest:
        return "negligible", f"{span}: all of it below {size}."
    if ir.ci_low > 0:
        return "differs", f"{span}: above 0. Compare {size}."
    return "cannot be known", (
        f"{span}: it holds 0 and also {size}. This is no evidence that all respond alike."
    )


def _change_sd(people: pd.DataFrame) -> tuple[float, float]:
    known = people.loc[people["change"].notna()]
    if not len(known):
        return _NAN, 0.0
    return kernel.pooled_sd(known["change"].to_numpy(float), known["stratum"].to_numpy(object))


def _mixed(treated: pd.DataFrame, control: pd.DataFrame, level: float) -> tuple[float, ...]:
    """SDir of change ~ arm x stratum + baseline with a residual variance for each arm."""
    people = pd.concat([treated, control])
    people = people.loc[people["change"].notna()]
    first = np.r_[
        np.ones(int(treated["change"].notna().sum()), dtype=bool),
        np.zeros(int(control["change"].notna().sum()), dtype=bool),
    ]
    cell = people["stratum"].astype(str).to_numpy(object) + np.where(first, "|1", "|0")
    cells = pd.get_dummies(pd.Series(cell))
    design = np.c_[cells.to_numpy(float), people[schema.PRE].to_numpy(float)]
    design[:, -1] -= design[:, -1].mean()
    if len(people) - np.linalg.matrix_rank(design) < _MIN:
        return _NAN, _NAN, _NAN
    if np.linalg.matrix_rank(design) < design.shape[1]:
        design = design[:, :-1]  # a baseline that all share
    fit = _sd_ir.fit_two_variances(people["change"].to_numpy(float), design, first)
    difference = fit.sd_treated**2 - fit.sd_control**2
    half = kernel.multiple(level, float("inf")) * fit.se_difference
    return tuple(kernel.signed_root(v) for v in (difference, difference - half, difference + half))


def _bootstrap(
    treated: pd.DataFrame,
    control: pd.DataFrame,
    threshold: float,
    sign: float,
    level: float,
    n_draws: int,
    seed: int,
) -> tuple[tuple[float, float, float], tuple[float, float]]:
    first, second = _ordered(treated, sign), _ordered(control, sign)
    sd_ir, share = _sd_ir.bootstrap(
        *first, *second, threshold, n_draws, stream(seed, "tl.responders", "sd_ir")
    )
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(sd_ir, tails)
    sds = [kernel.pooled_sd(v, s)[0] for v, s in (first, second)]
    estimate = kernel.signed_root(sds[0] ** 2 - sds[1] ** 2)
    return (estimate, float(low), float(high)), tuple(np.quantile(share, tails).tolist())  # type: ignore[return-value]


def _ordered(people: pd.DataFrame, sign: float) -> tuple[np.ndarray, np.ndarray]:
    """Sort changes and stratum codes, so that the order of the table does not matter."""
    known = people.loc[people["change"].notna()]
    change = sign * known["change"].to_numpy(float)
    code = np.unique(known["stratum"].to_numpy(object).astype(str), return_inverse=True)[1]
    order = np.lexsort((change, code))
    return change[order], code[order]


def _table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["method", "estimate", "ci_low", "ci_high"])
    frame["method"] = pd.Categorical(frame["method"], categories=METHODS)
    for column in ("estimate", "ci_low", "ci_high"):
        frame[column] = frame[column].astype("float64")
    return frame_for_storage(frame)
