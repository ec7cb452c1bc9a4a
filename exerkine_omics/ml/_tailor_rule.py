"""The rule of `tailor`, fitted on all people: who gets which arm, and when it does not say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.ml._people import read_people
from exerkine_omics.ml._signature_block import FittedBlock
from exerkine_omics.ml._tailor_features import FoldRule
from exerkine_omics.ml._tailor_values import advantage_table

_MOST_MISSING = 0.5
_LEVEL = re.compile(r"(.+)\[(.+)\]")


@dataclass(frozen=True)
class TailorRule:
    """Linear rule: each arm's advantage from clinical columns, score and omics.

    Parameters
    ----------
    learner
        ``dr`` or ``t``.
    arms
        Arms to choose from.
    best
        The best single arm, whoever the person is.
    features
        Names of clinical columns and score, then of omics features or signatures.
    intercepts, weights
        Advantage over the mean of the arms: k, and features x k, per unit as measured.
    medians
        What takes the place of a missing feature.
    threshold
        Smallest advantage at which an arm is named.
    proven
        Whether the verdict is to assign by this rule; if not, it abstains for everybody.
    """

    learner: str
    arms: tuple[str, ...]
    best: str
    features: tuple[str, ...]
    intercepts: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    medians: np.ndarray = field(repr=False)
    threshold: float
    proven: bool
    level: float
    folds: int
    base_names: tuple[str, ...]
    omics_names: np.ndarray = field(repr=False)
    final: FoldRule = field(repr=False)
    models: tuple[FoldRule, ...] = field(repr=False)
    has_score: bool = False
    score_block: tuple[np.ndarray, FittedBlock, int] | None = field(repr=False, default=None)

    def to_frame(self) -> pd.DataFrame:
        """Weights of the rule: feature, and a column an arm."""
        frame = pd.DataFrame(self.weights, columns=list(self.arms))
        frame.insert(0, "feature", list(self.features))
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the rule, its 50 heaviest weights (by the spread over arms) only."""
        heavy = np.argsort(-np.ptp(self.weights, axis=1), kind="stable")[:50]
        return {
            "learner": self.learner,
            "arms": list(self.arms),
            "best_single_arm": self.best,
            "threshold": self.threshold,
            "proven": self.proven,
            "intercepts": dict(zip(self.arms, self.intercepts, strict=True)),
            "n_features": len(self.features),
            "weights": [
                {"feature": self.features[j]}
                | dict(zip(self.arms, self.weights[j].tolist(), strict=True))
                for j in heavy
            ],
        }

    def assign(self, new: Any, table: pd.DataFrame | None = None) -> pd.DataFrame:
        """Say which arm suits new people.

        Parameters
        ----------
        new
            AnnData or MuData as in `tailor`: baseline samples.
        table
            Clinical columns and score by subject (index, or the column ``subject_id``), where
            they are not in obs.

        Returns
        -------
        DataFrame
            subject_id, arm, advantage (over the next best arm), ci_low, ci_high, agreement,
            abstain, missing_share, status; a row a person, sorted. ``status`` is ``ok`` or why
            the rule does not say; the arm is then what it would have been.

        Notes
        -----
        Missing values: the median of the people of the trial; with over half of the features
        missing, or no score where the rule has one, the rule abstains.
        """
        people = read_people(new, schema.SUBJECT, caller="The rule of exo.ml.tailor")
        sheet = people.obs
        if table is not None:
            given = table.set_index(schema.SUBJECT) if schema.SUBJECT in table else table
            given = given.set_axis(given.index.astype(str), axis=0)
            if given.index.has_duplicates:
                raise UsageError("table has several rows of one person", where="table=")
            sheet = sheet.drop(columns=[c for c in given.columns if c in sheet.columns])
            sheet = sheet.join(given)
        place = pd.Index(people.features).get_indexer(self.omics_names)
        x = np.where(place >= 0, people.x[:, place], np.nan)
        base = np.column_stack(
            [self._column(name, sheet, x) for name in self.base_names] or [np.empty((len(x), 0))]
        )
        models = np.stack([rule(base, x) for rule in self.models])
        told = self.final(base, x)
        first, found = advantage_table(told, None, models, self.folds, self.level, self.threshold)
        missing = np.isnan(self.final.ready.raw(base, x)).mean(axis=1)
        status = np.where(found["abstain"], "advantage too small or unsure", schema.OK)
        if self.has_score:
            status = np.where(np.isnan(base[:, -1]), "no score", status)
        status = np.where(missing > _MOST_MISSING, "features missing", status).astype(object)
        if not self.proven:
            status[:] = "no rule was shown to be better than the same training for all"
        found["abstain"] = status != schema.OK
        found.insert(0, schema.ARM, np.array(self.arms, dtype=object)[first])
        found.insert(0, schema.SUBJECT, people.subjects)
        found["missing_share"] = missing
        found["status"] = status
        return found

    def _column(self, name: str, sheet: pd.DataFrame, x: np.ndarray) -> np.ndarray:
        if self.score_block is not None and name == self.base_names[-1]:
            columns, fitted, j = self.score_block
            return fitted.score(x[:, columns])[0][:, j]
        if name in sheet.columns:
            return pd.to_numeric(sheet[name], errors="coerce").to_numpy(dtype=float)
        parts = _LEVEL.fullmatch(name)
        if parts is not None and parts[1] in sheet.columns:
            text = sheet[parts[1]].astype("string")
            return (text == parts[2]).to_numpy(dtype=float, na_value=np.nan)
        return np.full(len(sheet), np.nan)
