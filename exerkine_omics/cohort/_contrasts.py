"""Contrasts written over cell names, exact and whole.

A cell is a time point, or ``arm.timepoint``. With arms, a bare time point is the equal-weight
mean over arms. Names are matched whole, never split at a dot; a name that is no identifier is
quoted with backticks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from exerkine_omics.errors import UsageError, shown

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(rf"\s*(?:`([^`]+)`|([^\W\d][\w.]*)|({_NUMBER})|([-+*/()]))")


Contrasts = Mapping[str, str | Sequence[str]] | Sequence[str] | str


@dataclass(frozen=True)
class Cell:
    """One arm at one time point; ``arm`` is empty where arms are absent or pooled."""

    arm: str
    timepoint: str

    @property
    def name(self) -> str:
        """Name as written in a contrast."""
        return f"{self.arm}.{self.timepoint}" if self.arm else self.timepoint


@dataclass(frozen=True)
class Contrast:
    """A named linear combination of cells, or several of them tested together.

    ``weights`` is aligned with the design's cells; a joint F test has a row for each of its
    contrasts. ``moderator`` names the column whose slopes are combined in place of the means.
    """

    name: str
    weights: np.ndarray
    moderator: str = ""

    @property
    def joint(self) -> bool:
        """Several contrasts tested together by one F test."""
        return self.weights.ndim == 2

    @property
    def used(self) -> np.ndarray:
        """Cells that have a weight (cells)."""
        return (np.atleast_2d(self.weights) != 0).sum(axis=0) > 0


def choose_contrasts(
    cells: Sequence[Cell],
    filled: set[int],
    baseline: str,
    timepoints: Sequence[str],
    contrasts: Contrasts | None,
    control: str | None,
    joint: bool,
) -> tuple[Contrast, ...]:
    """Parse the user's contrasts, or make the default ones; none at all is an error."""
    if contrasts is not None and joint:
        raise UsageError(
            "joint=True goes with the default contrasts",
            fix='Name a joint test yourself: contrasts={"any": ["post - pre", "late - pre"]}.',
        )
    if contrasts is None:
        chosen = default_contrasts(cells, filled, baseline, timepoints, control, joint)
        if not chosen:
            raise UsageError(
                f"There is no time point beside the baseline {baseline!r}",
                fix="Samples of a second time point are needed, or contrasts= of other cells.",
            )
        return tuple(chosen)
    chosen = parse_contrasts(contrasts, cells)
    if not chosen:
        raise UsageError("contrasts= is empty", fix="Leave it out, or name a contrast.")
    return tuple(chosen)


def moderated_contrasts(
    contrasts: Sequence[Contrast], moderators: Sequence[str]
) -> tuple[Contrast, ...]:
    """Add to the contrasts each of them on the slopes of each moderator."""
    slopes = [Contrast(f"{c.name} x {m}", c.weights, m) for m in moderators for c in contrasts]
    names = [c.name for c in (*contrasts, *slopes)]
    twice = list(dict.fromkeys(n for i, n in enumerate(names) if n in names[:i]))
    if twice:
        raise UsageError(
            f"Two contrasts are named {shown(twice)}: their p would be adjusted together",
            where="contrasts=",
            fix="Give each its own name; default names are made of arms, times and moderators.",
        )
    return (*contrasts, *slopes)


def default_contrasts(
    cells: Sequence[Cell],
    filled: set[int],
    baseline: str,
    timepoints: Sequence[str],
    control: str | None,
    joint: bool = False,
) -> list[Contrast]:
    """Each later time point against baseline in each arm, then each arm minus the control.

    With ``joint`` come the F tests of all these times together: any change in each arm, any
    change beyond the control's, and arm x time. An arm without samples at a time point (cells
    not ``filled``) has no change of its own; its change minus the control's is asked for all the
    same, and is told to be inestimable.
    """
    index = {(c.arm, c.timepoint): i for i, c in enumerate(cells)}
    arms = list(dict.fromkeys(c.arm for c in cells))
    later = [t for t in timepoints if t != baseline]
    if control is not None and control not in arms:
        named = [a for a in arms if a]
        raise UsageError(
            f"control={control!r} is none of the arms {shown(named)}"
            if named
            else f"control={control!r} needs arms, and there are none or arm=None pools them",
            where="control=",
            fix="Name an arm of obs['arm'].",
        )
    changes: list[Contrast] = []
    minus: list[Contrast] = []
    own_rows: dict[str, list[np.ndarray]] = {arm: [] for arm in arms}
    minus_rows: dict[str, list[np.ndarray]] = {arm: [] for arm in arms}

    def has(arm: str, timepoint: str) -> bool:
        return {index[arm, timepoint], index[arm, baseline]} <= filled

    def change(arm: str, timepoint: str) -> np.ndarray:
        weights = np.zeros(len(cells))
        weights[index[arm, timepoint]], weights[index[arm, baseline]] = 1.0, -1.0
        return weights

    for arm in arms:
        for timepoint in later:
            own = change(arm, timepoint)
            label = f"{timepoint} - {baseline}"
            if not has(arm, timepoint):
                continue
            changes.append(Contrast(f"{arm}: {label}" if arm else label, own))
            own_rows[arm].append(own)
            if control is not None and arm != control:
                other = change(control, timepoint)
                minus.append(Contrast(f"{arm} - {control}: {label}", own - other))
                minus_rows[arm].append(own - other)
    if not joint:
        return changes + minus
    tests = [(f"{arm}: any change" if arm else "any change", own_rows[arm]) for arm in arms]
    tests += [(f"{arm} - {control}: any change", rows) for arm, rows in minus_rows.items()]
    if len(arms) > 1:
        shared = [t for t in later if all(has(arm, t) for arm in arms)]
        tests.append(
            ("arm x time", [change(a, t) - change(arms[0], t) for a in arms[1:] for t in shared])
        )
    return changes + minus + [Contrast(name, np.array(rows)) for name, rows in tests if rows]


def parse_contrasts(contrasts: Contrasts, cells: Sequence[Cell]) -> list[Contrast]:
    """Turn the user's contrasts into weights over the cells; a list is a joint test."""
    if isinstance(contrasts, str):
        contrasts = {contrasts: contrasts}
    elif not isinstance(contrasts, (Mapping, Sequence)):
        raise UsageError(
            f"contrasts= is a {type(contrasts).__name__}",
            fix='Give {"name": "post - pre"}, or a list of expressions.',
        )
    elif not isinstance(contrasts, Mapping):
        contrasts = {text: text for text in contrasts}
    names = _cell_names(cells)
    found = []
    for name, text in contrasts.items():
        if isinstance(text, str):
            weights = _Parser(text, names).parse()
        elif not isinstance(text, Sequence):
            raise UsageError(
                f"The contrast {name!r} is a {type(text).__name__}, not an expression",
                where="contrasts=",
                fix='Write "post - pre", or a list of such for a joint test.',
            )
        elif len(text):
            if not all(isinstance(part, str) for part in text):
                raise UsageError(f"The joint contrast {name!r} holds what is no expression")
            weights = np.array([_Parser(part, names).parse() for part in text])
        else:
            raise UsageError(f"The joint contrast {name!r} is empty", where="contrasts=")
        found.append(Contrast(str(name), weights))
    return found


def _cell_names(cells: Sequence[Cell]) -> dict[str, np.ndarray]:
    names: dict[str, np.ndarray] = {}

    def add(name: str, weights: np.ndarray) -> None:
        if name in names and not np.array_equal(names[name], weights):
            raise UsageError(
                f"The cell name {name!r} means two things: a time point and an arm.timepoint",
                where="contrasts=",
                fix="Rename the arm or the time point.",
            )
        names[name] = weights

    for i, cell in enumerate(cells):
        add(cell.name, np.eye(len(cells))[i])
    if any(c.arm for c in cells):
        for timepoint in dict.fromkeys(c.timepoint for c in cells):
            mean = np.array([float(c.timepoint == timepoint) for c in cells])
            add(timepoint, mean / mean.sum())
    return names


class _Parser:
    """Recursive descent over + - * / ( ) numbers and cells; a value is (weights, constant)."""

    def __init__(self, text: str, names: Mapping[str, np.ndarray]) -> None:
        self.text, self.names, self.position = text, names, 0
        self.size = len(next(iter(names.values())))
        self.tokens = self._tokens()

    def _fail(self, what: str, fix: str = "") -> UsageError:
        return UsageError(what, where=f"contrast {self.text!r}", fix=fix or None)

    def _tokens(self) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self._fail(
                    f"Cannot read {self.text[at:].strip()!r}",
                    "Quote names that are no identifiers with backticks; the default contrasts "
                    "(EE - CON: post - pre) come with control= and contrasts=None.",
                )
            quoted, name, number, operator = match.groups()
            if quoted or name:
                tokens.append(("name", quoted or name))
            elif number:
                tokens.append(("number", number))
            else:
                tokens.append((operator, operator))
            at = match.end()
        return tokens

    def _take(self, *kinds: str) -> tuple[str, str] | None:
        if self.position < len(self.tokens) and self.tokens[self.position][0] in kinds:
            self.position += 1
            return self.tokens[self.position - 1]
        return None

    def parse(self) -> np.ndarray:
        weights, constant = self._sum()
        if self.position < len(self.tokens):
            rest = " ".join(value for _, value in self.tokens[self.position :])
            raise self._fail(
                f"Cannot read {rest!r} here", "Quote names that are no identifiers with backticks."
            )
        if constant != 0 or not weights.any():
            raise self._fail("A contrast is a sum of cells; this one is not")
        return weights

    def _sum(self) -> tuple[np.ndarray, float]:
        weights, constant = self._product()
        while token := self._take("+", "-"):
            sign = 1.0 if token[0] == "+" else -1.0
            more, number = self._product()
            weights, constant = weights + sign * more, constant + sign * number
        return weights, constant

    def _product(self) -> tuple[np.ndarray, float]:
        weights, constant = self._atom()
        while token := self._take("*", "/"):
            other, number = self._atom()
            if other.any() and (token[0] == "/" or weights.any()):
                raise self._fail("Cells can be multiplied or divided by numbers only")
            if token[0] == "/":
                if number == 0:
                    raise self._fail("Division by zero")
                weights, constant = weights / number, constant / number
            else:
                weights, constant = weights * number + other * constant, constant * number
        return weights, constant

    def _atom(self) -> tuple[np.ndarray, float]:
        if self._take("-"):
            weights, constant = self._atom()
            return -weights, -constant
        if self._take("+"):
            return self._atom()
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise self._fail("A closing parenthesis is missing")
            return value
        if token := self._take("number"):
            return np.zeros(self.size), float(token[1])
        if token := self._take("name"):
            if token[1] not in self.names:
                near = get_close_matches(token[1], self.names, n=3, cutoff=0.4)
                raise self._fail(
                    f"No cell is named {token[1]!r}",
                    f"Nearest: {shown(near)}." if near else f"Cells: {shown(self.names)}.",
                )
            return self.names[token[1]].copy(), 0.0
        raise self._fail("The contrast ends where a cell or a number is expected")
