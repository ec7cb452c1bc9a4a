"""What a model leans on: columns exchanged among held-out people, and coefficients over folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.ml._blocks import CLINICAL, SIGNATURES, Block, Material
from exerkine_omics.ml._fold import LinearModel, as_prediction

BLOCK, FEATURE = "block", "feature"
_TOP = 20
_FEW_COLUMNS = 30  # up to that many are exchanged one by one in models without coefficients


@dataclass(frozen=True)
class Importance:
    """Predictions (keys x permutations x people) with columns exchanged within each test fold.

    A key is (``block``, name of the platform) or (``feature``, place among the block's columns).
    """

    keys: tuple[tuple[str, Any], ...]
    predictions: np.ndarray


class Permuter:
    """Gathers over the folds of a repeat what exchanged columns do to predictions.

    In a linear model the exchange moves the columns' own share of the linear predictor; other
    models predict anew, their columns one by one only where there are at most 30.
    """

    def __init__(
        self, material: Material, block: Block, n_permutations: int, rng: np.random.Generator
    ) -> None:
        self.rng = rng
        self.order = np.tile(np.arange(len(material.groups)), (n_permutations, 1))
        self.sources = _columns_of_sources(material, block)
        self.n_columns = sum(len(c) for c in self.sources.values())
        self.scores = block.scores
        self.family = material.family
        self.eta = np.full(len(material.groups), np.nan)
        self.shares: dict[int, np.ndarray] = {}
        self.direct: dict[tuple[str, Any], np.ndarray] = {}

    def add(self, model: Any, table: np.ndarray, test: np.ndarray) -> None:
        """Take up one fold: its model, the columns and the rows of its test people."""
        moved = np.array([self.rng.permutation(len(test)) for _ in self.order])
        self.order[:, test] = test[moved]
        if isinstance(model, LinearModel):
            self.eta[test] = model.eta(table)
            columns, part = model.shares(table)
            for column, values in zip(columns, part.T, strict=True):
                whole = self.shares.setdefault(int(column), np.zeros(len(self.eta)))
                whole[test] = values
            return
        keys: dict[tuple[str, Any], np.ndarray] = {
            (BLOCK, name): columns for name, columns in self.sources.items()
        }
        if self.scores:  # the columns of the table are features, not scores
            keys = {(BLOCK, SIGNATURES): np.concatenate(list(self.sources.values()))}
        elif self.n_columns <= _FEW_COLUMNS:
            keys |= {(FEATURE, k): np.array([k]) for k in range(self.n_columns)}
        for key, columns in keys.items():
            whole = self.direct.setdefault(key, np.full(self.order.shape, np.nan))
            for number, order in enumerate(moved):
                other = table.copy()
                other[:, columns] = table[order][:, columns]
                whole[number, test] = model.predict(other)

    def done(self) -> Importance:
        """All folds together."""
        if self.direct:
            return Importance(tuple(self.direct), np.array(list(self.direct.values())))
        if not self.shares:
            return Importance((), np.empty((0, *self.order.shape)))
        parts: dict[tuple[str, Any], np.ndarray] = {}
        for name, columns in self.sources.items():
            inside = [self.shares[c] for c in columns if c in self.shares]
            if inside:
                parts[(BLOCK, name)] = np.sum(inside, axis=0)
        weight = {c: float(((v - v.mean()) ** 2).sum()) for c, v in self.shares.items()}
        for column in sorted(weight, key=lambda c: (-weight[c], c))[:_TOP]:
            parts[(FEATURE, column)] = self.shares[column]
        made = [self.eta - part + part[self.order] for part in parts.values()]
        return Importance(tuple(parts), as_prediction(np.array(made), self.family))


def _columns_of_sources(material: Material, block: Block) -> dict[str, np.ndarray]:
    """Places of each source among the block's columns, clinical ones first."""
    if block.name == CLINICAL:
        return {CLINICAL: np.arange(material.clinical.shape[1])}
    start = material.clinical.shape[1] if block.clinical else 0
    found = {CLINICAL: np.arange(start)} if start else {}
    if block.scores and material.signatures is not None:
        found[SIGNATURES] = start + np.arange(len(material.signatures.names))
        return found
    for number, name in enumerate(block.sources):
        found[name] = start + np.flatnonzero(block.source == number)
    return found


def column_names(
    block: Block, clinical: Sequence[str], features: np.ndarray, signatures: np.ndarray | None
) -> np.ndarray:
    """Names of a block's columns, in the order of its coefficients."""
    if block.name == CLINICAL:
        return np.array(clinical, dtype=object)
    own = signatures if block.scores and signatures is not None else features[block.columns]
    return np.concatenate([np.array(clinical if block.clinical else [], dtype=object), own])


def coefficient_frame(
    rows: dict[tuple[str, str], np.ndarray], names: dict[str, np.ndarray]
) -> pd.DataFrame:
    """One row a block, model and column used in any fold.

    ``rows`` (folds of all repeats x columns) of each block and model, per SD in training; the mean
    and SD are over all folds, with 0 where the column was not used.
    """
    frames = []
    for (block, model), values in rows.items():
        share = (values != 0).mean(axis=0)
        used = np.flatnonzero(share)
        values = values[:, used]
        plus, minus = (values > 0).sum(axis=0), (values < 0).sum(axis=0)
        frame = pd.DataFrame(
            {
                "block": block,
                "model": model,
                "feature": names[block][used].astype(str),
                "coefficient": values.mean(axis=0),
                "sd": values.std(axis=0, ddof=1) if len(values) > 1 else np.nan,
                "share": share[used],
                "same_sign": np.maximum(plus, minus) / np.maximum(plus + minus, 1),
            }
        )
        order = np.lexsort((frame["feature"], -frame["coefficient"].abs(), -frame["share"]))
        frames.append(frame.iloc[order])
    columns = ["block", "model", "feature", "coefficient", "sd", "share", "same_sign"]
    if not frames:
        return pd.DataFrame(columns=columns).astype({"coefficient": float})
    return pd.concat(frames, ignore_index=True)[columns]
