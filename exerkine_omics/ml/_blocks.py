"""What is compared: blocks of columns, and the models that learn from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from exerkine_omics.ml._fold import BINOMIAL, GAUSSIAN
from exerkine_omics.ml._fold_scores import SignatureColumns
from exerkine_omics.ml._outcome import Outcome

CLINICAL, OMICS, SIGNATURES, EARLY = "clinical", "omics", "signatures", "early"
BEST_SINGLE = "best_single"
RESERVED = (CLINICAL, OMICS, SIGNATURES, EARLY, BEST_SINGLE)
UNIVARIATE = "univariate"


@dataclass(frozen=True)
class Material:
    """What a cross-validation works on: ``x``, ``clinical`` (people x columns), ``groups``.

    ``sources`` names the columns of x by platform (and those of early changes); none named means
    one platform. ``signatures`` are made from ``x`` inside each fold; None where none were asked
    for. ``strata`` (people) are those within which outcomes or features are exchanged by
    permutations; ``sites`` (people) are left out one after the other, where given.
    """

    x: np.ndarray
    clinical: np.ndarray
    groups: np.ndarray
    outcome: Outcome
    signatures: SignatureColumns | None = None
    sources: dict[str, np.ndarray] = field(default_factory=dict)
    strata: np.ndarray | None = None
    sites: np.ndarray | None = None

    @property
    def family(self) -> str:
        """Binomial for labels, gaussian for changes."""
        return GAUSSIAN if self.outcome.continuous else BINOMIAL

    @property
    def platforms(self) -> dict[str, np.ndarray]:
        """Columns of x of each platform, early changes left out."""
        if not self.sources:
            return {OMICS: np.arange(self.x.shape[1])}
        return {name: columns for name, columns in self.sources.items() if name != EARLY}


@dataclass(frozen=True)
class Block:
    """Columns that a model may use.

    ``columns`` of x, ``source`` (number of the platform of each), ``sources`` their names;
    ``clinical``: with the clinical columns, outside the penalty; ``scores``: signature scores
    made of the columns instead of these.
    """

    name: str
    columns: np.ndarray
    source: np.ndarray
    sources: tuple[str, ...]
    clinical: bool = False
    scores: bool = False


def joined(name: str) -> str:
    """Name of a block together with the clinical columns."""
    return f"{CLINICAL}+{name}"


def blocks_of(material: Material) -> tuple[Block, ...]:
    """Blocks that can be fitted: none with clinical columns or signatures where there are none."""
    platforms = material.platforms
    found = [_block(OMICS, platforms)]
    if len(platforms) > 1:
        found += [_block(name, {name: columns}) for name, columns in platforms.items()]
    if material.signatures is not None:
        found.append(_block(SIGNATURES, platforms, scores=True))
    if EARLY in material.sources:
        found.append(_block(EARLY, {EARLY: material.sources[EARLY]}))
    if material.clinical.shape[1]:
        none = np.empty(0, dtype=int)
        both = [[b, _with_clinical(b)] for b in found]
        blocks = [Block(CLINICAL, none, none, ()), *(b for pair in both for b in pair)]
    else:
        blocks = found
    if material.signatures is not None:
        blocks.append(_block(BEST_SINGLE, platforms))
    return tuple(blocks)


def _block(name: str, platforms: dict[str, np.ndarray], scores: bool = False) -> Block:
    columns = np.concatenate(list(platforms.values()))
    order = np.argsort(columns, kind="stable")
    size = [len(v) for v in platforms.values()]
    source = np.repeat(np.arange(len(size)), size)
    return Block(name, columns[order], source[order], tuple(platforms), scores=scores)


def _with_clinical(block: Block) -> Block:
    return Block(joined(block.name), block.columns, block.source, block.sources, True, block.scores)
