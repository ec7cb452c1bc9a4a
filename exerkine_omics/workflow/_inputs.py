"""From the config's input to an AnnData on a log scale, and the table of outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pandas as pd
from anndata import AnnData

from exerkine_omics import datasets, io, pp, schema
from exerkine_omics.cohort import CheckReport, add_step, units
from exerkine_omics.errors import ConfigError, InputError, shown
from exerkine_omics.workflow._config import CohortConfig


@dataclass
class Cohort:
    """A cohort as it travels through the stages; ``inputs`` are the files read, with sha256."""

    config: CohortConfig
    adata: AnnData
    check: CheckReport
    outcomes: pd.DataFrame | None = None
    inputs: dict[str, str] = field(default_factory=dict)


def load_cohort(config: CohortConfig, seed: int) -> Cohort:
    """Read, check, bring to a log scale and annotate. Nothing is written."""
    adata, outcomes, inputs = _read(config, seed)
    if config.keep_timepoints is not None:
        adata = _keep(adata, config.keep_timepoints)
    report = pp.check(adata)
    unit = schema.UNIT_TABLE.get(units(adata))
    if unit is None or unit.convert:
        pp.log2(adata)
    pp.annotate(adata)
    section = config.responders
    if section is not None and section.outcomes is not None:
        outcomes = io.read_outcomes(section.outcomes, subject=section.subject)
        inputs[str(section.outcomes)] = _sha256(section.outcomes)
    return Cohort(config, adata, report, outcomes, inputs)


def _read(config: CohortConfig, seed: int) -> tuple[AnnData, pd.DataFrame | None, dict[str, str]]:
    source = config.input
    if source.dataset is not None:
        loaded = datasets.load(source.dataset)
        if isinstance(loaded, AnnData):
            return loaded, None, {f"dataset {source.dataset}": _provenance(loaded)}
        return (
            loaded.adata,
            loaded.outcomes,
            {f"dataset {source.dataset}": _provenance(loaded.adata)},
        )
    if source.simulate is not None:
        try:
            cohort = datasets.simulate(**{"seed": seed, **source.simulate.options})
        except TypeError as error:
            raise ConfigError(str(error), where=f"{config.name}: input.simulate.options") from error
        adata = cohort.mdata.mod[source.simulate.modality].copy()
        return adata, cohort.outcomes, {}
    table = source.table
    if table is None:  # the config model has seen to it that one of three is given
        raise ConfigError("No input", where=config.name)
    # the keys of this section are the words of io.read_table
    options = table.model_dump(exclude={"matrix", "samples", "features"})
    adata = io.read_table(table.matrix, table.samples, table.features, **options)
    files = [f for f in (table.matrix, table.samples, table.features) if f is not None]
    return adata, None, {str(f): _sha256(f) for f in files}


def _keep(adata: AnnData, wanted: list[str]) -> AnnData:
    present = set(adata.obs[schema.TIMEPOINT].astype(str))
    unknown = [t for t in wanted if t not in present]
    if unknown:
        raise InputError(
            f"There is no time point {shown(unknown)}; the cohort has {shown(sorted(present))}",
            where="keep_timepoints",
        )
    kept = adata[adata.obs[schema.TIMEPOINT].astype(str).isin(wanted).to_numpy()].copy()
    kept.obs[schema.TIMEPOINT] = kept.obs[schema.TIMEPOINT].cat.remove_unused_categories()
    add_step(kept, "keep_timepoints", timepoints=wanted, dropped=adata.n_obs - kept.n_obs)
    return kept


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _provenance(adata: AnnData) -> str:
    source = adata.uns[schema.UNS].get(schema.PROVENANCE, {})
    return ", ".join(str(source[k]) for k in ("repository", "commit", "licence") if k in source)
