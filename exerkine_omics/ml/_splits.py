"""Folds that keep the people of a group (a person, twins, a family) on one side."""

from __future__ import annotations

import numpy as np


def assign_folds(
    groups: np.ndarray, n_splits: int, rng: np.random.Generator, label: np.ndarray | None = None
) -> np.ndarray:
    """Fold of each person, 0 .. n_splits - 1; groups are never split.

    With ``label`` the classes are spread evenly (scikit-learn's stratified splitters); without,
    groups are dealt at random to the fold with the fewest people. The caller sorts people by id,
    so that the order of the input changes nothing.
    """
    names, number = np.unique(groups, return_inverse=True)
    fold = np.zeros(len(groups), dtype=int)
    if label is None:
        size = np.bincount(number)
        filled = np.zeros(n_splits)
        for group in rng.permutation(len(names)):
            target = int(np.argmin(filled))
            filled[target] += size[group]
            fold[number == group] = target
        return fold
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    # the grouped splitter is slow and, with a person a group, deals no better
    alone = len(names) == len(groups)
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    splitter = kind(n_splits=n_splits, shuffle=True, random_state=int(rng.integers(2**31)))
    splits = splitter.split(np.zeros(len(groups)), label, None if alone else number)
    for k, (_, test) in enumerate(splits):
        fold[test] = k
    return fold


def strata_for_folds(label: np.ndarray, n_splits: int) -> np.ndarray:
    """Classes for the splitter: people without a label are a third class where they are many."""
    strata = np.where(np.isnan(label), 2, label).astype(int)
    if (strata == 2).sum() < n_splits:
        strata[strata == 2] = 0
    return strata


def permute_between_groups(
    groups: np.ndarray, rng: np.random.Generator, strata: np.ndarray | None = None
) -> np.ndarray:
    """Order that exchanges whole groups of equal size; with a person a group, all people.

    With ``strata`` (people) only groups are exchanged whose people are of the same strata.
    """
    names, number = np.unique(groups, return_inverse=True)
    size = np.bincount(number)
    kind = size.copy()
    if strata is not None:
        level = np.unique(strata, return_inverse=True)[1]
        made = [(size[k], *np.sort(level[number == k])) for k in range(len(names))]
        known = {key: code for code, key in enumerate(sorted(set(made)))}
        kind = np.array([known[key] for key in made])
    order = np.arange(len(groups))
    for n in np.unique(kind):
        members = np.flatnonzero(kind == n)
        exchanged = rng.permutation(members)
        for target, source in zip(members, exchanged, strict=True):
            order[number == target] = np.flatnonzero(number == source)
    return order
