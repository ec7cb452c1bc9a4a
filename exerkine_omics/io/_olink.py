"""Olink's NPX files: long text and parquet, and wide Excel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from anndata import AnnData

from exerkine_omics.io._columns import plain
from exerkine_omics.io._formats import Format, require_format
from exerkine_omics.io._long_read import header_of
from exerkine_omics.io._olink_long import read_long
from exerkine_omics.io._olink_parts import MAP, Options
from exerkine_omics.io._olink_rows import sheet_rows, split_head, text_rows, worksheets
from exerkine_omics.io._olink_wide import read_wide
from exerkine_omics.io._source import Source, look_at

_VALUES = {plain(n) for names in MAP["values"].values() for n in names} - {"ct"}
_IDS = [
    {plain(n) for n in names}
    for names in (MAP["sample"], MAP["var"]["olink_id"], MAP["var"]["uniprot"],
                  MAP["var"]["name"], MAP["var"]["panel"], MAP["obs"]["plate_id"])
]  # fmt: skip
_CONCENTRATION = {plain(n) for n in MAP["values"]["quantified_value"]}
# columns that came with Explore HT
_NOT_96 = r"target.?48|flex|focus"  # panels whose wide files were never at hand
_NEW = {"sampletype", "wellid", "assaytype", "extnpx", "pcnormalizednpx", "sampleqc", "assayqc"}


def read_olink(
    path: str | Path,
    *,
    species: str | None = "human",
    matrix_type: str | None = None,
    value: str | None = None,
    lod: str | None = None,
) -> AnnData:
    r"""Read an NPX file of Olink: long csv, txt or parquet, or wide Excel.

    Use it for files as Olink's software exports them (Target 96 and 48, Flex, Focus, Explore 384,
    3072 and HT, Reveal), and for long tables that an author made of them: a sample, an assay and
    an NPX a row. Subject and time point are not in the file: give them with `set_samples`.

    Parameters
    ----------
    path
        File, also .gz or in a .zip; recognised by its content.
    species
        Species of the samples; None leaves it unknown.
    matrix_type
        One of ``schema.MATRICES``; None takes what a parquet file says (``SampleMatrix``).
    value
        Which value becomes X, by the vendor's name: ``NPX`` (log2), ``PCNormalizedNPX`` (log2),
        ``ExtNPX`` (log2), ``Quantified_value`` (concentration in the unit of
        ``var["measured_in"]``). None takes the first of ``NPX``, ``Quantified_value``,
        ``PCNormalizedNPX``, ``IPCNormalizedNPX``, ``ExtNPX``, ``Ct`` that is there; the others
        become layers.
    lod
        Which limit of detection ``below_lod`` is made with, by the vendor's name or its kind:
        ``stated`` (the column LOD), ``plate``, ``max``, ``nc``, ``fixed``, ``pc``. None takes for
        NPX the first of these that is there but ``pc``, which is on the scale of
        ``PCNormalizedNPX``.

    Returns
    -------
    AnnData
        Tubes x assays. X as the vendor gave it. obs: ``sample_type``, ``plate_id``, ``qc_status``
        (worst word of the tube), ``SampleID`` and the file's own columns. var: index = OlinkID
        (``panel|assay`` where the file has none), ``name``, ``olink_id``, ``uniprot``, ``panel``
        and others. layers: ``lod``, further limits as ``lod_<kind>``, ``below_lod``
        (value < lod), ``qc_warning`` (the sample on that panel), ``assay_warning``, ``count``.
        ``uns["exerkine"]["header"]``: what the file says of itself, as JSON.

    Raises
    ------
    InputError
        If the file is no Olink file, lacks a column, holds text for a number, or has a sample and
        assay twice that nothing tells apart. The message names line and column.
    UsageError
        If the file has no such ``value`` or ``lod``.

    Notes
    -----
    Missing values: empty cells, ``NA``, ``NaN`` and ``No Data`` are NaN, and what the vendor
    excluded. A missing limit of detection gives no ``below_lod``. One SampleID on several plates
    becomes several tubes ``<SampleID>|<plate>``; nothing is averaged.

    Examples
    --------
    >>> import exerkine_omics as exo, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "npx.csv"
    >>> _ = path.write_text(
    ...     "SampleID;OlinkID;UniProt;Assay;Panel;LOD;NPX\n"
    ...     "P1_pre;OID00482;P05231;IL6;Olink Inflammation;1.2;3.5\n"
    ...     "P1_post;OID00482;P05231;IL6;Olink Inflammation;1.2;0.9\n"
    ... )
    >>> adata = exo.io.read_olink(path, matrix_type="plasma_edta")
    >>> adata.layers["below_lod"].ravel().tolist()
    [False, True]
    """
    source = look_at(path)
    return require_format(source, "read_olink").read(
        source, species=species, matrix_type=matrix_type, value=value, lod=lod
    )


def _long_names(source: Source, kind: str) -> set[str]:
    """Plain column names of a long Olink file, or nothing."""
    if source.kind != kind:
        return set()
    names = {plain(n) for n in header_of(source)}
    ids = sum(bool(names & one) for one in _IDS)
    # with NPX and two ids it is one; with OlinkID, UniProt, ... it is one that lost its NPX
    if (names & _VALUES and ids >= 2) or (ids >= 4 and names & _IDS[1]):
        return names
    return set()


def _sniff_parquet(source: Source) -> bool:
    return bool(_long_names(source, "parquet"))


def _sniff_explore(source: Source) -> bool:
    return len(_long_names(source, "text") & _NEW) >= 2


def _sniff_quantified(source: Source) -> bool:
    names = _long_names(source, "text")
    return bool(names & _CONCENTRATION) and "npx" not in names


def _sniff_long(source: Source) -> bool:
    names = _long_names(source, "text")
    return bool(names) and len(names & _NEW) < 2


def _long(name: str, experimental: bool = False) -> Any:
    def read(source: Source, **options: Any) -> AnnData:
        return read_long(source, Options(**options), format=name, experimental=experimental)

    return read


def _sniff_wide(source: Source) -> bool:
    return _wide_kind(source) == "target_96"


def _sniff_wide_other(source: Source) -> bool:
    return bool(_wide_kind(source))


def _wide_kind(source: Source) -> str:
    """Say whether a file is wide: ``target_96`` for NPX in Excel, else ``other``."""
    if source.kind == "xlsx":
        types = worksheets(source)
        if not types:
            return ""
        words = " ".join(str(c) for n in types for r in source.sheets[n][:6] for c in r[:200])
        known = set(types.values()) <= {"npx", ""} and not re.search(_NOT_96, words, re.I)
        return "target_96" if known else "other"
    return "other" if source.kind == "text" and split_head(source)[0] else ""


def _wide(name: str, experimental: bool = False) -> Any:
    def read(source: Source, **given: Any) -> AnnData:
        options = Options(**given)
        others: list[str] = []
        if source.kind == "xlsx":
            rows, place, others = sheet_rows(source, options.value)
        else:
            rows, place = text_rows(source)
        return read_wide(
            rows, source, options, place, others, format=name, experimental=experimental
        )

    return read


FORMATS = (
    Format("olink_parquet", "Olink Explore NPX, parquet", "read_olink", _sniff_parquet,
           _long("olink_parquet")),
    Format("olink_explore", "Olink Explore HT or Reveal NPX, long text", "read_olink",
           _sniff_explore, _long("olink_explore", True), True),
    Format("olink_quantified", "Olink concentrations (Target 48, Flex, Focus), long text",
           "read_olink", _sniff_quantified, _long("olink_quantified", True), True),
    Format("olink_long", "Olink NPX, long text", "read_olink", _sniff_long, _long("olink_long")),
    Format("olink_wide", "Olink Target 96 NPX, wide Excel", "read_olink", _sniff_wide,
           _wide("olink_wide")),
    Format("olink_wide_other", "Olink wide: Target 48, Flex, Focus, concentrations, or text",
           "read_olink", _sniff_wide_other, _wide("olink_wide_other", True), True),
)  # fmt: skip
