"""A weighted mean of members against its best single member, chosen on other people.

The best of k members looks better than it is on the people who chose it. Here it is chosen on
the training part of each split and valued on the rest; the spread of the difference comes from
a bootstrap over people that repeats every choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# numbers of a training set x people (or members) held at once
_BLOCK = 1 << 21
# a variance below these shares of the largest square is rounding: of the changes as they are, and
# of the centred ones, from whose sums it is a difference
_ROUNDING, _CANCELLED = 1e-18, 1e-12


@dataclass(frozen=True)
class Compared:
    """Effects (mean / SD of the changes) of a signature and of its best member.

    ``best`` is the member chosen on all people and ``apparent`` its effect on the same people;
    ``crossed`` is the effect of the members chosen on other people; ``difference`` is signature -
    crossed, ``se`` its bootstrap SE; ``share`` is how often the splits chose ``best``; ``usable``
    is the share of resamples with a number. ``signature_se`` belongs to ``signature``.
    """

    signature: float
    signature_se: float
    best: int
    apparent: float
    crossed: float
    difference: float
    se: float
    share: float
    usable: float


@dataclass(frozen=True)
class _Sums:
    """Weighted number, sum and sum of squares of centred changes (groups x rows x columns)."""

    n: np.ndarray
    total: np.ndarray
    square: np.ndarray


@dataclass(frozen=True)
class _Centred:
    """Changes about their group's mean, gaps 0 (n x c); 0/1 mask; these means (groups x c)."""

    values: np.ndarray
    mask: np.ndarray
    level: np.ndarray
    member: np.ndarray
    sign: np.ndarray
    least: np.ndarray

    def sums(self, weights: np.ndarray) -> _Sums:
        """Sum over people by rows of weights (r x n)."""
        parts: tuple[list[np.ndarray], ...] = ([], [], [])
        for own in self.member:
            w, x = weights[:, own], self.values[own]
            for part, table in zip(parts, (self.mask[own], x, x * x), strict=True):
                part.append(w @ table)
        return _Sums(*(np.stack(p) for p in parts))

    def effects(self, sums: _Sums) -> tuple[np.ndarray, np.ndarray]:
        """Effect and SD (rows x columns); NaN where a group has fewer than 2 or nothing varies."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums.total / sums.n
            variance = (sums.square - sums.total * mean) / (sums.n - 1)
            variance = np.where(sums.n > 1, variance, np.nan).mean(axis=0)
            sd = np.sqrt(np.where(variance > self.least, variance, np.nan))
            change = np.tensordot(self.sign, mean + self.level[:, None, :], axes=1)
            return change / sd, sd


def deal_folds(
    group: np.ndarray, n_folds: int, n_repeats: int, rng: np.random.Generator
) -> np.ndarray:
    """Deal the people of each group to folds, anew in each repeat (repeats x n)."""
    folds = np.empty((n_repeats, len(group)), dtype=int)
    for repeat in range(n_repeats):
        dealt = 0
        for number in np.unique(group):
            own = rng.permutation(np.flatnonzero(group == number))
            # the next group goes on where the last ended, so that folds are of one size
            folds[repeat, own] = (dealt + np.arange(len(own))) % n_folds
            dealt += len(own)
    return folds


def draw_people(group: np.ndarray, n_boot: int, rng: np.random.Generator) -> np.ndarray:
    """How often each person is drawn, with replacement within the groups (n_boot x n)."""
    counts = np.empty((n_boot, len(group)))
    for number in np.unique(group):
        own = group == number
        size = int(own.sum())
        counts[:, own] = rng.multinomial(size, np.full(size, 1 / size), size=n_boot)
    return counts


def compare_best(
    signature: np.ndarray,
    members: np.ndarray,
    group: np.ndarray,
    sign: np.ndarray,
    folds: np.ndarray,
    draws: np.ndarray,
) -> Compared:
    r"""Compare a signature's effect with that of its best member.

    .. math:: \theta_j = \sum_g c_g \bar d_{gj} \Big/ \sqrt{\tfrac1G \sum_g s_{gj}^2}, \qquad
              \hat\theta_{best} = \sum_g c_g \, \mathrm{mean}_{r,\, i \in g}
              \big( d_{i j_r(i)} / s_{j_r(i)} \big)

    where :math:`j_r(i)` has the largest :math:`\theta_j` among the people outside of person *i*'s
    fold of repeat *r*, and :math:`s_j` is the SD over all people. If every split chooses the same
    member, :math:`\hat\theta_{best} = \theta_j`.

    Parameters
    ----------
    signature
        The signature's change of each person (n), finite.
    members
        Changes of the members (n x k), each turned by the sign of its weight; NaN is a member not
        measured in that person.
    group
        Group (arm) of each person, 0..G-1.
    sign
        Sign :math:`c_g` of each group in the contrast (G).
    folds
        Fold of each person in each repeat (R x n), of `deal_folds`.
    draws
        Number of times that each person is in each resample (B x n), of `draw_people`; copies of
        a person share a fold, so that nobody is valued by a choice of their own.

    Returns
    -------
    Compared
        NaN where a number is not defined.
    """
    data = _centre(np.column_stack([signature, members]), group, sign)
    n_folds = int(folds.max()) + 1
    train = (folds[:, None, :] != np.arange(n_folds)[None, :, None]).reshape(-1, len(group))
    here = np.ones((1, len(group)))
    effect, crossed, chosen = _cross(data, here, train)
    apparent = np.where(np.isfinite(effect[0, 1:]), effect[0, 1:], -np.inf)
    best = int(apparent.argmax())
    step = max(1, _BLOCK // (len(train) * max(len(group), data.values.shape[1])))
    parts = [_cross(data, draws[i : i + step], train)[:2] for i in range(0, len(draws), step)]
    drawn_signature = np.concatenate([p[0][:, 0] for p in parts])
    drawn = drawn_signature - np.concatenate([p[1] for p in parts])
    return Compared(
        signature=float(effect[0, 0]),
        signature_se=_spread(drawn_signature),
        best=best,
        apparent=float(effect[0, 1 + best]),
        crossed=float(crossed[0]),
        difference=float(effect[0, 0] - crossed[0]),
        se=_spread(drawn),
        share=float((chosen == best).mean()),
        usable=float(np.isfinite(drawn).mean()),
    )


def _centre(values: np.ndarray, group: np.ndarray, sign: np.ndarray) -> _Centred:
    member = np.arange(len(sign))[:, None] == group
    mask = np.isfinite(values)
    filled = np.where(mask, values, 0.0)
    level = (member @ filled) / np.maximum(member @ mask.astype(float), 1.0)
    rest = np.where(mask, filled - level[group], 0.0)
    least = np.maximum(_ROUNDING * (filled**2).max(axis=0), _CANCELLED * (rest**2).max(axis=0))
    return _Centred(rest, mask.astype(float), level, member, np.asarray(sign, float), least)


def _cross(
    data: _Centred, weights: np.ndarray, train: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effects of all columns (b x c), cross-fitted best (b), members chosen (b x splits)."""
    whole = data.sums(weights)
    effect, sd = data.effects(whole)
    split = (weights[:, None, :] * train).reshape(-1, train.shape[1])
    part = data.sums(split)
    score = data.effects(part)[0][:, 1:]
    chosen = np.where(np.isfinite(score), score, -np.inf).argmax(axis=1)
    chosen = chosen.reshape(len(weights), len(train))
    column = 1 + chosen

    def held(all_people: np.ndarray, trained: np.ndarray) -> np.ndarray:
        """Take the chosen members' sums over the people left out (groups x b x splits)."""
        shape = (len(all_people), len(weights), len(train), -1)
        own = np.take_along_axis(trained.reshape(shape), column[None, :, :, None], axis=3)[..., 0]
        return np.take_along_axis(all_people, column[None], axis=2) - own

    n, total = held(whole.n, part.n), held(whole.total, part.total)
    scale = np.take_along_axis(sd, column, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (total + n * data.level[:, column]) / scale
        crossed = data.sign @ (value.sum(axis=2) / n.sum(axis=2))
    return effect, crossed, chosen


def _spread(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
