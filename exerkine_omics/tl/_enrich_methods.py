"""The tests of `enrich`: what each asks, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics.errors import UsageError
from exerkine_omics.tl._enrich_flip import run_set_flips
from exerkine_omics.tl._enrich_frame import run_camera_pr
from exerkine_omics.tl._enrich_matrix import run_camera, run_fry, run_roast
from exerkine_omics.tl._method import TestMethod

INTER_GENE_COR = "inter_gene_cor"


@dataclass(frozen=True)
class SetMethod(TestMethod):
    """A test of sets of features.

    ``run`` takes values, design, signatures, feature names, ``min_coverage`` and options, and gives
    one `SetTested` a contrast. ``competitive``: the null is that the members changed no more than
    the other features, not that no member changed. ``missing`` says what NaN does. The type
    ``float`` among an option's values stands for a correlation.
    """

    run: Any
    competitive: bool = False
    missing: str = ""

    def choose(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the defaults; a foreign option or value is an error."""
        correlation = given.get(INTER_GENE_COR)
        number = isinstance(correlation, (float, int, np.number)) and not isinstance(
            correlation, bool
        )
        if not number or INTER_GENE_COR not in self.options:
            return super().choose(given)
        value = float(correlation)  # type: ignore[arg-type]
        if not 0 <= value < 1:
            raise UsageError(
                f"{INTER_GENE_COR}={correlation!r} is no correlation from 0 to below 1",
                fix="0.01 suits curated sets; 0 takes the members for independent.",
            )
        return super().choose({**given, INTER_GENE_COR: None}) | {INTER_GENE_COR: value}


_COMPLETE = "features with a NaN in a row that counts are left out and named in `dropped`"

CAMERA = SetMethod(
    "camera",
    "did the members change more than the other features: t test with their correlation",
    {INTER_GENE_COR: (0.01, "estimate"), "use_ranks": (False, True), "trend": (False, True)},
    run_camera,
    competitive=True,
    missing=_COMPLETE,
)
CAMERA_PR = SetMethod(
    "camera_pr",
    "the same from each feature's own statistic, of this cohort or of a table",
    {
        INTER_GENE_COR: (0.01,),
        "use_ranks": (False, True),
        "trend": (False, True),
        "robust": (False, True),
    },
    run_camera_pr,
    competitive=True,
    missing="a feature is tested on its own rows; one without a statistic is left out",
)
FRY = SetMethod(
    "fry",
    "did any member change, together: rotation test in closed form",
    {"trend": (False, True), "robust": (False, True)},
    run_fry,
    missing=_COMPLETE,
)
ROAST = SetMethod(
    "roast",
    "did any member change, together: rotation test by random rotations",
    {
        "set_statistic": ("mean", "floormean", "mean50", "msq"),
        "n_rotations": (9999, int),
        "trend": (False, True),
        "robust": (False, True),
    },
    run_roast,
    missing=_COMPLETE,
)
SIGNFLIP = SetMethod(
    "signflip",
    "did people's set change differ from 0 (between arms): whole persons flipped, max-T",
    {"n_permutations": (9999, int)},
    run_set_flips,
    covariates=False,
    missing="a member missing at a time leaves that person's set change only",
)

SET_METHODS = {m.name: m for m in (CAMERA, CAMERA_PR, FRY, ROAST, SIGNFLIP)}
