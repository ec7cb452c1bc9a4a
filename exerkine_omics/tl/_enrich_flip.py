"""Signatures tested on people: each person's own set change, sign flips, max-T over signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.cohort import Design, t_tail
from exerkine_omics.kernels import _paired, _set_flip, _signflip
from exerkine_omics.kernels._scorer import enough_coverage
from exerkine_omics.kernels._scores import mean_of_members
from exerkine_omics.settings import settings
from exerkine_omics.sig import Matched
from exerkine_omics.tl._enrich_sets import (
    Members,
    SetTested,
    members_of,
    normal_deviate,
    set_status,
)
from exerkine_omics.tl._method import status_of
from exerkine_omics.tl._signflip import draw_key
from exerkine_omics.tl._simple import Own, own_changes, reasons

# a spread below this share of the largest change is rounding
_ROUNDING = 1e-9


def run_set_flips(
    values: np.ndarray,
    design: Design,
    matched: Sequence[Matched],
    names: pd.Index,
    min_coverage: float,
    options: Mapping[str, Any],
) -> list[SetTested]:
    r"""Test people's set changes by t, whose p comes from flips (labels) of whole persons.

    .. math:: u_i = \sum_j w_j d_{ij} / q_j \Big/ \sum_j |w_j|, \qquad
              q_j^2 = \frac{1}{n_j} \sum_i d_{ij}^2

    over the members *j* that person *i* has in all cells of the contrast. :math:`q_j` is the same
    under every flip, so that the test is exact. Between arms the changes are centred over the
    people of both first, which no labelling changes either.
    """
    n_draws = options["n_permutations"]
    results = []
    for contrast in design.contrasts:
        own = own_changes(values, design, contrast)
        told = reasons(values, design, contrast, own, "signflip")
        people = _people(own)
        told = [r for r in told if np.ndim(r[0]) == 0]
        told.append(((own.n_pairs == 0).all(), "no pairs"))
        told.append((not people.enough, "fewer than 2 pairs in an arm"))
        whole = next((text for holds, text in told if holds), "")
        members = [members_of(item, people.usable, names) for item in matched]
        status = set_status(members, whole, "no member with changes of 2 people", min_coverage)
        numbers = np.full((4, len(matched)), np.nan)
        n_pairs = np.zeros(len(matched), dtype=np.int64)
        ready = np.flatnonzero(status == schema.OK).tolist()
        if ready:
            moved = np.column_stack(
                [_set_change(people, members[i], matched[i].total, min_coverage) for i in ready]
            )
            test = _paired.paired_t(moved * people.turn, own.group, own.n_groups)
            n_pairs[ready] = test.n
            status[ready] = status_of(
                len(ready),
                (test.n == 0, "no pairs"),
                (~test.enough, "fewer than 2 pairs in an arm"),
                (~(test.se > 0), "no variance between pairs"),
            )
            good = status[ready] == schema.OK
            done = [i for i in ready if status[i] == schema.OK]
            sets = [members[i] for i in done]
            if sets:
                numbers[0, done] = test.estimate[good] / test.se[good]
                drawn = _draw(people, moved[:, good], sets, n_draws, draw_key(design, contrast))
                numbers[1:, done] = drawn
        statistic, p_value, p_adj, p_mixed = numbers
        results.append(
            SetTested(
                contrast.name,
                members,
                statistic,
                p_value,
                p_mixed,
                int(people.usable.sum()),
                n_pairs,
                people.z,
                people.estimate,
                status,
                p_adj=p_adj,
            )
        )
    return results


@dataclass(frozen=True)
class _People:
    """People's own changes in units of their spread, people x features, one sign in both arms.

    ``turn`` (people x 1) puts the contrast's minus sign on the second arm; ``enough``: some feature
    has 2 people in each arm; ``first`` says who is of the first arm, or is None where there is one
    group. ``usable``, ``z`` and ``estimate`` (features): whether 2 people of each arm have a
    change, its paired t as a normal deviate, and its mean.
    """

    change: np.ndarray
    turn: np.ndarray
    enough: bool
    first: np.ndarray | None
    usable: np.ndarray
    z: np.ndarray
    estimate: np.ndarray


def _people(own: Own) -> _People:
    two = own.n_groups == 2
    turn = np.where(two & (own.group == 1), -1.0, 1.0)[:, None]
    change = own.change * turn
    finite = np.isfinite(change)
    n = np.maximum(finite.sum(axis=0), 1)
    largest = np.where(finite, np.abs(change), 0.0).max(axis=0, initial=0.0)
    if two:
        change = change - np.where(finite, change, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(finite, change**2, 0.0).sum(axis=0) / n)
    fit = _paired.paired_t(own.change, own.group, own.n_groups)
    usable = fit.enough & (spread > _ROUNDING * largest)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(fit.enough & (fit.se > 0), fit.estimate / fit.se, np.nan)
        z = normal_deviate(t_tail(t, fit.df), t)
        unit = np.where(usable, change / spread, np.nan)
    first = own.group == 0 if two else None
    mean = np.nan_to_num(fit.estimate)
    return _People(unit, turn, bool(fit.enough.any()), first, usable, np.nan_to_num(z), mean)


def _set_change(people: _People, members: Members, total: float, min_coverage: float) -> np.ndarray:
    """Each person's set change; NaN for a person whose members carry too little of the weight."""
    moved, coverage = mean_of_members(people.change[:, members.columns], members.weights, total)
    return np.where(enough_coverage(coverage, min_coverage), moved, np.nan)


def _draw(
    people: _People, moved: np.ndarray, sets: Sequence[Members], n_draws: int, key: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p, max-T p and mixed p of set changes (people x sets), from one and the same draws."""
    weights = [one.weights for one in sets]
    changes = [
        np.where(np.isfinite(moved[:, [k]]), people.change[:, one.columns], np.nan)
        for k, one in enumerate(sets)
    ]
    one, two = (parallel.stream(settings.seed, "signflip", key) for _ in range(2))
    if people.first is None:
        drawn = _signflip.flip_signs(moved, n_draws, one)
        mixed = _set_flip.flip_members(changes, weights, n_draws, two)
    else:
        drawn = _signflip.permute_arms(moved, people.first, n_draws, one)
        mixed = _set_flip.permute_members(changes, weights, people.first, n_draws, two)
    return drawn.p_value, drawn.p_adj, mixed
