"""The analyses of one cohort: each writes its files and returns its part of the summary."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import io, pl, pp, schema, sig, tl
from exerkine_omics.cohort import meta, timepoints
from exerkine_omics.errors import ConfigError, ExerkineWarning, shown
from exerkine_omics.workflow import _enrich, _qc
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import records, write_parquet
from exerkine_omics.workflow._inputs import Cohort

CHECKED = "checked.h5ad"  # the cohort as it is tested
_TOP = 50
_MAX_VOLCANOS = 6
_NOT_ATTRIBUTABLE = (
    "There is no control arm: this is change over time, not attributable to exercise."
)


def describe(cohort: Cohort, folder: Path, figures: Figures) -> dict[str, Any]:
    """Who is there, who is paired, what the check found; writes checked.h5ad."""
    adata = cohort.adata
    known = meta(adata)
    several = len(timepoints(adata)) > 1
    summary: dict[str, Any] = {
        "citation": str(known.get(schema.PROVENANCE, {}).get("citation", "")),
        **{
            key: str(known.get(key, schema.UNKNOWN))
            for key in (
                schema.PLATFORM,
                schema.MODALITY,
                schema.UNITS,
                schema.SPECIES,
                schema.MATRIX,
                schema.BASELINE,
            )
        },
        "n_samples": adata.n_obs,
        "n_people": int(adata.obs[schema.SUBJECT].nunique()),
        "n_features": adata.n_vars,
        "n_pairs_max": 0,
        "pairs": [],
        "dropped": [],
        "findings": records(cohort.check.to_frame().drop(columns="id")),
    }
    if several:
        cohort.check.raise_for_errors()
        pairs = pp.pair(adata)
        counts = pairs.counts
        per_time = counts.groupby(schema.TIMEPOINT, observed=True)["n_pairs"].sum()
        summary["n_pairs_max"] = int(per_time.max())
        summary["pairs"] = records(counts)
        dropped = pairs.dropped[[schema.SUBJECT, schema.TIMEPOINT, "reason"]]
        summary["dropped"] = records(dropped)
    summary["qc"] = _qc.quality(cohort, figures)
    io.write(adata, folder / CHECKED)
    figures.add(
        "qc",
        "qc_missing",
        partial(pl.qc, adata),
        caption="Share of missing values by sample and by feature at each time point.",
        alt="Share of missing values by time point",
    )
    return summary


def score(cohort: Cohort, folder: Path, figures: Figures) -> dict[str, Any] | None:
    """Scores, their change and the test of it; writes scores.parquet and score_change.parquet.

    With one time point there are scores and their coverage, and nothing that changed.
    """
    section = cohort.config.score
    if section is None:
        return None
    adata = cohort.adata
    signatures = chosen_signatures(cohort)
    options = section.model_dump(exclude={"signatures", "repeat"})
    with warnings.catch_warnings(
        record=True, action="always"
    ):  # the same words stand in the report's notes
        tl.score(adata, signatures, **options)
    control = cohort.config.differential.control if cohort.config.differential else None
    several = len(timepoints(adata)) > 1
    changes, tested = None, pd.DataFrame()
    if several:
        changes = tl.score_change(adata, signatures, repeat=section.repeat, **options)
        tested = tl.score_test(changes, control=control)
        write_parquet(folder / "score_change.parquet", changes)
        write_parquet(folder / "score_test.parquet", tested)
    scores, covered = (
        adata.obsm[schema.score_key(section.method)],
        adata.obsm[schema.coverage_key(section.method)],
    )
    long = scores.reset_index(names=schema.SAMPLE_ID).melt(
        schema.SAMPLE_ID, var_name="signature", value_name="score"
    )
    long["coverage"] = covered.melt(value_name="coverage")["coverage"]
    long["se"] = adata.obsm[schema.score_se_key(section.method)].melt(value_name="se")["se"]
    write_parquet(folder / "scores.parquet", long)

    coverage = signatures.coverage(adata)
    enough = coverage["coverage"] >= section.min_coverage - 1e-9
    coverage["status"] = np.where(enough, schema.OK, f"below {section.min_coverage:g}: no score")
    usable = list(coverage.loc[enough, "signature"])
    notes = [_NOT_ATTRIBUTABLE] if control is None and several else []
    notes += [
        f"{s.name} is a panel of {len(s.members)}: look at each member."
        for s in signatures.values()
        if s.kind == "panel"
    ]
    notes += [
        f"{s.name} is a confounder set: its change warns, it is no exerkine response."
        for s in signatures.values()
        if s.confounder and s.name in usable
    ]
    notes += tl.context_notes(adata, signatures, section.method)
    if usable and changes is not None:
        shown_changes = changes[changes["signature"].astype(str).isin(usable)]
        titles = {s.name: s.title for s in signatures.values()}
        figures.add(
            "scores",
            "score_change",
            partial(pl.score_change, shown_changes, names=titles),
            caption="Change of each person's score from baseline, with mean and 95% interval.",
            alt="Change of signature scores by person",
            size=(7.2, max(4.6, 0.7 * len(usable))),  # room for three lines a signature
        )
        figures.add(
            "scores",
            "score_trajectory",
            partial(pl.trajectory, adata, usable[0], score=section.method, names=titles),
            caption=f"{titles[usable[0]]}: each person's score over time.",
            alt=f"Trajectories of the score of {usable[0]}",
        )
    return {
        "method": section.method,
        "min_coverage": section.min_coverage,
        "coverage": records(coverage),
        "change": [_score_row(r) for r in records(tested) if r["feature"] in usable],
        "notes": notes,
    }


def differential(cohort: Cohort, folder: Path, figures: Figures) -> dict[str, Any] | None:
    """Test single features; writes differential.parquet."""
    section = cohort.config.differential
    if section is None:
        return None
    adata = cohort.adata
    with warnings.catch_warnings(
        record=True, action="always"
    ) as told:  # the same words stand in the report's notes
        frame = tl.differential(adata, **section.model_dump())
    write_parquet(folder / "differential.parquet", frame)
    names = _names(adata.var)
    counts: list[dict[str, Any]] = []
    for tested_contrast, part in frame.groupby("contrast", observed=True, sort=False):
        good = part[part["status"] == schema.OK]
        counts.append(
            {
                "contrast": str(tested_contrast),
                "n_tested": len(good),
                "n_not_tested": len(part) - len(good),
                "n_pairs_min": float(good["n_pairs"].min()) if len(good) else None,
                "n_pairs_max": float(good["n_pairs"].max()) if len(good) else None,
                "n_significant": int((good["p_adj"] <= 0.05).sum()),
            }
        )
    # the control-subtracted contrasts first: they answer whether exercise did it
    order = [c["contrast"] for c in counts]
    order.sort(key=lambda c: section.control is None or f" - {section.control}: " not in c)
    ranked = frame.assign(_order=frame["contrast"].astype(str).map(order.index))
    ranked = ranked.sort_values(["_order", "p_value"], kind="stable", na_position="last")
    tops = [p.head(_TOP) for _, p in ranked[ranked["status"] == schema.OK].groupby("_order")]
    best = pd.concat([*tops, ranked[ranked["status"] != schema.OK].head(_TOP)])
    columns = [
        "feature", "contrast", "estimate", "ci_low", "ci_high", "p_value", "p_adj",
        "effect_size", "n_pairs", "units", "status",
    ]  # fmt: skip
    rows = best[columns]
    rows.insert(1, "name", rows["feature"].astype(str).map(names))
    if any(c["n_tested"] for c in counts):
        # a joint F test has no effect to draw
        tested = set(frame.loc[frame["estimate"].notna(), "contrast"].astype(str))
        drawn = [c for c in order if c in tested][:_MAX_VOLCANOS]
        for number, contrast in enumerate(drawn, start=1):
            figures.add(
                "differential",
                f"volcano_{number}",
                partial(pl.volcano, frame, contrast=contrast, names=names),
                caption=f"Effect against evidence for {contrast}.",
                alt=f"Volcano plot of {contrast}",
            )
            # on screen the report's own volcano takes its place
            figures.records[-1]["contrast"] = contrast
        strongest = str(best["feature"].iloc[0])
        figures.add(
            "differential",
            "trajectory",
            partial(pl.trajectory, adata, strongest),
            caption=f"{names[strongest]}: each person's values over time.",
            alt=f"Trajectories of {names[strongest]}",
        )
    return {
        "method": section.method,
        "contrasts": counts,
        "top": records(rows),
        "table": _table(ranked, names),
        "notes": ([] if section.control else [_NOT_ATTRIBUTABLE])
        + [str(w.message) for w in told if issubclass(w.category, ExerkineWarning)],
    }


def _table(frame: pd.DataFrame, names: dict[str, str]) -> dict[str, Any]:
    """Give the result frame by columns; what is the same in every row is told elsewhere."""
    columns = [c for c in schema.RESULT_COLUMNS if c not in ("method", "family")]
    data = {c: frame[c].astype(object).where(frame[c].notna(), None).tolist() for c in columns}
    data = {"name": [names[f] for f in map(str, data["feature"])], **data}
    return {"columns": list(data), "data": data}


def enrich(cohort: Cohort, folder: Path, figures: Figures) -> dict[str, Any] | None:
    """Test the signatures that are scored; writes enrichment.parquet."""
    if cohort.config.score is None:
        return None
    return _enrich.enrich(cohort, folder, figures, chosen_signatures(cohort))


def chosen_signatures(cohort: Cohort) -> sig.SignatureSet:
    """Signatures of the score section: a file's, those named, or the modality's shipped ones."""
    chosen = cohort.config.score.signatures if cohort.config.score else None
    if isinstance(chosen, Path):
        return sig.load(chosen)
    if chosen is None:
        return sig.load().query(modality=str(meta(cohort.adata)[schema.MODALITY]))
    shipped = sig.load()
    unknown = [name for name in chosen if name not in shipped]
    if unknown:
        raise ConfigError(
            f"There is no signature {shown(unknown)}", where="score.signatures",
            fix=f"Shipped: {', '.join(shipped)}.",
        )  # fmt: skip
    return sig.SignatureSet([shipped[name] for name in chosen])


def _score_row(row: dict[str, Any]) -> dict[str, Any]:
    arm, _, change = row["contrast"].rpartition(": ")
    return {
        "signature": row["feature"],
        "arm": arm,
        "timepoint": change.rpartition(" - ")[0],
        "n_pairs": row["n_pairs"],
        "mean_change": row["estimate"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "p_value": row["p_value"],
    }


def _names(var: pd.DataFrame) -> dict[str, str]:
    """Gene symbol, name, or id of each feature: the first that is there."""
    names = {str(f): str(f) for f in var.index}
    for column in (schema.NAME, schema.MIRBASE, schema.GENE_SYMBOL):
        if column in var:
            names |= {str(f): v for f, v in var[column].items() if isinstance(v, str) and v}
    return names
