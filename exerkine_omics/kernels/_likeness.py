"""How alike samples of one person and of different people are, and whose a sample then is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# features of which at least this share of the variance is between people tell people apart
_MIN_ICC = 0.5
_FEWEST_FEATURES, NEEDED_FEATURES = 20, 10
# own and others' correlations closer than so many of their SDs tell nobody apart
_APART = 2.0
# df: own likenesses have longer tails than a normal, and one unlike pair is no proof
_TAIL = 10.0


def resemblance(
    rest: np.ndarray, subject: np.ndarray, judged: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's z of each sample (row) with all others, on features chosen without it."""
    n, n_vars = rest.shape
    mask = np.isfinite(rest)
    x = np.where(mask, rest, 0.0)
    own_n = np.zeros((int(subject.max()) + 1, n_vars))
    own_sum = np.zeros_like(own_n)
    np.add.at(own_n, subject, mask.astype(float))
    np.add.at(own_sum, subject, x)
    whole = _Sums.of(own_n, own_sum, (x * x).sum(axis=0))
    z = np.full((n, n), np.nan)
    n_features = np.zeros(n, dtype=np.int64)
    for i in np.flatnonzero(judged):
        person = subject[i]
        before = _Sums.of(own_n[[person]], own_sum[[person]], 0.0)
        less_n, less_sum = own_n[person] - mask[i], own_sum[person] - x[i]
        after = _Sums.of(less_n[None], less_sum[None], -(x[i] ** 2))
        icc = (whole - before + after).icc()
        use = np.flatnonzero(icc >= _MIN_ICC)
        if len(use) < _FEWEST_FEATURES:
            use = np.argsort(-np.where(np.isfinite(icc), icc, -np.inf), kind="stable")
            use = use[:_FEWEST_FEATURES]
        both = mask[:, use] & mask[i, use]
        count = both.sum(axis=1)
        a, b = np.where(both, x[i, use], 0.0), np.where(both, x[:, use], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_a, mean_b = a.sum(axis=1) / count, b.sum(axis=1) / count
            cross = (a * b).sum(axis=1) / count - mean_a * mean_b
            var_a = (a * a).sum(axis=1) / count - mean_a**2
            var_b = (b * b).sum(axis=1) / count - mean_b**2
            r = cross / np.sqrt(var_a * var_b)
        seen = judged & (count >= min(NEEDED_FEATURES, len(use)))
        seen[i] = False
        z[i, seen] = np.arctanh(np.clip(r[seen], -1 + 1e-12, 1 - 1e-12))
        n_features[i] = len(use)
    return z, n_features


@dataclass(frozen=True)
class _Sums:
    """What a one-way analysis of variance by person needs, over features."""

    n: np.ndarray
    n2: np.ndarray
    people: np.ndarray
    total: np.ndarray
    between: np.ndarray
    square: np.ndarray

    @classmethod
    def of(cls, n: np.ndarray, total: np.ndarray, square: np.ndarray | float) -> _Sums:
        """Sum over people (rows) their numbers of samples and their totals."""
        between = np.where(n > 0, total**2 / np.maximum(n, 1.0), 0.0).sum(axis=0)
        people = (n > 0).sum(axis=0).astype(float)
        return cls(
            n.sum(axis=0),
            (n * n).sum(axis=0),
            people,
            total.sum(axis=0),
            between,
            np.broadcast_to(np.asarray(square, dtype=float), people.shape),
        )

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(*(a + b for a, b in zip(self._all(), other._all(), strict=True)))

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(*(a - b for a, b in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple[np.ndarray, ...]:
        return self.n, self.n2, self.people, self.total, self.between, self.square

    def icc(self) -> np.ndarray:
        """Share of the variance that is between people, features each."""
        with np.errstate(invalid="ignore", divide="ignore"):
            within = (self.square - self.between) / (self.n - self.people)
            ms = (self.between - self.total**2 / self.n) / (self.people - 1)
            size = (self.n - self.n2 / self.n) / (self.people - 1)
            spread = (ms - within) / size
            share: np.ndarray = spread / (spread + within)
        return share


@dataclass(frozen=True)
class Told:
    """Nearest own and other sample of each (-1: none), and what Bayes' rule makes of them."""

    own: np.ndarray
    other: np.ndarray
    p_own: np.ndarray
    p_other: np.ndarray
    apart: bool


def weigh(z: np.ndarray, subject: np.ndarray, judged: np.ndarray, prior: float) -> Told:
    same = subject[:, None] == subject[None, :]
    known = np.isfinite(z)
    own = np.where(known & same, z, -np.inf).argmax(axis=1)
    own[~(known & same).any(axis=1)] = -1
    mine = np.flatnonzero(own >= 0)
    m_s, s_s = _robust(z[mine, own[mine]])
    m_d, s_d = _robust(z[known & ~same])
    apart = bool(s_s > 0 and s_d > 0 and m_s - m_d >= _APART * np.sqrt((s_s**2 + s_d**2) / 2))
    other = np.full(len(z), -1)
    p_own, p_other = np.full((2, len(z)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        # beyond the two middles more, or less, likeness tells no more
        v = np.clip(z, m_d, m_s)
        log_ratio = _log_t((v - m_s) / s_s) - np.log(s_s) - _log_t((v - m_d) / s_d) + np.log(s_d)
    best = _Best.of(np.where(known, log_ratio if apart else z, -np.inf), subject)
    alone = _apart_from(best, subject, prior)
    for i in np.flatnonzero(judged):
        a = subject[i]
        rivals = np.isfinite(best.first[i])
        rivals[a] = False
        if not rivals.any():
            continue
        one_way = best.first[i]
        # the case in which the other person's sample j is this person's in turn
        there = best.without(int(i), subject)
        back = np.where(best.place[:, a] == i, best.second[:, a], best.first[:, a])
        # where either has nothing to be compared with, an exchange is not told
        swap = there + back - alone
        both = np.full(len(rivals), -np.inf)
        np.logaddexp.at(both, subject[judged], swap[judged])
        both -= np.log(np.maximum(np.bincount(subject[judged], minlength=len(rivals)), 1))
        logs = np.where(rivals, np.logaddexp(one_way, both), -np.inf)
        logs += np.log(prior / rivals.sum() / 2)
        likely = int(np.lexsort((best.first[i], logs))[-1])
        candidates = np.where(known[i] & (subject == likely), z[i], -np.inf)
        other[i] = int(candidates.argmax())
        if apart:
            cases = np.append(logs, [np.log(prior), np.log1p(-2 * prior)])
            cases[-1] += _none_is_0(best.first[i, [a]])[0]
            share = np.exp(cases - cases.max())
            share /= share.sum()
            p_own[i], p_other[i] = share[-1], share[likely]
    return Told(own, other, p_own, p_other, apart)


def _log_t(x: np.ndarray) -> np.ndarray:
    """Log density of t, but for a constant."""
    return -(_TAIL + 1) / 2 * np.log1p(x * x / _TAIL)


def _apart_from(best: _Best, subject: np.ndarray, prior: float) -> np.ndarray:
    """Likelihood (log) of each sample where it is not exchanged: own, one way, or nobody's."""
    rivals = np.isfinite(best.first)
    rivals[np.arange(len(subject)), subject] = False
    one_way = np.where(rivals, best.first, -np.inf).max(axis=1)
    one_way = one_way + np.log(prior / np.maximum(rivals.sum(axis=1), 1))
    own = _none_is_0(best.own(subject)) + np.log1p(-2 * prior)
    result: np.ndarray = np.logaddexp.reduce([own, one_way, np.full(len(own), np.log(prior))])
    return result


def _none_is_0(log_ratio: np.ndarray) -> np.ndarray:
    """Where there is no sample to compare with, nothing speaks for or against."""
    return np.where(np.isfinite(log_ratio), log_ratio, 0.0)


@dataclass(frozen=True)
class _Best:
    """Best likeness of each sample with each person, whose sample it is, and the second best."""

    first: np.ndarray
    place: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, likeness: np.ndarray, subject: np.ndarray) -> _Best:
        n, people = len(likeness), int(subject.max()) + 1
        first, second = np.full((2, n, people), -np.inf)
        place = np.full((n, people), -1)
        for person in range(people):
            rows = np.flatnonzero(subject == person)
            order = np.argsort(-likeness[:, rows], axis=1, kind="stable")
            place[:, person] = rows[order[:, 0]]
            first[:, person] = likeness[np.arange(n), place[:, person]]
            if len(rows) > 1:
                second[:, person] = likeness[np.arange(n), rows[order[:, 1]]]
        return cls(first, place, second)

    def without(self, i: int, subject: np.ndarray) -> np.ndarray:
        """Likeness of sample i with the person of each sample j, that sample left out."""
        taken = self.place[i, subject] == np.arange(len(subject))
        return np.where(taken, self.second[i, subject], self.first[i, subject])

    def own(self, subject: np.ndarray) -> np.ndarray:
        """Likeness of each sample with its own person's others."""
        return self.first[np.arange(len(subject)), subject]


def _robust(values: np.ndarray) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))
