"""Each person's own course after a bout: area, peak, recovery."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    build_design,
    dense,
    frame_for_storage,
    require_same_members,
    require_slug,
    units,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError
from exerkine_omics.kernels import _course
from exerkine_omics.tl._schedule import schedule

_NUMBERS = ("auc", "duration", "peak", "peak_minutes", "recovery_ratio")


def area_under_curve(
    adata: AnnData,
    *,
    minutes: str = schema.MINUTES_POST,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    incremental: bool = True,
    interpolate: bool = False,
    baseline_minutes: float | None = None,
    layer: str | None = None,
    key_added: str = "area_under_curve",
) -> pd.DataFrame:
    r"""Say how large each person's response was over the whole course, one number a feature.

    Use it to compare people, or to relate the size of a response to an outcome; the shape of the
    mean course and its uncertainty are `time_course`'s.

    .. math:: \mathrm{AUC} = \sum_k (t_{k+1} - t_k) (y_k + y_{k+1}) / 2

    with :math:`y_k = x_k - x_0` (``incremental``, the change from the person's own baseline) or
    :math:`y_k = x_k` (total). The incremental area is net: what lies below the baseline is
    subtracted.

    Parameters
    ----------
    adata
        Samples x features; any scale, since one person is compared with the same person. On a
        log2 scale the incremental area is log2 fold change x minutes.
    minutes
        Column of ``obs``: minutes after the end of the bout, negative during it.
    timepoint, subject, arm
        Columns of ``obs``. The default arm is used when it is there; ``arm=None`` pools.
    incremental
        Area of the change from baseline; False: of the values themselves.
    interpolate
        Whether a missing time between two others is bridged by the line between them. A missing
        baseline or last time is never made up.
    baseline_minutes
        Minute at which the baseline stands; None is the median of the baseline samples' own
        minutes, or 0 where none has one.
    layer
        Layer used in place of X; it has X's units.
    key_added
        Key of ``uns`` that receives the frame.

    Returns
    -------
    DataFrame
        One row a person and feature: subject_id, arm (empty without arms), feature, auc,
        duration (minutes from baseline to the last time), n_points (values there), peak (largest
        change from baseline, either direction), peak_minutes, recovery_ratio (last change / peak:
        1 no recovery, 0 full recovery, negative beyond the start), units (of the area), status.
        ``status`` is ``ok``, ``missing <time points>``, or ``no change`` (area and peak are 0, and
        there is no time of the peak). A bridged time shows in ``n_points``.

    Raises
    ------
    InputError
        If a sample after baseline has no minute, or is not later than the baseline, or a person
        has two samples of one time.
    UnitsError
        If X holds Cq, where up means less.

    Notes
    -----
    Missing values: a NaN cell is the same as an absent sample. A person is expected at every time
    point that the person's arm has; without one of them all numbers are NaN (a missing point
    changes the area), unless ``interpolate`` may bridge it. The baseline stands at one minute for
    all, so that waiting longer before a bout adds nothing; other samples at their own minutes.

    References
    ----------
    Matthews JNS, Altman DG, Campbell MJ, Royston P (1990) Analysis of serial measurements in
    medical research. BMJ 300:230-235. doi:10.1136/bmj.300.6719.230

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> adata.obs["minutes"] = (adata.obs["timepoint"] == "post") * 60.0
    >>> frame = exo.tl.area_under_curve(adata, minutes="minutes")
    >>> frame["duration"].dropna().unique()
    array([60.])
    """
    for name, value in (("incremental", incremental), ("interpolate", interpolate)):
        if not isinstance(value, (bool, np.bool_)):
            raise UsageError(f"{name}={value!r} is neither True nor False")
    require_slug(key_added)
    require_same_members(adata)
    unit = units(adata)
    if unit == "Cq":
        raise UnitsError(
            "tl.area_under_curve needs values where up means more and X holds Cq",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix="Call exo.pp.log2(adata) first: it turns the sign.",
        )
    if not adata.obs_names.is_unique or not adata.var_names.is_unique:
        raise InputError("Names stand more than once", where="obs_names or var_names")
    design = build_design(adata, timepoint=timepoint, subject=subject, arm=arm)
    times = schedule(adata, design, minutes, baseline_minutes)
    values = dense(adata, layer)
    # in order of the planned times, baseline first; the first row of a person is the baseline's
    planned = (design.baseline, *times.timepoints)
    rank = {t: i for i, t in enumerate(planned)}
    place = np.array([rank[c.timepoint] for c in design.cells])[design.cell]
    row = np.full((len(design.subjects), len(planned)), -1)
    row[design.subject, place] = np.arange(adata.n_obs)
    arms = design.subject_arm()
    in_arm = np.zeros((len(design.arms), len(planned)), dtype=bool)
    in_arm[arms[design.subject], place] = True
    in_arm[:, 0] = True
    parts = [
        _person(values, times.minutes, row[i], in_arm[arms[i]], planned, incremental, interpolate)
        for i in range(len(design.subjects))
    ]
    f = adata.n_vars
    table = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    frame = pd.DataFrame(
        {
            schema.SUBJECT: pd.Categorical(np.repeat(design.subjects, f), design.subjects),
            schema.ARM: pd.Categorical(np.repeat(np.array(design.arms)[arms], f), design.arms),
            "feature": pd.Categorical(
                np.tile(adata.var_names.to_numpy(object), len(parts)), adata.var_names
            ),
            "auc": table["auc"],
            "duration": table["duration"],
            "n_points": table["n_points"].astype("int64"),
            "peak": table["peak"],
            "peak_minutes": table["peak_minutes"],
            "recovery_ratio": table["recovery_ratio"],
            "units": np.tile(_area_units(adata, unit), len(parts)),
            "status": table["status"],
        }
    )
    frame = frame_for_storage(frame)
    adata.uns[key_added] = frame
    add_step(
        adata,
        "tl.area_under_curve",
        minutes=minutes,
        baseline_minutes=times.anchor,
        incremental=bool(incremental),
        interpolate=bool(interpolate),
        layer=layer,
        key_added=key_added,
    )
    return frame


def _person(
    values: np.ndarray,
    minutes: np.ndarray,
    row: np.ndarray,
    expected: np.ndarray,
    planned: tuple[str, ...],
    incremental: bool,
    interpolate: bool,
) -> dict[str, np.ndarray]:
    """All features of one person; ``row`` is the sample at each planned time, -1 for none."""
    wanted = np.flatnonzero(expected)
    own = np.full((len(wanted), values.shape[1]), np.nan)
    at = np.zeros(len(wanted))
    there = row[wanted] >= 0
    own[there] = values[row[wanted][there]]
    at[there] = minutes[row[wanted][there]]
    finite = np.isfinite(own)
    # people's own minutes may swap two planned times
    used = np.flatnonzero(there)[np.argsort(at[there], kind="stable")]
    change = own - own[0]
    ends = finite[0] & finite[-1]
    area, duration, peak, peak_minutes, ratio = np.full((5, own.shape[1]), np.nan)
    if len(used):
        area = _course.trapezoid((change if incremental else own)[used], at[used])
        best = _course.peak(np.where(np.isfinite(change[used]), change[used], 0.0).T, at[used])
        peak, ratio = best.change, best.recovery_ratio
        peak_minutes = np.where(peak != 0, best.minutes, np.nan)
        duration = np.full(own.shape[1], at[used[-1]] - at[0])
        ends = ends & finite[used[-1]]
    whole = finite.all(axis=0)
    lost = ~whole & ~(ends & interpolate)
    status = np.where(peak == 0, "no change", schema.OK).astype(object)
    for pattern in np.unique(finite[:, lost], axis=1).T:
        same = lost & (finite == pattern[:, None]).all(axis=0)
        names = [planned[w] for w, has in zip(wanted, pattern, strict=True) if not has]
        status[same] = "missing " + ", ".join(names)
    blank = np.where(lost, np.nan, 1.0)
    numbers = zip(_NUMBERS, (area, duration, peak, peak_minutes, ratio), strict=True)
    result = {name: number * blank for name, number in numbers}
    result["n_points"] = finite.sum(axis=0)
    result["status"] = status
    return result


def _area_units(adata: AnnData, unit: str) -> np.ndarray:
    """Name the unit of each feature's area."""
    if unit == schema.MIXED and schema.UNIT_COLUMN in adata.var:
        return np.array([f"{u} x min" for u in adata.var[schema.UNIT_COLUMN]], dtype=object)
    return np.full(adata.n_vars, f"{unit} x min", dtype=object)
