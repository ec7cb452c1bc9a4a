"""Match the members of signatures to the features of a panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.sig._load import load
from exerkine_omics.sig._model import MEMBER_IDS, Signature, SignatureSet

Signatures: TypeAlias = (
    SignatureSet | Mapping[str, Sequence[str]] | Mapping[str, Mapping[str, float]]
)


@dataclass(frozen=True)
class Matched:
    """A signature on a panel: columns of the measured members, and the weights of all.

    ``columns`` (k) are positions in ``var_names``; ``weights`` (k) belong to them; ``total`` is
    the sum of absolute weights over all members, measured or not.
    """

    name: str
    members: tuple[str, ...]
    columns: np.ndarray
    weights: np.ndarray
    total: float
    missing: tuple[str, ...]


def match(
    signatures: Signatures | None,
    var: pd.DataFrame,
    modality: str | None,
    *,
    several: str = "error",
) -> list[Matched]:
    """Find each member on the panel.

    Parameters
    ----------
    signatures
        A SignatureSet, whose members are found by their identifiers, most specific first; or a
        mapping whose members are names of features. None: the shipped ones of the modality.
    var
        Features of the panel, identifiers in columns.
    modality
        Modality of the panel.
    several
        A member that several features measure is, with ``error``, an error that names them;
        with ``first`` the first is used.

    Returns
    -------
    list
        One `Matched` a signature.
    """
    if several not in ("error", "first"):
        raise UsageError(f"several={several!r} is neither 'error' nor 'first'")
    chosen = signatures
    if chosen is None:
        chosen = load().query(modality=modality) if modality else load()
        if not chosen:
            raise InputError(f"No shipped signature is for {modality}", fix="Give signatures=.")
    if isinstance(chosen, SignatureSet):
        index = _index(var)
        return [_match_signature(s, index, var, several) for s in chosen.values()]
    if not isinstance(chosen, Mapping) or not chosen:
        raise UsageError(
            "signatures is a SignatureSet, or a mapping of name to var names or to weights",
            fix="For example {'mine': ['IL6', 'IL10']}.",
        )
    # names become columns of obsm, which h5ad keeps as text
    plain: dict[str, Any] = {str(name): members for name, members in chosen.items()}
    if len(plain) < len(chosen):
        raise UsageError("Two signatures have the same name as text", where="signatures=")
    position = {str(v): i for i, v in enumerate(var.index)}
    return [_match_plain(name, members, position) for name, members in plain.items()]


def coverage_frame(matched: Sequence[Matched]) -> pd.DataFrame:
    """Count, for each signature, what of it is measured.

    Parameters
    ----------
    matched
        What `match` found.

    Returns
    -------
    DataFrame
        signature, n_members, n_measured, coverage (share of the absolute weight), missing.
    """
    return pd.DataFrame(
        {
            "signature": [m.name for m in matched],
            "n_members": pd.Series([len(m.members) for m in matched], dtype="int64"),
            "n_measured": pd.Series([len(m.columns) for m in matched], dtype="int64"),
            "coverage": [float(np.abs(m.weights).sum() / m.total) for m in matched],
            "missing": ["; ".join(m.missing) for m in matched],
        }
    )


def _index(var: pd.DataFrame) -> dict[str, dict[str, list[int]]]:
    """Positions of features by each kind of identifier; several accessions are split."""
    index: dict[str, dict[str, list[int]]] = {}
    for kind in MEMBER_IDS:
        if kind not in var.columns:
            continue
        found: dict[str, list[int]] = {}
        for position, value in enumerate(var[kind].astype(object)):
            if isinstance(value, str):
                for part in {p.strip() for p in value.replace(";", "|").split("|")} - {""}:
                    found.setdefault(part, []).append(position)
        index[kind] = found
    return index


def _match_signature(
    signature: Signature, index: dict[str, dict[str, list[int]]], var: pd.DataFrame, several: str
) -> Matched:
    names = {name: [i] for i, name in enumerate(var.index.astype(str))}
    known = _exerkine_ids(var)
    columns: list[int] = []
    weights: list[float] = []
    missing: list[str] = []
    for member in signature.members:
        hits: list[int] = []
        for kind in MEMBER_IDS:
            value = getattr(member, kind)
            hits = index.get(kind, {}).get(value, []) if value else []
            if hits:
                break
        else:
            # a panel without annotation: its ids may be the very symbols
            own = (member.gene_symbol, member.mirbase, member.refmet_name, member.name)
            hits = next((names[v] for v in own if v and v in names), [])
        # a feature known as another molecule of the same gene is not this one (P1NP, COL1A1)
        hits = [i for i in hits if known[i] in ("", member.exerkine_id)]
        if len(hits) > 1 and several == "error":
            raise InputError(
                f"{member.name} of {signature.name} is measured by {shown(var.index[hits])}",
                where="var",
                fix="Keep one of them, or say several='first'; they are never averaged silently.",
            )
        if hits:
            columns.append(hits[0])
            weights.append(member.weight)
        else:
            missing.append(member.gene_symbol or member.mirbase or member.name)
    return Matched(
        signature.name,
        tuple(m.exerkine_id for m in signature.members),
        np.array(columns, dtype=int),
        np.array(weights),
        float(sum(abs(m.weight) for m in signature.members)),
        tuple(missing),
    )


def _exerkine_ids(var: pd.DataFrame) -> list[str]:
    """Exerkine of each feature; empty where it is not known, or is one of several."""
    if schema.EXERKINE_ID not in var.columns:
        return [""] * len(var)
    ids = [v.strip() if isinstance(v, str) else "" for v in var[schema.EXERKINE_ID].astype(object)]
    return ["" if "|" in v or ";" in v else v for v in ids]


def _match_plain(
    name: str, members: Sequence[str] | Mapping[str, float], position: Mapping[str, int]
) -> Matched:
    if isinstance(members, str):
        raise UsageError(f"Signature {name!r} is a string, not a list of var names")
    if isinstance(members, pd.Series) and pd.api.types.is_numeric_dtype(members.dtype):
        # iterated, it would give its weights for names
        raise UsageError(
            f"Signature {name!r} is a Series of numbers", fix="Give weights as series.to_dict()."
        )
    if not isinstance(members, Iterable):
        raise UsageError(f"Signature {name!r} is {members!r}, no list of var names or of weights")
    members = members if isinstance(members, Mapping) else list(members)
    weight = {
        str(m): _weight(name, m, members[m]) if isinstance(members, Mapping) else 1.0
        for m in members
    }
    bad = [m for m, w in weight.items() if not np.isfinite(w) or w == 0]
    if bad:
        raise UsageError(f"Weights of {shown(bad)} in signature {name!r} are zero or not finite")
    if not weight:
        raise UsageError(f"Signature {name!r} has no members")
    if len(weight) < len(members):
        raise UsageError(f"Signature {name!r} names a member twice")
    found = [m for m in weight if m in position]
    return Matched(
        name,
        tuple(weight),
        np.array([position[m] for m in found], dtype=int),
        np.array([weight[m] for m in found]),
        float(sum(abs(w) for w in weight.values())),
        tuple(m for m in weight if m not in position),
    )


def _weight(name: str, member: object, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"The weight of {str(member)!r} in signature {name!r} is {value!r}, no number"
        ) from None
