"""Signature scores as columns that every fold makes anew from its own training people."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import panel_note, signature_notes
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._scorer import enough_coverage
from exerkine_omics.ml._people import Panel, People
from exerkine_omics.ml._signature_block import FittedBlock, SignatureBlock
from exerkine_omics.ml._signature_scorer import SignatureScorer
from exerkine_omics.sig import SignatureSet, coverage_frame, load


@dataclass(frozen=True)
class SignatureColumns:
    """Signatures of all platforms: each is scored among the features of its own platform only.

    ``names`` (signatures), ``parts`` (places of a platform's features in x, and its signatures).
    """

    method: str
    names: np.ndarray
    parts: tuple[tuple[np.ndarray, SignatureBlock], ...]

    def members(self) -> list[np.ndarray]:
        """Places in x of each signature's measured members."""
        return [
            columns[block.sets.members(number)[0]]
            for columns, block in self.parts
            for number in range(len(block.sets))
        ]

    def fit(self, train: np.ndarray) -> FittedColumns:
        """Learn how people are scored from the training people (people x features)."""
        fitted = tuple((columns, block.fit(train[:, columns])) for columns, block in self.parts)
        return FittedColumns(fitted)


@dataclass(frozen=True)
class FittedColumns:
    """`SignatureColumns` as the training people taught them."""

    parts: tuple[tuple[np.ndarray, FittedBlock], ...]

    def score(self, values: np.ndarray) -> np.ndarray:
        """Scores of people (people x signatures); NaN: not covered."""
        return np.hstack([block.score(values[:, columns])[0] for columns, block in self.parts])


class Remembering:
    """Gives again what was made of the same values: the blocks of a fold share their inner folds.

    It lives no longer than a fold.
    """

    def __init__(self, columns: SignatureColumns) -> None:
        self.columns = columns
        self._made: dict[bytes, _Remembered] = {}

    def fit(self, train: np.ndarray) -> _Remembered:
        """Learn from these people, or recall what they taught."""
        key = _digest(train)
        if key not in self._made:
            self._made[key] = _Remembered(self.columns.fit(train))
        return self._made[key]


class _Remembered:
    def __init__(self, fitted: FittedColumns) -> None:
        self.fitted = fitted
        self._made: dict[bytes, np.ndarray] = {}

    def score(self, values: np.ndarray) -> np.ndarray:
        key = _digest(values)
        if key not in self._made:
            self._made[key] = self.fitted.score(values)
        return self._made[key]


def _digest(values: np.ndarray) -> bytes:
    return blake2b(np.ascontiguousarray(values).data).digest()


def signature_columns(people: People, signatures: Any) -> tuple[SignatureColumns | None, list[str]]:
    """Find the signatures that the panels measure, and what the reader must know of them.

    Parameters
    ----------
    people
        People with their panels.
    signatures
        None (or False), True for the shipped ones of each panel's modality, a SignatureSet, a
        mapping, or a SignatureScorer that says how they are scored.
    """
    if signatures is None or signatures is False:
        return None, []
    if isinstance(signatures, SignatureScorer):
        scorer = signatures
    else:
        scorer = SignatureScorer(None if signatures is True else signatures)
    for name in ("baseline", "var"):
        if getattr(scorer, name) is not None:
            raise UsageError(
                f"The SignatureScorer has {name}=; here the rows are one a person, and the "
                "features are those of data",
                where="signatures=",
                fix=f"Leave {name} out.",
            )
    names: list[str] = []
    parts, notes, lacking = [], [], []
    for panel in people.panels:
        modality = scorer.modality or panel.known.get(schema.MODALITY)
        block, matched = scorer._block(panel.var, modality)
        covered = coverage_frame(matched)["coverage"].to_numpy()
        scored = enough_coverage(covered, block.min_coverage)
        lacking += [panel.prefix + m.name for m, s in zip(matched, scored, strict=True) if not s]
        if not scored.any():
            continue
        kept = [m.name for m, s in zip(matched, scored, strict=True) if s]
        names += [panel.prefix + name for name in kept]
        sets = block.sets.take(np.flatnonzero(scored))
        parts.append(
            (
                panel.columns,
                SignatureBlock(block.method, block.options, block.min_coverage, sets),
            )
        )
        notes += [panel.prefix + n for n in _context(scorer.signatures, kept, panel, modality)]
        note = panel_note(block.scorer, len(panel.columns))
        notes += [panel.prefix + note] if note else []
    if not parts:
        raise InputError(
            f"No signature is measured: coverage of {shown(lacking)} is under "
            f"{scorer.min_coverage:g} or 0",
            where="signatures=",
            fix="sig.load().coverage(adata) says what is missing.",
        )
    if lacking:
        notes.append(
            f"Signatures not scored, coverage under {scorer.min_coverage:g}: {', '.join(lacking)}."
        )
    return SignatureColumns(scorer.method, np.array(names, dtype=str), tuple(parts)), notes


def _context(signatures: Any, kept: list[str], panel: Panel, modality: str | None) -> list[str]:
    """Signatures that were found in another species or matrix; plain mappings have no context."""
    if signatures is None:
        signatures = load().query(modality=modality) if modality else load()
    if not isinstance(signatures, SignatureSet):
        return []
    return signature_notes([signatures[name] for name in kept], panel.known)
