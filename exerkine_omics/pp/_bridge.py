"""Bring batches to the level of one of them, by samples that were measured in both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    frame_for_storage,
    meta,
    replace_findings,
    require_log,
)
from exerkine_omics.errors import AnalysisError, UsageError, shown, warn
from exerkine_omics.kernels import _bridge as kernel
from exerkine_omics.pp._bridge_pairs import Joined, join
from exerkine_omics.pp._samples import keep_raw, layers_along, refuse_again

_FEWEST = 3  # pairs of an assay, below which a median is one tube's word
_NOT_BRIDGEABLE = "not bridgeable"
_OTHER_SHAPE = "distributions differ in shape: a shift is not enough"


def bridge(
    adatas: Mapping[str, AnnData] | AnnData,
    *,
    reference: str,
    bridge: str | None = None,
    batch: str = schema.BATCH,
    min_bridges: int = 8,
    only_bridgeable: bool = False,
) -> AnnData:
    r"""Bring batches to the level of a reference batch by samples measured in both (Olink's rule).

    Use it for projects, kits or plates whose relative values (NPX, log2) have no common zero. Each
    assay of another batch is shifted by

    .. math:: s_j = \mathrm{median}_k (x^{ref}_{kj} - x^{new}_{kj})

    over the samples k measured in both. The shift is the same for all samples of the batch:
    changes within people whose samples are in one batch do not need it and are not touched by it.

    Parameters
    ----------
    adatas
        ``{name: object}`` of one log unit, or one object whose column ``batch`` tells the batches.
    reference
        Name of the batch that stays as it is; every other is brought to it directly.
    bridge
        Column of obs with the name of the material: equal text is the same sample; empty where a
        tube is no bridge. None: several objects pair by the names of their samples (persons'
        tubes and those of type ``bridge``; controls of one name can be other lots), one object by
        person and time point.
    batch
        Column of obs: that of one object; for several, the one that will hold their names.
    min_bridges
        Pairs below which a warning is given; Olink asks for 8 to 64, by product.
    only_bridgeable
        Shift only assays that meet Olink's criteria between products (see `bridgeability`), and
        whose distributions have one shape. False, as within a product: all with 3 pairs.

    Returns
    -------
    AnnData
        A new object with all samples and the union of assays. The second measurement of a
        person's sample is of type ``bridge``, has no person or time point, and names in
        ``obs["bridge_of"]`` the first, so that nobody is there twice; its name gets the batch's.
        ``uns["exerkine"]["bridging"]`` is the table of `bridgeability` with the column adjusted.
        ``layers["raw"]`` keeps the values before, unless it is there.

    Raises
    ------
    UnitsError
        If values are on no log scale.
    InputError
        If units, species, matrix, baseline or sample scaling differ, or a material stands twice
        in a batch.
    UsageError
        If the reference is no batch, or the object was bridged before.
    AnalysisError
        If a batch shares no sample, or no assay, with the reference.

    Warns
    -----
    ExerkineWarning
        With fewer than ``min_bridges`` pairs, and where assays are not shifted: they are kept as
        they are (status in the table, and a finding).

    Notes
    -----
    Missing values: a pair with a NaN does not count for that assay.

    References
    ----------
    Olink Proteomics, OlinkAnalyze: tutorials "Introduction to bridging Olink NPX datasets" and
    "Bridging across NGS-based Olink products".
    """
    made = _join(adatas, reference, bridge, batch)
    adata = made.adata
    refuse_again(adata, "pp.bridge", reference=str(reference), batch=batch)
    frame = _table(made)
    status = frame["status"].to_numpy(dtype=object)
    if only_bridgeable:
        ok = status == "ok"
        bad = ok & ~frame["bridgeable"].to_numpy()
        status[bad] = _NOT_BRIDGEABLE
        status[ok & ~bad & (frame["ks"].to_numpy() > kernel.KS)] = _OTHER_SHAPE
    frame["status"], frame["adjusted"] = status, status == "ok"
    for name, pairs in made.pairs.items():
        if len(pairs) < min_bridges:
            warn(
                f"{len(pairs)} samples bridge {name!r} to {reference!r}: with fewer than "
                f"{min_bridges} the shifts themselves are noise, the same in all samples of the "
                "batch (shift_se in the table)."
            )
    values = dense(adata)
    keep_raw(adata, values)
    new = values.copy()
    layers = {layer: dense(adata, layer, infinite=True).copy() for layer in layers_along(adata)}
    for name in made.pairs:
        own = frame[frame["batch"] == name]
        shift = np.where(own["adjusted"], own["shift"], 0.0)
        rows = made.batch == name
        new[rows] += shift
        for limits in layers.values():
            limits[rows] += shift
    adata.X = new
    for layer, limits in layers.items():
        adata.layers[layer] = limits
    meta(adata)[schema.BRIDGING] = frame_for_storage(frame)
    _say_left(adata, frame, made.pairs)
    add_step(
        adata,
        "pp.bridge",
        reference=str(reference),
        batch=batch,
        bridge=bridge or "",
        n_bridges={name: len(pairs) for name, pairs in made.pairs.items()},
        only_bridgeable=only_bridgeable,
    )
    return adata


def bridgeability(
    adatas: Mapping[str, AnnData] | AnnData,
    *,
    reference: str,
    bridge: str | None = None,
    batch: str = schema.BATCH,
) -> pd.DataFrame:
    """Say of each assay whether samples measured in two batches agree but for a shift.

    Use it before `bridge`, above all between products. Nothing is changed.

    Parameters
    ----------
    adatas, reference, bridge, batch
        As in `bridge`.

    Returns
    -------
    DataFrame
        A row an assay and batch: feature, batch, n_bridges, shift (to be added; median
        difference), sd_difference, shift_se (of a median of normal differences), then without
        pairs in which a value is more than 3 interquartile ranges from the median or rests on
        fewer than 10 reads (n_outliers): r2, range_reference and range_new (10% to 90% quantile),
        ks (distance of the distributions after the shift), count (smaller median of reads, NaN
        without ``layers["count"]``), bridgeable, status (``ok``, ``not measured in both``, or
        ``fewer than 3 pairs``). An assay is bridgeable if r2 > 0.8, or the ranges differ by less
        than 1, or count >= 150: Olink's criteria between products. There a ks above 0.2 asks for
        more than a shift.

    Raises
    ------
    InputError
        As in `bridge`.

    Notes
    -----
    Missing values: a pair with a NaN does not count for that assay.
    """
    return _table(_join(adatas, reference, bridge, batch))


def _join(
    adatas: Mapping[str, AnnData] | AnnData, reference: str, material: str | None, batch: str
) -> Joined:
    objects = adatas if isinstance(adatas, Mapping) else {"": adatas}
    if not objects:
        raise UsageError("There is nothing to bridge", where="adatas=")
    for adata in objects.values():
        meta(adata)  # or it is no AnnData of ours
        require_log(adata, "pp.bridge")
    return join(adatas, str(reference), material, batch)


def _table(made: Joined) -> pd.DataFrame:
    adata = made.adata
    values = dense(adata)
    reads = dense(adata, schema.COUNT) if schema.COUNT in adata.layers else None
    frames = []
    for name, pairs in made.pairs.items():
        first, second = pairs.T
        found = kernel.bridge(
            values[first],
            values[second],
            None if reads is None else reads[first],
            None if reads is None else reads[second],
        )
        status = np.full(adata.n_vars, "ok", dtype=object)
        status[found.n < _FEWEST] = f"fewer than {_FEWEST} pairs"
        status[found.n == 0] = "not measured in both"
        frames.append(
            pd.DataFrame(
                {
                    "feature": adata.var_names.astype(str),
                    "batch": name,
                    "n_bridges": found.n.astype("int64"),
                    "shift": found.shift,
                    "sd_difference": found.sd,
                    "shift_se": found.se,
                    "n_outliers": found.n_outliers.astype("int64"),
                    "r2": found.r2,
                    "range_reference": found.range_reference,
                    "range_new": found.range_new,
                    "ks": found.ks,
                    "count": found.count,
                    "bridgeable": found.bridgeable & (found.n >= _FEWEST),
                    "status": status,
                }
            )
        )
        if not found.n.any():
            raise AnalysisError(
                f"No assay has a value in both tubes of a pair of {name!r} and the reference",
                where="var_names",
                fix="Assays are joined by their ids: bring the batches to the same ids first.",
            )
    return pd.concat(frames, ignore_index=True)


def _say_left(adata: AnnData, frame: pd.DataFrame, pairs: Mapping[str, np.ndarray]) -> None:
    left = frame[~frame["adjusted"] & (frame["status"] != "not measured in both")]
    absent = frame[frame["status"] == "not measured in both"]
    findings = []
    for kind, rows, severity in (("left", left, "warning"), ("apart", absent, "note")):
        if not len(rows):
            continue
        which = tuple(sorted(set(rows["feature"])))
        message = (
            f"{len(which)} assays keep the level of their batch: {shown(which)} "
            f"({shown(sorted(set(rows['status'])))})."
        )
        fix = "Compare them within a batch only, give the batch as covariate, or drop them."
        findings.append(Finding(f"bridge_{kind}", severity, message, which, fix))
        if kind == "left":
            warn(message)
    replace_findings(adata, "bridge_", findings)
