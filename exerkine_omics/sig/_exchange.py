"""Signatures out to GMT and networks, and in from GMT and data frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UsageError, shown, warn
from exerkine_omics.sig._model import MEMBER_IDS, PANEL_BELOW, Signature, SignatureSet

_DEFAULT_IDS = {
    "proteomics": (schema.GENE_SYMBOL, schema.NAME),
    "metabolomics": (schema.REFMET, schema.NAME),
    "mirna": (schema.MIRBASE, schema.NAME),
}
_SIDES = {"up": 1.0, "down": -1.0}
_NOT_STATED = (
    "Not stated by the source: exposure, exercise mode, matrix, time window, origin of the "
    "weights, references, level of evidence."
)


def network(signatures: SignatureSet, kind: str | None) -> pd.DataFrame:
    """One row an edge: source, target, weight."""
    if kind is not None and kind not in (*MEMBER_IDS, schema.NAME):
        raise UsageError(
            f"id={kind!r} is no identifier of members",
            fix=f"Take one of {', '.join((*MEMBER_IDS, schema.NAME))}.",
        )
    edges, nameless = [], []
    for signature in signatures.values():
        kinds = (kind,) if kind else _DEFAULT_IDS[signature.modality]
        for member in signature.members:
            target = next((v for k in kinds if (v := getattr(member, k))), "")
            if target:
                edges.append((signature.name, target, member.weight))
            else:
                nameless.append(f"{member.name} of {signature.name}")
    frame = pd.DataFrame(edges, columns=["source", "target", "weight"])
    frame["sign"] = np.sign(frame["weight"].astype("float64"))
    opposed = frame.groupby(["source", "target"])["sign"].transform("nunique") > 1
    dropped = sorted(set(frame.loc[opposed, "target"]))
    if nameless:
        warn(f"{len(nameless)} members have no {kind}: {shown(nameless)}. They are left out.")
    if dropped:
        warn(f"Members of both signs share the identifier {shown(dropped)}. They are left out.")
    frame = frame[~opposed]
    largest = frame["weight"].abs().sort_values(ascending=False, kind="stable").index
    kept = frame.loc[largest].drop_duplicates(["source", "target"]).sort_index()
    return kept[["source", "target", "weight"]].reset_index(drop=True)


def gmt_text(signatures: SignatureSet, kind: str | None) -> str:
    """Text of a GMT file, a line a signature and sign."""
    edges = network(signatures, kind)
    lines = []
    for name, own in edges.groupby("source", sort=True):
        for side, sign in _SIDES.items():
            targets = own.loc[np.sign(own["weight"]) == sign, "target"]
            if len(targets):
                title = re.sub(r"\s+", " ", signatures[str(name)].title)
                lines.append("\t".join([f"{name}_{side}".upper(), title, *targets]))
    return "".join(f"{line}\n" for line in lines)


def from_gmt(
    path: str | Path,
    *,
    modality: str = "proteomics",
    id: str = schema.GENE_SYMBOL,
) -> SignatureSet:
    """Read sets of a GMT file as signatures.

    Use it to score or test sets of your own or of another collection. ``NAME_UP`` and
    ``NAME_DOWN`` become one signature with weights 1 and -1; a set without such an ending counts
    as up.

    Parameters
    ----------
    path
        A tab-separated file: name, description, members.
    modality
        What the members are: ``proteomics``, ``metabolomics`` or ``mirna``.
    id
        Identifier that the file holds: ``gene_symbol``, ``uniprot``, ``hmdb``, ``mirbase`` ... or
        ``name``.

    Returns
    -------
    SignatureSet
        Names in lower case; level C; what the file cannot say stands in ``limits``.

    Notes
    -----
    Missing values: empty cells are skipped.

    Raises
    ------
    InputError
        If the file is no GMT, a member stands on both sides, or a set breaks the model.

    Examples
    --------
    >>> sets = exo.sig.from_gmt("h.all.v2024.1.Hs.symbols.gmt")  # doctest: +SKIP
    """
    where = str(path)
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Not readable as GMT: {error}", where=where) from error
    rows: list[tuple[str, str, float]] = []
    titles: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, description, *members = [cell.strip() for cell in [*line.split("\t"), ""]]
        members = [m for m in members if m]
        if not name or not members:
            raise InputError(
                f"Line {number} is no set: a name, a description and members, with tabs between",
                where=where,
            )
        stem, side = re.fullmatch(r"(.+?)(?:_(UP|DOWN|DN))?", name, re.IGNORECASE).groups()  # type: ignore[union-attr]
        weight = -1.0 if (side or "").upper() in ("DOWN", "DN") else 1.0
        rows += [(stem, m, weight) for m in dict.fromkeys(members)]
        titles.setdefault(stem, description if description not in ("", "na") else stem)
    if not rows:
        raise InputError("The file holds no set", where=where)
    frame = pd.DataFrame(rows, columns=["signature", "member", "weight"])
    return _build(frame, modality, id, where, titles)


def from_frame(
    frame: pd.DataFrame,
    *,
    modality: str = "proteomics",
    id: str = schema.GENE_SYMBOL,
) -> SignatureSet:
    """Take signatures from a data frame, one row a member.

    Use it for sets of your own, or for a network as decoupler has them.

    Parameters
    ----------
    frame
        Columns ``signature`` (or ``source``), ``member`` (or ``target``) and ``weight``; without
        weights each member counts 1.
    modality
        What the members are: ``proteomics``, ``metabolomics`` or ``mirna``.
    id
        Identifier that the members are, as in `from_gmt`.

    Returns
    -------
    SignatureSet
        Names in lower case; level C; what the frame cannot say stands in ``limits``.

    Notes
    -----
    Missing values: an empty name, member or weight is an error.

    Raises
    ------
    InputError
        If columns are missing, cells are empty, a member stands twice, or a set breaks the model.

    Examples
    --------
    >>> import pandas as pd
    >>> import exerkine_omics as exo
    >>> mine = pd.DataFrame({"signature": "mine", "member": ["IL6", "IL10"], "weight": [1, -1]})
    >>> exo.sig.from_frame(mine)["mine"].kind
    'panel'
    """
    renamed = frame.rename(columns={"source": "signature", "target": "member"})
    missing = [c for c in ("signature", "member") if c not in renamed]
    if missing:
        raise InputError(
            f"The frame has no column {shown(missing)}",
            where=f"columns {', '.join(map(str, frame.columns))}",
            fix="It needs signature (or source), member (or target) and, if they differ, weight.",
        )
    if len(renamed) == 0:
        raise InputError("The frame holds no members", where="from_frame")
    if "weight" not in renamed:
        renamed = renamed.assign(weight=1.0)
    chosen = renamed.loc[:, ["signature", "member", "weight"]].reset_index(drop=True)
    weights = pd.to_numeric(chosen["weight"], errors="coerce")
    names = chosen[["signature", "member"]].astype(object)
    empty = names.isna().any(axis=1) | (names.astype(str).apply(lambda c: c.str.strip()) == "").any(
        axis=1
    )
    if (empty | weights.isna()).any():
        rows = list(chosen.index[empty | weights.isna()])
        raise InputError(
            f"Rows {shown(rows)} have no name, no member or no number as weight", where="from_frame"
        )
    chosen = names.astype(str).assign(weight=weights.astype("float64"))
    return _build(chosen, modality, id, "from_frame", {})


def _build(
    frame: pd.DataFrame, modality: str, kind: str, where: str, titles: Mapping[str, str]
) -> SignatureSet:
    if modality not in _DEFAULT_IDS:
        raise UsageError(f"modality={modality!r} is none of {', '.join(_DEFAULT_IDS)}")
    if kind not in (*MEMBER_IDS, schema.NAME):
        raise UsageError(
            f"id={kind!r} is no identifier of members",
            fix=f"Take one of {', '.join((*MEMBER_IDS, schema.NAME))}.",
        )
    known = _known_ids(modality, kind)
    built: dict[str, Signature] = {}
    for source, own in frame.groupby("signature", sort=False):
        name = slug(str(source))
        if name in built:
            raise InputError(f"Two sets are called {name!r} in lower case", where=where)
        twice = own.loc[own["member"].duplicated(), "member"]
        if len(twice):
            raise InputError(
                f"{shown(dict.fromkeys(twice))} stand twice, or up and down, in {str(source)!r}",
                where=where,
            )
        content = {
            "name": name,
            "title": titles.get(str(source), str(source)),
            "kind": "panel" if len(own) < PANEL_BELOW else "set",
            "modality": modality,
            "exposure": "any",
            "level": "C",
            "weights": "As given by the user.",
            "limits": _NOT_STATED,
            "not_for": "Not stated by the source.",
            "members": [
                _member(member, float(weight), kind, known)
                for member, weight in zip(own["member"], own["weight"], strict=True)
            ],
        }
        try:
            built[name] = Signature.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise InputError(f"{str(source)!r}: {field}: {first['msg']}", where=where) from error
    return SignatureSet(list(built.values()))


def _member(value: str, weight: float, kind: str, known: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = {"exerkine_id": known.get(value, slug(value)), "name": value}
    content[kind] = value
    return content | {"weight": weight}


def _known_ids(modality: str, kind: str) -> dict[str, str]:
    """exerkine_id by an identifier that only one molecule has."""
    from exerkine_omics.sig._knowledge import molecules

    table = molecules()
    table = table[(table[schema.MODALITY] == modality) & (table[kind] != "")]
    table = table.drop_duplicates(kind, keep=False)
    return dict(zip(table[kind], table[schema.EXERKINE_ID], strict=True))


def slug(text: str) -> str:
    """Lower case, runs of anything but letters and digits as one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
