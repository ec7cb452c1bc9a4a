"""The shape of fitted curves: their peak with its intervals, and the recovery."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.kernels import _course
from exerkine_omics.parallel import stream
from exerkine_omics.tl._course_fit import Course, FittedBlock

DRAWS = 1000
_CHUNK = 64  # features whose draws are held at a time


def shape_of(
    course: Course, parts: Sequence[FittedBlock], features: np.ndarray, units: str, seed: int
) -> pd.DataFrame:
    """One row a feature and arm: the curve's peak with its intervals, and the recovery."""
    frames = []
    for a, arm in enumerate(course.arms):
        beta, covariance, df, status = (
            np.concatenate(p) for p in zip(*(part.curves[a] for part in parts), strict=True)
        )
        ok = status == schema.OK
        best = _course.spline_peak(np.where(ok[:, None], beta, 0.0), course.knots)
        interval = np.full((2, 2, len(features)), np.nan)
        known = np.flatnonzero(ok)
        for chunk in np.array_split(known, len(known) // _CHUNK + 1):
            normal = np.empty((len(chunk), DRAWS, course.df))
            chi_square = np.empty((len(chunk), DRAWS))
            for i, feature in enumerate(chunk):
                rng = stream(seed, "time_course", str(features[feature]), arm)
                normal[i] = rng.standard_normal((DRAWS, course.df))
                chi_square[i] = rng.chisquare(df[feature], DRAWS)
            curves = _course.drawn_curves(
                beta[chunk], covariance[chunk], df[chunk], normal, chi_square
            )
            drawn = _course.spline_peak(curves.reshape(-1, course.df), course.knots)
            for row, values in enumerate((drawn.minutes, drawn.change)):
                values = values.reshape(len(chunk), DRAWS)
                interval[row][:, chunk] = np.quantile(values, (0.025, 0.975), axis=1)
        blank = np.where(ok, 1.0, np.nan)
        frames.append(
            pd.DataFrame(
                {
                    "feature": features,
                    schema.ARM: arm,
                    "peak_minutes": best.minutes * blank,
                    "peak_minutes_low": interval[0, 0],
                    "peak_minutes_high": interval[0, 1],
                    "peak_change": best.change * blank,
                    "peak_change_low": interval[1, 0],
                    "peak_change_high": interval[1, 1],
                    "recovery_ratio": best.recovery_ratio * blank,
                    "units": units,
                    "status": status,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    frame["feature"] = pd.Categorical(frame["feature"], features)
    frame[schema.ARM] = pd.Categorical(frame[schema.ARM], course.arms)
    return frame
