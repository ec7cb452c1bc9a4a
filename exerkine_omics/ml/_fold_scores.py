"""Signature scores as columns that every fold makes anew from its own training people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import panel_note
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._scorer import enough_coverage
from exerkine_omics.ml._fold import Derive
from exerkine_omics.ml._people import Panel, People
from exerkine_omics.ml._signature_block import SignatureBlock
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

    def __call__(self, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores of training and of other people, by what the first teach; NaN: not covered."""
        learn, ask = [], []
        for columns, block in self.parts:
            fitted = block.fit(train[:, columns])
            learn.append(fitted.score(train[:, columns])[0])
            ask.append(fitted.score(test[:, columns])[0])
        return np.hstack(learn), np.hstack(ask)


def remembering(derive: Derive | None) -> Derive | None:
    """Give again what was made of the same values: the blocks of a fold share their inner folds."""
    if derive is None:
        return None
    made: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def call(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        digest = blake2b(train.tobytes())
        digest.update(test.tobytes())
        key = digest.digest()
        if key not in made:
            made[key] = derive(train, test)
        return made[key]

    return call


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
    own: Mapping[str, str] = {
        key: str(panel.known.get(key, schema.UNKNOWN)) for key in (schema.SPECIES, schema.MATRIX)
    }
    notes = []
    for name in kept:
        s = signatures[name]
        if own[schema.SPECIES] not in (s.species, schema.UNKNOWN):
            notes.append(
                f"{name} is a {s.species} signature; these samples are {own[schema.SPECIES]}."
            )
        if s.matrix and own[schema.MATRIX] not in (*s.matrix, schema.UNKNOWN):
            notes.append(
                f"{name} was found in {', '.join(s.matrix)}; these samples are "
                f"{own[schema.MATRIX]}."
            )
    return notes
