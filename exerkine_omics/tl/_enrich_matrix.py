"""camera, fry and roast: sets on the complete features of a cohort, the subject as fixed block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.cohort import Contrast, Design, t_tail
from exerkine_omics.errors import warn
from exerkine_omics.kernels import _camera, _fry, _gene_effects, _rotation, _within
from exerkine_omics.kernels._gene_effects import GeneEffects
from exerkine_omics.kernels._gene_sets import GeneSet
from exerkine_omics.settings import settings
from exerkine_omics.sig import Matched
from exerkine_omics.tl._enrich_sets import SetTested, members_of, normal_deviate, set_status
from exerkine_omics.tl._method import within_people
from exerkine_omics.tl._signflip import draw_key

Sets = Sequence[GeneSet]
# a residual sum of squares below this share of the feature's own is rounding
_ROUNDING = 1e-20


@dataclass(frozen=True)
class Found:
    """What a test says of sets: statistic, two-sided p, and where it has them mixed p and rho."""

    statistic: np.ndarray
    p_value: np.ndarray
    p_mixed: np.ndarray | None = None
    correlation: np.ndarray | None = None

    def rows(self) -> list[np.ndarray]:
        """All four, NaN where the test has none."""
        nothing = np.full(len(self.statistic), np.nan)
        mixed, rho = self.p_mixed, self.correlation
        return [
            self.statistic,
            self.p_value,
            nothing if mixed is None else mixed,
            nothing if rho is None else rho,
        ]


Test = Callable[[GeneEffects, Sets, Mapping[str, Any], str], Found]


def run_camera(*arguments: Any) -> list[SetTested]:
    """Run limma's camera: competitive, weights as signs."""
    return _run(_test_camera, "camera", *arguments)


def run_fry(*arguments: Any) -> list[SetTested]:
    """Run limma's fry on variances squeezed to their posterior SD."""
    return _run(_test_fry, "fry", *arguments)


def run_roast(*arguments: Any) -> list[SetTested]:
    """Run limma's roast; the rotations are the same for all signatures."""
    return _run(_test_roast, "roast", *arguments)


def _test_camera(effects: GeneEffects, sets: Sets, options: Mapping[str, Any], key: str) -> Found:
    rho = None if options["inter_gene_cor"] == "estimate" else options["inter_gene_cor"]
    found = _camera.camera(effects, sets, inter_gene_cor=rho, use_ranks=options["use_ranks"])
    return Found(found.statistic, found.p_value, correlation=found.correlation)


def _test_fry(effects: GeneEffects, sets: Sets, options: Mapping[str, Any], key: str) -> Found:
    found = _fry.fry(effects, sets)
    return Found(found.statistic, found.p_value, found.p_mixed)


def _test_roast(effects: GeneEffects, sets: Sets, options: Mapping[str, Any], key: str) -> Found:
    found = _rotation.roast(
        effects,
        sets,
        n_rotations=options["n_rotations"],
        rng=parallel.stream(settings.seed, "roast", key),
        set_statistic=options["set_statistic"],
    )
    return Found(found.statistic, found.p_value, found.p_mixed)


def _run(
    test: Test,
    method: str,
    values: np.ndarray,
    design: Design,
    matched: Sequence[Matched],
    names: pd.Index,
    min_coverage: float,
    options: Mapping[str, Any],
) -> list[SetTested]:
    from threadpoolctl import threadpool_limits

    rows = rows_that_count(values, design)
    own, subject, model = values[rows], design.subject[rows], design.matrix[rows]
    usable = np.isfinite(own).all(axis=0) & (len(rows) > 0)
    _note_complete(own, usable, method)
    whole_panel = "" if usable.any() else "no complete feature" if len(rows) else "no pairs"
    if not whole_panel:
        fit = _within.fit_within(own[:, usable], model, subject)
        varies = (fit.rss > _ROUNDING * fit.square) & np.isfinite(fit.rss)
        if fit.df.max() <= 0:
            whole_panel = "no residual df"
        elif not varies.any():
            whole_panel = "no residual variance"
        else:
            usable[usable] = varies
            fit = _within.fit_within(own[:, usable], model, subject)
    columns = np.flatnonzero(usable)
    own = own[:, columns]
    place = np.cumsum(usable) - 1
    members = [members_of(item, usable, names) for item in matched]
    outside = len(columns) if method == "camera" else None
    results = []
    for contrast in design.contrasts:
        z, estimate = np.zeros((2, len(names)))
        numbers = np.full((4, len(matched)), np.nan)
        whole = _whole(design, contrast, method) or whole_panel
        effects = None
        # threads wait for each other longer than they compute on matrices of this size
        with threadpool_limits(limits=1):
            if not whole:
                weights = design.weights(contrast)
                effects = _effects(own, model, subject, weights, options)
                whole = "" if effects.estimable else "not estimable"
            status = set_status(members, whole, "no complete member", min_coverage, outside)
            ready = np.flatnonzero(status == schema.OK)
            if effects is not None and len(ready):
                t = effects.moderated_t
                z[columns] = normal_deviate(t_tail(t, effects.total_df), t)
                estimate[columns] = fit.joint(weights[None])[0][0]
                sets = [(place[members[i].columns], members[i].weights) for i in ready]
                numbers[:, ready] = test(effects, sets, options, draw_key(design, contrast)).rows()
        status[ready[~np.isfinite(numbers[1, ready])]] = "no residual variance"
        statistic, p_value, p_mixed, correlation = numbers
        results.append(
            SetTested(
                contrast.name,
                members,
                statistic,
                p_value,
                p_mixed,
                len(columns),
                np.full(len(matched), _pairs(design, contrast, rows)),
                z,
                estimate,
                status,
                correlation,
            )
        )
    return results


def _effects(
    values: np.ndarray,
    model: np.ndarray,
    subject: np.ndarray,
    weights: np.ndarray,
    options: Mapping[str, Any],
) -> GeneEffects:
    return _gene_effects.gene_effects(
        values,
        model,
        subject,
        weights,
        trend=bool(options.get("trend")),
        robust=bool(options.get("robust")),
    )


def rows_that_count(values: np.ndarray, design: Design) -> np.ndarray:
    """Rows with a value, of people who have two of them.

    The block takes up a single row whole: it says nothing of a change, and its gaps cost no
    feature.
    """
    there = np.isfinite(values).any(axis=1)
    count = np.bincount(design.subject, weights=there, minlength=len(design.subjects))
    return np.flatnonzero(there & (count[design.subject] > 1))


def _whole(design: Design, contrast: Contrast, method: str) -> str:
    """Why a contrast has no test at all; empty if it may have one."""
    if contrast.joint:
        return f"no joint test in {method}"
    return "" if within_people(design, contrast) else "not a within-person contrast"


def _pairs(design: Design, contrast: Contrast, rows: np.ndarray) -> int:
    """People with all cells of the contrast among the rows that count."""
    if len(rows) == 0:
        return 0
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    needed = np.bincount(arms, weights=contrast.used, minlength=len(design.arms)).astype(int)
    people = _within.complete_people(
        np.ones((len(rows), 1), dtype=bool),
        design.subject[rows],
        contrast.used[design.cell[rows]],
        needed[design.subject_arm()],
    )
    return int(people[0])


def _note_complete(values: np.ndarray, usable: np.ndarray, method: str) -> None:
    """Tell where missing values leave less than half of the measured features."""
    measured = int(np.isfinite(values).any(axis=0).sum())
    if usable.sum() < measured / 2:
        warn(
            f"{method} takes features without NaN: {int(usable.sum())} of {measured} here. Leave "
            "out samples with many gaps, or use method='signflip' or 'camera_pr'."
        )
