"""A fitted model with all that its predictions for new people need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel, schema
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.kernels._conformal import (
    class_p_values,
    class_sizes,
    interval_half_width,
    prediction_sets,
)
from exerkine_omics.kernels._venn_abers import merged, venn_abers
from exerkine_omics.ml._blocks import CLINICAL, EARLY, Block
from exerkine_omics.ml._card import make_card
from exerkine_omics.ml._cross import fit_block, make_table, one_thread
from exerkine_omics.ml._fold import BINOMIAL, LinearModel
from exerkine_omics.ml._model_input import NewPeople, PlatformNeed, read_new
from exerkine_omics.ml._people import ClinicalColumn, Panel

if TYPE_CHECKING:
    from exerkine_omics.ml._result import PredictionResult
    from exerkine_omics.ml._study import Study

MODEL_SCHEMA = "1"
_MARGIN = 0.1  # of the training range, beyond which a value counts as outside it
_NAMED = 3


@dataclass(frozen=True)
class ResponseModel:
    """A model of response, fitted to all people of an evaluation.

    Parameters
    ----------
    block, model, target
        What was fitted.
    features
        Names of the columns of the omics block, with the platform's name before them where there
        are several.
    platforms
        What each platform must be: name, unit, platform, modality, species, matrix.
    clinical
        The clinical columns.
    fitted
        Model with what was learnt before it: medians, scores of signatures, scales.
    used
        Which columns (clinical first) count in the model.
    low, high
        Training range of each column (clinical first); NaN where never seen.
    base
        Share of responders among the training people (mean change).
    scores, outcome, groups
        Out-of-fold prediction, label (or change) and group of each training person.
    alpha
        Error level of sets and intervals.
    max_missing
        Share of the model's columns that may be missing before it abstains.
    card
        Model card: what it is, how it was made, how well it does, for whom.
    """

    block: str
    model: str
    target: str
    features: np.ndarray = field(repr=False)
    platforms: tuple[PlatformNeed, ...]
    clinical: tuple[ClinicalColumn, ...]
    fitted: Any = field(repr=False)
    used: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    base: float
    scores: np.ndarray = field(repr=False)
    outcome: np.ndarray = field(repr=False)
    groups: np.ndarray = field(repr=False)
    alpha: float
    max_missing: float
    at: str
    card: Mapping[str, Any] = field(repr=False)
    schema_version: str = MODEL_SCHEMA

    @property
    def family(self) -> str:
        """Binomial for a class, gaussian for a change."""
        return str(self.fitted.family)

    def predict(self, new: Any, *, clinical: pd.DataFrame | None = None) -> pd.DataFrame:
        """Predict new people, one row each.

        Features are taken by their id, never by position.

        Parameters
        ----------
        new
            AnnData, or MuData with the same platforms; of several time points the baseline counts.
        clinical
            A row a person with the column (or index) ``subject_id``; by default obs.

        Returns
        -------
        pandas.DataFrame
            subject_id; probability where as many respond as in training (or change); ci_low and
            ci_high (Venn-Abers: out-of-fold predictions calibrated with the new person as a
            non-case and as a case; their width says how little is known, and the probability is
            the one between them; for a change the conformal interval at ``1 - alpha``);
            missing_share of the model's columns; abstain; status (``ok``, or why it abstains).

        Raises
        ------
        UnitsError
            If a platform has another unit.
        InputError
            If platform, modality or species are another, no feature is there, or a person stands
            twice.

        Notes
        -----
        Missing values: filled with the training median, and counted. It abstains where more than
        ``max_missing`` of the model's columns are missing, where a value lies beyond the training
        range by more than a tenth of it, and where the conformal set does not hold just one class.
        """
        people = read_new(new, clinical, self.features, self.platforms, self.clinical, self.at)
        with one_thread():
            found = self.fitted.predict(people.table)
        missing = np.isnan(people.table[:, self.used])
        share = missing.mean(axis=1) if missing.shape[1] else np.zeros(len(people.subjects))
        reasons = [[] for _ in people.subjects]  # type: list[list[str]]
        self._flag(people, share, reasons)
        columns: dict[str, Any] = {schema.SUBJECT: people.subjects.astype(str)}
        if self.family == BINOMIAL:
            low, high = venn_abers(self.scores, self.outcome, found)
            held = (self.scores, self.outcome)
            p_values = class_p_values(*held, found, self.groups)
            sizes = class_sizes(*held, self.groups)
            inside, _ = prediction_sets(p_values, self.alpha, sizes)
            for own, row in zip(inside, reasons, strict=True):
                if own.sum() != 1:
                    row.append("both classes possible" if own.all() else "no class fits")
            columns["probability"] = merged(low, high)
        else:
            half = interval_half_width(self.outcome - self.scores, self.alpha, self.groups)
            low, high = found - half, found + half
            if not np.isfinite(half):
                for row in reasons:
                    row.append("too few training people for an interval")
            columns["change"] = found
        columns |= {"ci_low": low, "ci_high": high, "missing_share": share}
        columns["abstain"] = np.array([bool(row) for row in reasons])
        columns["status"] = ["; ".join(row) or schema.OK for row in reasons]
        return pd.DataFrame(columns)

    def save(self, path: str | Path) -> str:
        """Write the model to one file (skops, never pickled) and return the sha256 of its bytes.

        See `exo.ml.load`, which takes that sha256 to make sure of the file.
        """
        from exerkine_omics.ml._model_file import write_model

        return write_model(self, Path(path))

    def _flag(self, people: NewPeople, share: np.ndarray, reasons: list[list[str]]) -> None:
        names = [*(c.label for c in self.clinical), *self.features.astype(str)]
        width = np.maximum(self.high - self.low, 1e-12) * _MARGIN
        with np.errstate(invalid="ignore"):
            out = (people.table < self.low - width) | (people.table > self.high + width)
        out[:, ~self.used] = False
        for row, (own, mine) in enumerate(zip(out, share, strict=True)):
            if mine > self.max_missing:
                reasons[row].append(f"{mine:.0%} of the model's columns are missing")
            beyond = np.flatnonzero(own)
            if len(beyond):
                listed = ", ".join(names[k] for k in beyond[:_NAMED])
                more = f" and {len(beyond) - _NAMED} more" if len(beyond) > _NAMED else ""
                reasons[row].append(f"outside the training range: {listed}{more}")

    def __repr__(self) -> str:
        n = int(self.used.sum())
        who = f"{len(self.outcome)} people, {n} of {len(self.used)} columns used"
        return f"ResponseModel: {self.block}, {self.model}, of {who}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def fit_study(
    result: PredictionResult, block: str | None, model: str | None, max_missing: float = 0.2
) -> ResponseModel:
    """Fit a block and model of an evaluation to all its people."""
    study = result.study
    chosen, name = _choose(study, block, model)
    material, plan = study.material, study.plan
    if EARLY in chosen.sources:
        raise UsageError(
            "A model of early changes cannot be handed on: new people are read at baseline only",
            where="block=",
            fix="Fit another block.",
        )
    everyone = np.arange(len(material.groups))
    label = material.outcome.labels(everyone)
    target = material.outcome.targets(everyone, label)
    rows = np.flatnonzero(~np.isnan(target))
    made = make_table(material, chosen)
    table, n_free = made
    rng = parallel.stream(plan.seed, "ml_inner", "everyone")
    with one_thread():
        fitted = fit_block(
            material, plan, chosen, name, made, rows, target, rng=rng, derive=material.signatures
        )
    pair = (chosen.name, name)
    own = table[rows]
    seen = ~np.isnan(own).all(axis=0)
    low, high = np.full((2, own.shape[1]), np.nan)
    low[seen], high[seen] = np.nanmin(own[:, seen], axis=0), np.nanmax(own[:, seen], axis=0)
    held = np.mean([repeat.prediction[pair] for repeat in study.repeats], axis=0)
    use = rows[~np.isnan(label[rows]) & np.isfinite(held[rows])]
    found = ResponseModel(
        block=chosen.name,
        model=name,
        target=material.outcome.target,
        features=study.people.features[chosen.columns].astype(str),
        platforms=tuple(_need(panel) for panel in study.people.panels),
        clinical=study.clinical if chosen.clinical or chosen.name == CLINICAL else (),
        fitted=fitted,
        used=_used(fitted, own.shape[1], n_free, chosen, study),
        low=low,
        high=high,
        base=float(target[rows].mean()),
        scores=held[use],
        outcome=label[use],
        groups=material.groups[use].astype(str),
        alpha=study.alpha,
        max_missing=max_missing,
        at=study.people.at,
        card={},
    )
    return replace(found, card=make_card(result, found))


def _choose(study: Study, block: str | None, model: str | None) -> tuple[Block, str]:
    names = {b.name: b for b, _ in study.pairs}
    block = block or ("clinical+omics" if "clinical+omics" in names else "omics")
    if block not in names:
        raise UsageError(
            f"There is no block {block!r}", where="block=", fix=f"There are {shown(list(names))}."
        )
    models = [m for b, m in study.pairs if b.name == block]
    name = model or models[0]
    if name not in models:
        raise UsageError(f"There is no model {name!r}", fix=f"There are {shown(models)}.")
    return names[block], name


def _need(panel: Panel) -> PlatformNeed:
    known = panel.known
    units, platform, modality, species, matrix = (
        str(known.get(key, schema.UNKNOWN))
        for key in (schema.UNITS, schema.PLATFORM, schema.MODALITY, schema.SPECIES, schema.MATRIX)
    )
    scaling = str(known.get(schema.SAMPLE_SCALING, ""))
    name = panel.prefix.removesuffix(":")
    return PlatformNeed(name, units, platform, modality, species, matrix, scaling)


def _used(model: Any, n: int, n_free: int, block: Block, study: Study) -> np.ndarray:
    """Columns of the table (clinical first) that the model leans on (mask)."""
    if hasattr(model, "parts"):
        used = np.zeros(n, dtype=bool)
        for weight, (columns, part) in zip(model.weights, model.parts, strict=True):
            if weight > 0:
                used[columns] = _used(part, len(columns), 0, replace(block, scores=False), study)
        return used
    if isinstance(model, LinearModel):
        counts = model.standardized != 0
    else:
        counts = model.fill.keep.copy()
    signatures = study.material.signatures
    if not block.scores or signatures is None:
        return np.asarray(counts)
    used = np.zeros(n, dtype=bool)
    used[:n_free] = counts[:n_free]
    for number, members in enumerate(signatures.members()):
        if counts[n_free + number]:
            used[n_free + members] = True
    return used
