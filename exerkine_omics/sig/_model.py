"""Signature and SignatureSet: members with sign and weight, and what they may be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from exerkine_omics import schema
from exerkine_omics.errors import UsageError, shown

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
# identifiers by which a member can be found on a platform, most specific first
MEMBER_IDS = (
    schema.EXERKINE_ID,
    schema.UNIPROT,
    schema.GENE_SYMBOL,
    schema.HMDB,
    schema.CHEBI,
    schema.INCHIKEY,
    schema.REFMET,
    schema.MIMAT,
    schema.MIRBASE,
)
Mode = Literal["endurance", "resistance", "hiit", "sprint", "combined", "any"]
PANEL_BELOW = 5
_DAYS_AT_MOST = 14


class Member(BaseModel):
    """One molecule of a signature; the sign of ``weight`` is its expected direction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exerkine_id: Slug
    name: str
    weight: float
    gene_symbol: str = ""
    uniprot: str = ""
    hmdb: str = Field(default="", pattern=r"^(HMDB\d{7})?$")
    chebi: str = Field(default="", pattern=r"^(CHEBI:\d+)?$")
    inchikey: str = Field(default="", pattern=r"^([A-Z]{14}-[A-Z]{10}-[A-Z])?$")
    refmet_name: str = ""
    mirbase: str = ""
    mimat: str = Field(default="", pattern=r"^(MIMAT\d{7})?$")
    references: tuple[Slug, ...] = ()
    # why the sign stands although the evidence of the context says otherwise
    note: str = ""

    @field_validator("weight")
    @classmethod
    def _weight_counts(cls, value: float) -> float:
        if value == 0 or value != value or abs(value) == float("inf"):
            raise ValueError("a weight is a finite number other than 0")
        return value


class Signature(BaseModel):
    """A set of molecules that move together, with its context, sources and limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Slug
    title: str
    version: str = "1"
    kind: Literal["set", "panel"] = "set"
    modality: Literal["proteomics", "metabolomics", "mirna"]
    species: str = "human"
    exposure: Literal["acute", "chronic", "any"]
    exercise_mode: tuple[Mode, ...] = ()
    matrix: tuple[str, ...] = ()
    # minutes after the end of the bout, negative during it; None: any time, or no bout
    window_minutes: tuple[float, float] | None = None
    level: Literal["A", "B", "L", "C"]
    confounder: bool = False
    weights: str
    members: tuple[Member, ...] = Field(min_length=1)
    limits: str
    not_for: str
    counter_references: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Signature:
        ids = [m.exerkine_id for m in self.members]
        twice = sorted(i for i, n in Counter(ids).items() if n > 1)
        if twice:
            raise ValueError(f"members {shown(twice)} stand twice")
        if (len(ids) < PANEL_BELOW) != (self.kind == "panel"):
            raise ValueError(f"a signature of fewer than {PANEL_BELOW} members is a panel")
        unknown = sorted(set(self.matrix) - set(schema.MATRICES))
        if unknown:
            raise ValueError(f"matrix {shown(unknown)} is none of {', '.join(schema.MATRICES)}")
        if self.window_minutes and self.window_minutes[0] > self.window_minutes[1]:
            raise ValueError("window_minutes runs backwards")
        if any(abs(m) > _DAYS_AT_MOST * 1440 for m in self.window_minutes or ()):
            raise ValueError(
                f"window_minutes {list(self.window_minutes or ())} is in minutes after the end of "
                f"the bout, {_DAYS_AT_MOST} days at most"
            )
        return self

    def context(self) -> str:
        """Say in one line where, when and in whom the signature holds."""
        parts = [
            "any exposure" if self.exposure == "any" else self.exposure,
            ", ".join(self.exercise_mode) or "any mode",
            ", ".join(self.matrix) or "any matrix",
            self.species,
        ]
        if self.window_minutes:
            start, end = self.window_minutes
            parts.append(f"{start:g} to {end:g} min after the end of the bout")
        return "; ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Members as a frame, one row a member."""
        frame = pd.DataFrame([m.model_dump(exclude={"references"}) for m in self.members])
        frame.insert(0, "signature", self.name)
        frame["references"] = ["; ".join(m.references) for m in self.members]
        return frame


class SignatureSet(Mapping[str, Signature]):
    """Signatures by name, in the order of their names."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self._by_name = {s.name: s for s in sorted(signatures, key=lambda s: s.name)}

    def __getitem__(self, name: str) -> Signature:
        if name not in self._by_name:
            raise KeyError(f"no signature {name!r}; there are {shown(self._by_name)}")
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def query(self, **conditions: str) -> SignatureSet:
        """Keep the signatures whose fields hold the given values.

        Parameters
        ----------
        **conditions
            Field and value: ``modality="proteomics"``, ``exposure="acute"``,
            ``exercise_mode="endurance"``. A field that holds several values fits if it holds the
            one asked for, or holds none at all (which means any).
        """
        known = Signature.model_fields
        unknown = [c for c in conditions if c not in known]
        if unknown:
            raise UsageError(
                f"Signatures have no field {shown(unknown)}", fix=f"Fields: {', '.join(known)}."
            )
        return SignatureSet(
            [s for s in self.values() if all(_fits(s, *c) for c in conditions.items())]
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a member, the signature's context beside it."""
        frames = []
        for signature in self.values():
            frame = signature.to_frame()
            for at, field in enumerate(("title", "kind", "modality", "exposure", "level"), start=1):
                frame.insert(
                    at,
                    f"signature_{field}" if field == "title" else field,
                    getattr(signature, field),
                )
            frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def coverage(self, adata: Any) -> pd.DataFrame:
        """Say how much of each signature an AnnData measures.

        Parameters
        ----------
        adata
            AnnData whose ``var`` names or identifies the features.

        Returns
        -------
        DataFrame
            signature, title, kind, n_members, n_measured, coverage (share of the absolute
            weight), missing (names).
        """
        from exerkine_omics.sig._match import coverage_frame, match

        frame = coverage_frame(match(self, adata.var, None, several="first"))
        frame.insert(1, "title", [s.title for s in self.values()])
        frame.insert(2, "kind", [s.kind for s in self.values()])
        return frame

    def to_gmt(self, path: str | Path | None = None, *, id: str | None = None) -> str:
        """Write the sets as GMT: ``NAME_UP`` and ``NAME_DOWN``, a line each.

        Parameters
        ----------
        path
            File to write; None writes none.
        id
            Identifier of the members: ``gene_symbol``, ``uniprot``, ``hmdb``, ``mirbase`` ...
            or ``name``. None takes gene symbols of proteins, miRBase names of miRNAs and RefMet
            names, else plain names, of metabolites.

        Returns
        -------
        str
            The text of the file.

        Notes
        -----
        Weights are lost but for their signs. Missing values: members without the identifier are
        left out, with a warning that counts them.

        Raises
        ------
        UsageError
            If ``id`` is no identifier of members.
        """
        from exerkine_omics.sig._exchange import gmt_text

        text = gmt_text(self, id)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_network(self, *, id: str | None = None) -> pd.DataFrame:
        """Give the sets as a network as decoupler reads it.

        Parameters
        ----------
        id
            Identifier of the members, as in `to_gmt`.

        Returns
        -------
        DataFrame
            source (signature), target (member), weight; each pair once.

        Notes
        -----
        Two members of a signature with one identifier are one edge with the larger weight; if
        their signs differ the edge is left out. Missing values: members without the identifier
        are left out. Both are said in a warning.

        Raises
        ------
        UsageError
            If ``id`` is no identifier of members.
        """
        from exerkine_omics.sig._exchange import network

        return network(self, id)

    def summary(self) -> pd.DataFrame:
        """One row a signature."""
        rows = [
            {
                "signature": s.name,
                "title": s.title,
                "kind": s.kind,
                "modality": s.modality,
                "exposure": s.exposure,
                "exercise_mode": ", ".join(s.exercise_mode),
                "n_members": len(s.members),
                "level": s.level,
                "confounder": s.confounder,
            }
            for s in self.values()
        ]
        return pd.DataFrame(rows)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"SignatureSet of {len(self)}: {', '.join(self)}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(s.name)}</td><td>{escape(s.title)}</td><td>{s.modality}</td>"
            f"<td>{len(s.members)}</td><td>{s.level}</td></tr>"
            for s in self.values()
        )
        names = ("signature", "title", "modality", "members", "level")
        head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
        return f"<table>{head}{rows}</table>"


def _fits(signature: Signature, field: str, value: object) -> bool:
    held = getattr(signature, field)
    return (not held or value in held) if isinstance(held, tuple) else held == value
