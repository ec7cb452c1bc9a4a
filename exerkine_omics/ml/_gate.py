"""Riley's sample size: how many people a fair model of all candidate features would take."""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels import _performance as performance
from exerkine_omics.ml._blocks import Material
from exerkine_omics.ml._verdict import Gate

_ANTICIPATED_AUC = 0.75
_ANTICIPATED_R2 = 0.2
_TEN = 10


def sample_size_gate(material: Material, n_clinical: int) -> Gate:
    """Riley's rule at an AUC of 0.75 (R² of 0.2), fixed in advance: an observed one is optimistic.

    For a change the criterion of the mean outcome is left out: it needs a mean far from 0, and a
    change has none.
    """
    value = material.outcome.value
    known = value[~np.isnan(value)]
    parameters = int(material.x.shape[1] + n_clinical)
    if material.outcome.continuous:
        sd = float(known.std(ddof=1))
        # a mean of 1000 SD meets the fourth criterion at any n
        every, ten = (
            performance.riley_continuous(_ANTICIPATED_R2, p, 1000 * sd, sd)
            for p in (parameters, _TEN)
        )
        nan = float("nan")
        return Gate(len(known), parameters, nan, nan, every, ten, r2=_ANTICIPATED_R2)
    share = float(known.mean())
    r2 = performance.r2_from_auc(_ANTICIPATED_AUC, share)
    return Gate(
        n=len(known),
        n_parameters=parameters,
        prevalence=share,
        auc=_ANTICIPATED_AUC,
        required=performance.riley_binary(r2, parameters, share),
        required_ten=performance.riley_binary(r2, _TEN, share),
    )
