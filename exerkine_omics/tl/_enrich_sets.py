"""Signatures as sets of features, what a test of them returns, and the enrichment frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import adjust
from exerkine_omics.kernels._scorer import enough_coverage
from exerkine_omics.sig import Matched

COLUMNS: dict[str, str] = {
    "signature": "category",
    "contrast": "category",
    "direction": "category",
    "estimate": "float64",
    "statistic": "float64",
    "p_value": "float64",
    "p_adj": "float64",
    "p_value_mixed": "float64",
    "inter_gene_cor": "float64",
    "n_members": "int64",
    "n_measured": "int64",
    "coverage": "float64",
    "n_features": "int64",
    "n_pairs": "int64",
    "prop_up": "float64",
    "prop_down": "float64",
    "leading": "category",
    "dropped": "category",
    "method": "category",
    "status": "category",
}
"""Columns of the frame of `enrich`, whatever the method."""

# competitive tests ask how the rest of the panel moved: below this there is no rest
MIN_OUTSIDE = 10
# a member takes part in a change from |z| = sqrt(2) on, where its evidence (AIC) favours one
ACTIVE = np.sqrt(2.0)
_NAMED = 10
_SMALLEST_P = 1e-300


@dataclass(frozen=True)
class Members:
    """Members of a signature that a contrast tests: columns (k) and signed weights (k).

    ``dropped`` (names) are on the panel but not tested; ``coverage`` is the tested share of the
    absolute weight.
    """

    columns: np.ndarray
    weights: np.ndarray
    n_members: int
    n_on_panel: int
    coverage: float
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class SetTested:
    """One contrast over all signatures (s) and, beside them, over all features (p).

    ``statistic``, ``p_value``, ``p_mixed``, ``n_pairs``, ``correlation``, ``p_adj`` and ``status``
    have s entries; ``z`` (the features' own statistics as normal deviates) and ``estimate`` have p.
    """

    contrast: str
    members: list[Members]
    statistic: np.ndarray
    p_value: np.ndarray
    p_mixed: np.ndarray
    n_features: int
    n_pairs: np.ndarray
    z: np.ndarray
    estimate: np.ndarray
    status: np.ndarray
    correlation: np.ndarray | None = None
    p_adj: np.ndarray | None = None


def members_of(item: Matched, usable: np.ndarray, names: pd.Index) -> Members:
    """Members of a signature whose features (p) are usable.

    Members that one and the same feature measures count as one member with their summed weight.
    """
    columns, place = np.unique(item.columns, return_inverse=True)
    weights = np.bincount(place, weights=item.weights, minlength=len(columns))
    kept = usable[columns] & (weights != 0)
    return Members(
        columns[kept],
        weights[kept],
        len(item.members),
        len(item.columns),
        float(np.abs(weights[kept]).sum() / item.total),
        tuple(sorted(str(v) for v in names[columns[~kept]])),
    )


def set_status(
    members: Sequence[Members],
    whole: str,
    unusable: str,
    min_coverage: float,
    n_features: int | None = None,
) -> np.ndarray:
    """Why a signature has no test, the reason of the whole contrast first; else ``ok``.

    ``unusable`` is told where members are on the panel and none can be tested; with
    ``n_features`` (a competitive test) too few features outside the signature are a reason.
    """
    status = np.full(len(members), schema.OK, dtype=object)
    for i, one in enumerate(members):
        inside = len(one.columns)
        if whole:
            status[i] = whole
        elif one.n_on_panel == 0:
            status[i] = "not measured"
        elif inside == 0:
            status[i] = unusable
        elif not enough_coverage(np.array(one.coverage), min_coverage):
            status[i] = f"coverage below {min_coverage:g}"
        elif n_features is not None and n_features - inside < MIN_OUTSIDE:
            status[i] = f"fewer than {MIN_OUTSIDE} features outside the signature"
    return status


def normal_deviate(p_value: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Give the normal deviate of a two-sided p and a sign; p below 1e-300 count as 1e-300."""
    return np.sign(sign) * -special.ndtri(np.maximum(p_value, _SMALLEST_P) / 2)


def enrichment_frame(
    tested: Sequence[SetTested], names: Sequence[str], features: pd.Index, method: str
) -> pd.DataFrame:
    """Stack the contrasts: one row a signature and contrast; p is adjusted within the contrast."""
    rows = [
        _row(one, i, str(name), features, method) for one in tested for i, name in enumerate(names)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    contrasts = list(dict.fromkeys(one.contrast for one in tested))
    orders = {"signature": [str(n) for n in names], "contrast": contrasts}
    for column, dtype in COLUMNS.items():
        if dtype == "category":
            text = frame[column].astype(str)
            frame[column] = pd.Categorical(text, orders.get(column, sorted(set(text))))
        else:
            frame[column] = frame[column].astype(dtype)
    own = adjust(frame["p_value"].to_numpy(), frame["contrast"].cat.codes.to_numpy())
    given = np.repeat([one.p_adj is not None for one in tested], len(names))
    frame["p_adj"] = np.where(given, frame["p_adj"], own)
    return frame


def _row(one: SetTested, i: int, name: str, features: pd.Index, method: str) -> dict[str, object]:
    members, status = one.members[i], str(one.status[i])
    row: dict[str, object] = {
        "signature": name,
        "contrast": one.contrast,
        "n_members": members.n_members,
        "n_measured": len(members.columns),
        "coverage": members.coverage,
        "n_features": one.n_features,
        "n_pairs": int(one.n_pairs[i]),
        "dropped": "; ".join(members.dropped),
        "method": method,
        "status": status,
        "direction": "",
        "leading": "",
    }
    if status != schema.OK:
        return row
    z = np.sign(members.weights) * one.z[members.columns]
    side = 1.0 if one.statistic[i] >= 0 else -1.0
    size = np.abs(members.weights)
    return row | {
        "direction": "up" if side > 0 else "down",
        "estimate": float(members.weights @ one.estimate[members.columns] / size.sum()),
        "statistic": float(one.statistic[i]),
        "p_value": float(one.p_value[i]),
        "p_adj": np.nan if one.p_adj is None else float(one.p_adj[i]),
        "p_value_mixed": float(one.p_mixed[i]),
        "inter_gene_cor": np.nan if one.correlation is None else float(one.correlation[i]),
        "prop_up": float((z > ACTIVE).mean()),
        "prop_down": float((z < -ACTIVE).mean()),
        "leading": "; ".join(_leading(side * z, features[members.columns])),
    }


def _leading(z: np.ndarray, names: pd.Index) -> list[str]:
    """Names of the members that moved with the set, the strongest first, ten at most."""
    text = np.array([str(n) for n in names], dtype=object)
    order = np.lexsort((text.astype(str), -z))
    return [str(text[j]) for j in order if z[j] >= ACTIVE][:_NAMED]
