"""Did the signatures change: a test on each person's own change of score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Rows, collect, levels, result_rows
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._paired import PairedT, paired_t

_NEEDED = (schema.SUBJECT, "signature", schema.TIMEPOINT, "baseline", "change", "std_change")


def score_test(changes: pd.DataFrame, *, control: str | None = None) -> pd.DataFrame:
    """Test the mean change of each signature's score, in each arm and against a control arm.

    Use it on the frame of `score_change`. Within an arm it is the one-sample t test of the
    people's changes; against the control arm it is Welch's t test.

    Parameters
    ----------
    changes
        Frame of `score_change`.
    control
        Arm whose change is subtracted.

    Returns
    -------
    DataFrame
        The columns of every test (see `differential`), with the signature as feature; the
        estimate is in the unit of the score (``baseline_z``: baseline SDs of the members),
        ``effect_size`` the mean of ``std_change``.

    Raises
    ------
    InputError
        If columns are missing.
    UsageError
        If ``changes`` is no frame, or ``control`` none of the arms.

    Notes
    -----
    Missing values: a person without a change at a time does not count at that time.

    With few people ``baseline_z`` is slightly liberal, since its SDs come from the same people's
    baseline: for unrelated samples SE is too small by about 1 / (2 (n - 1)) of itself (6% instead
    of 5% at n = 8; docs/scores_real.md). A ``reference`` of other people has no such effect.
    """
    if not isinstance(changes, pd.DataFrame):
        raise UsageError(
            f"This is a {type(changes).__name__}, not a frame",
            where="changes=",
            fix="Give the frame of exo.tl.score_change.",
        )
    missing = [c for c in _NEEDED if c not in changes]
    if missing:
        raise InputError(
            f"The frame has no column {shown(missing)}",
            fix="Give the frame of exo.tl.score_change.",
        )
    signatures = levels(changes["signature"])
    methods = levels(changes["method"]) if "method" in changes else ["baseline_z"]
    units = schema.score_unit(methods[0]) if len(methods) == 1 else "score"
    frames = []
    for name, rows, sign, n_groups in score_contrasts(changes, control):
        frames.append(_one_contrast(changes[rows], sign, name, signatures, n_groups, units))
    return collect(frames)


@dataclass(frozen=True)
class ScoreContrast:
    """One contrast of `score_test`: time point, arms (the second subtracted), and its name."""

    timepoint: str
    arms: tuple[str, ...]
    name: str


def contrasts_of(
    timepoints: Sequence[str], arms: Sequence[str], baseline: str, control: str | None
) -> Iterator[ScoreContrast]:
    """Give the contrasts of `score_test`, in its order; ``arms`` is ``[""]`` without arms."""
    if control is not None and control not in [a for a in arms if a]:
        raise UsageError(
            f"control={control!r} is none of the arms {shown(a for a in arms if a)}",
            fix="Leave it out to see each arm by itself.",
        )
    for timepoint in timepoints:
        label = f"{timepoint} - {baseline}"
        for arm in arms:
            yield ScoreContrast(timepoint, (arm,), f"{arm}: {label}" if arm else label)
        for arm in arms if control is not None else ():
            if control is not None and arm != control:
                yield ScoreContrast(timepoint, (arm, control), f"{arm} - {control}: {label}")


def score_contrasts(
    changes: pd.DataFrame, control: str | None
) -> Iterator[tuple[str, np.ndarray, np.ndarray, int]]:
    """Go through the contrasts of people's changes: each arm at each time, and minus the control.

    ``changes`` has timepoint, baseline and perhaps arm. Yields the contrast's name, its rows
    (mask), the sign of each of these (-1 for the control arm), and the number of arms in it.
    """
    has_arms = schema.ARM in changes
    arm = (changes[schema.ARM].astype(str) if has_arms else pd.Series("", changes.index)).to_numpy()
    arms = levels(changes[schema.ARM]) if has_arms else [""]
    start = levels(changes["baseline"])[0] if len(changes) else ""
    time = changes[schema.TIMEPOINT].astype(str).to_numpy()
    for job in contrasts_of(levels(changes[schema.TIMEPOINT]), arms, start, control):
        rows = (time == job.timepoint) & np.isin(arm, job.arms)
        yield job.name, rows, np.where(arm[rows] == job.arms[0], 1.0, -1.0), len(job.arms)


def _one_contrast(
    part: pd.DataFrame,
    sign: np.ndarray,
    name: str,
    signatures: list[str],
    n_groups: int,
    units: str,
) -> Rows:
    part = pd.DataFrame(
        {
            schema.SUBJECT: part[schema.SUBJECT].astype(str),
            "signature": part["signature"].astype(str),
            "change": part["change"] * sign,
            "std_change": part["std_change"] * sign,
            "_sign": sign,
        }
    )
    wide = {
        value: part.pivot(index=schema.SUBJECT, columns="signature", values=value)
        .reindex(columns=signatures)
        .to_numpy(float)
        for value in ("change", "std_change")
    }
    group = part.drop_duplicates(schema.SUBJECT).sort_values(schema.SUBJECT)["_sign"].to_numpy()
    # 0 for the arm itself, 1 for the control whose sign is turned
    number = (group < 0).astype(int)
    fit, size = (paired_t(wide[v], number, n_groups) for v in ("change", "std_change"))
    return result_rows(
        signatures,
        name,
        estimate=fit.estimate,
        se=fit.se,
        df=fit.df,
        effect_size=size.estimate,
        n_pairs=fit.n,
        n_obs=2 * fit.n,
        status=_status(fit),
        method="paired_t",
        units=units,
    )


def _status(fit: PairedT) -> np.ndarray:
    status = np.full(len(fit.n), schema.OK, dtype=object)
    status[~(fit.se > 0)] = "no variance between pairs"
    status[~fit.enough] = "fewer than 2 pairs in an arm"
    status[fit.n == 0] = "no pairs"
    return status
