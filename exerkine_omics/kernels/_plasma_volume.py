"""Percent changes of blood, red cell and plasma volume from haemoglobin and haematocrit.

References
----------
Dill DB, Costill DL (1974) Calculation of percentage changes in volumes of blood, plasma, and red
cells in dehydration. J Appl Physiol 37:247-248. Van Beaumont W (1972) Evaluation of
hemoconcentration from hematocrit measurements. J Appl Physiol 32:712-713.
"""

from __future__ import annotations

import numpy as np


def dill_costill(
    haemoglobin_before: np.ndarray,
    haemoglobin_after: np.ndarray,
    haematocrit_before: np.ndarray,
    haematocrit_after: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return changes in percent (n,) of blood, red cells, plasma; haematocrit as a fraction.

    Haemoglobin stays in the vessels: :math:`BV_2 / BV_1 = Hb_1 / Hb_2`, red cells are
    :math:`CV = BV \cdot Hct` and plasma :math:`PV = BV (1 - Hct)`.
    """
    blood = haemoglobin_before / haemoglobin_after
    cells = blood * haematocrit_after / haematocrit_before
    plasma = blood * (1 - haematocrit_after) / (1 - haematocrit_before)
    return 100 * (blood - 1), 100 * (cells - 1), 100 * (plasma - 1)


def van_beaumont(haematocrit_before: np.ndarray, haematocrit_after: np.ndarray) -> np.ndarray:
    r"""Change in percent (n,) of plasma if the red cells' volume stays as it was.

    .. math:: \Delta PV = 100 \frac{Hct_1 - Hct_2}{Hct_2 (1 - Hct_1)}
    """
    return (
        100
        * (haematocrit_before - haematocrit_after)
        / (haematocrit_after * (1 - haematocrit_before))
    )
