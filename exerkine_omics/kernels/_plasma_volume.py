"""Change of plasma, blood and red cell volume from haemoglobin and haematocrit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class VolumeChange:
    """Change of each volume against the sample before it, percent (n); NaN where not known."""

    plasma: np.ndarray
    blood: np.ndarray
    cells: np.ndarray


def volume_change(
    haemoglobin: np.ndarray | None,
    haematocrit: np.ndarray,
    before: np.ndarray,
) -> VolumeChange:
    r"""Compare each sample's blood with that of the sample before.

    The haemoglobin of the vessels is taken to stay in them, so that a litre that holds more of it
    is the rest of more than a litre. With :math:`B = Hb_0 / Hb_1` the blood volume that is left,

    .. math:: \Delta BV = 100 (B - 1), \quad
              \Delta CV = 100 \left(B \frac{Hct_1}{Hct_0} - 1\right), \quad
              \Delta PV = 100 \left(B \frac{1 - Hct_1}{1 - Hct_0} - 1\right)

    Parameters
    ----------
    haemoglobin
        Concentration in whole blood (n), any one unit. None: red cells are taken to keep their
        volume, :math:`B = Hct_0 / Hct_1`.
    haematocrit
        Red cells' share of the blood (n), 0 to 1.
    before
        Row of the sample that each is compared with (n); -1 where there is none.

    Returns
    -------
    VolumeChange
        Percent; 0 where a sample is compared with itself, NaN where a value is missing.

    References
    ----------
    Dill DB, Costill DL (1974) Calculation of percentage changes in volumes of blood, plasma, and
    red cells in dehydration. J Appl Physiol 37:247-248.
    Van Beaumont W (1972) Evaluation of hemoconcentration from hematocrit measurements. J Appl
    Physiol 32:712-713.
    """
    there = before >= 0
    marker = haematocrit if haemoglobin is None else haemoglobin
    blood = np.where(there, marker[before], np.nan) / marker
    hct = np.where(there, haematocrit[before], np.nan)
    # blood as the haematocrit gives it would still name a change without the one of the two
    blood = np.where(np.isfinite(haematocrit) & np.isfinite(hct), blood, np.nan)
    cells = blood * haematocrit / hct
    plasma = blood * (1 - haematocrit) / (1 - hct)
    # a sample beside itself is 0 to the bit
    same = (before == np.arange(len(before))) & np.isfinite(blood)
    percent = [np.where(same, 0.0, 100 * (v - 1)) for v in (plasma, blood, cells)]
    return VolumeChange(*percent)


def undo_volume_change(
    values: np.ndarray, percent: np.ndarray, log: np.ndarray, sign: np.ndarray
) -> np.ndarray:
    r"""Bring concentrations back to the volume before.

    :math:`c (1 + \Delta / 100)` on a linear scale, :math:`x \pm \log_2(1 + \Delta / 100)` on log2.

    Parameters
    ----------
    values
        Samples x features.
    percent
        Change of the volume (samples); NaN makes the sample's values NaN.
    log, sign
        Whether a feature is on log2 (features), and -1 where up means less (Cq), else 1.

    Returns
    -------
    ndarray
        Samples x features.
    """
    left = 1 + np.asarray(percent, dtype=float) / 100
    shift = np.log2(left)[:, None] * sign
    return np.where(log, values + shift, values * left[:, None])
