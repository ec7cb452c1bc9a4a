"""From the config's input to an AnnData on a log scale, and the table of outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from anndata import AnnData

from exerkine_omics import datasets, io, pp, schema
from exerkine_omics.cohort import CheckReport, Finding, add_step, persons_tubes, require_columns
from exerkine_omics.errors import ConfigError, InputError, UsageError, shown
from exerkine_omics.workflow._config import CohortConfig
from exerkine_omics.workflow._config_input import FileInput
from exerkine_omics.workflow._prepare import Prepared, prepare

_QC_TUBES = "few_qc_samples"


@dataclass
class Cohort:
    """A cohort as it travels through the stages.

    ``check`` is of the cohort as it is tested, ``mended`` are findings that it had when it was
    read and has no more; ``prepared`` is what was done in between. Only the stage that reads has
    these three. In ``checkpoint`` a long stage keeps what it has done so far.
    """

    config: CohortConfig
    adata: AnnData
    outcomes: pd.DataFrame | None = None
    check: CheckReport = field(default_factory=lambda: CheckReport(()))
    prepared: Prepared | None = None
    mended: tuple[Finding, ...] = ()
    checkpoint: Path | None = None


def load_cohort(config: CohortConfig, seed: int) -> Cohort:
    """Read, check, and prepare (to a log scale, annotated, at least). Nothing is written."""
    adata, outcomes = _read(config, seed)
    if config.keep_timepoints is not None:
        adata = _keep(adata, config.keep_timepoints)
    report = pp.check(adata)
    prepared = prepare(adata, config.prepare, config.name)
    adata = prepared.adata
    mended: tuple[Finding, ...] = ()
    if config.prepare is not None:
        first, report = report, pp.check(adata)
        if prepared.tubes is not None:
            report = _of_controls(report, first)
        left = {f.id for f in report.findings}
        mended = tuple(f for f in first.findings if f.id not in left)
    section = config.responders
    if section is not None and section.outcomes is not None:
        outcomes = io.read_outcomes(section.outcomes, subject=section.subject)
    return Cohort(config, adata, outcomes, report, prepared, mended)


def _of_controls(report: CheckReport, first: CheckReport) -> CheckReport:
    """Take what is said of QC tubes from the check that saw them; they are gone since."""
    kept = [f for f in report.findings if f.id != _QC_TUBES]
    return CheckReport((*kept, *(f for f in first.findings if f.id == _QC_TUBES)))


def _read(config: CohortConfig, seed: int) -> tuple[AnnData, pd.DataFrame | None]:
    source = config.input
    if source.dataset is not None:
        loaded = datasets.load(source.dataset)
        return (loaded, None) if isinstance(loaded, AnnData) else (loaded.adata, loaded.outcomes)
    if source.simulate is not None:
        try:
            cohort = datasets.simulate(**{"seed": seed, **source.simulate.options})
        except TypeError as error:
            raise ConfigError(str(error), where=f"{config.name}: input.simulate.options") from error
        return cohort.mdata.mod[source.simulate.modality].copy(), cohort.outcomes
    if source.file is not None:
        return _read_file(source.file, config.name), None
    table = source.table
    if table is None:  # the config model has seen to it that one of four is given
        raise ConfigError("No input", where=config.name)
    # the keys of this section are the words of io.read_table
    options = table.model_dump(exclude={"matrix", "samples", "features"})
    return io.read_table(table.matrix, table.samples, table.features, **options), None


def _read_file(source: FileInput, where: str) -> AnnData:
    words = source.model_dump(exclude={"path", "options"}, exclude_none=True)
    try:
        return io.read(source.path, **words, **source.options)
    except (UsageError, TypeError) as error:  # what the call gets wrong, the config got wrong
        if isinstance(error, TypeError) and "unexpected keyword" not in str(error):
            raise
        raise ConfigError(str(error), where=f"config, cohort {where}, input.file") from error


def _keep(adata: AnnData, wanted: list[str]) -> AnnData:
    require_columns(adata, schema.TIMEPOINT)
    present = set(adata.obs[schema.TIMEPOINT].dropna().astype(str))
    unknown = [t for t in wanted if t not in present]
    if unknown:
        raise InputError(
            f"There is no time point {shown(unknown)}; the cohort has {shown(sorted(present))}",
            where="keep_timepoints",
        )
    # controls have no time point, and serve the preparation
    asked = adata.obs[schema.TIMEPOINT].astype(str).isin(wanted).to_numpy()
    kept = adata[asked | ~persons_tubes(adata)].copy()
    kept.obs[schema.TIMEPOINT] = kept.obs[schema.TIMEPOINT].cat.remove_unused_categories()
    add_step(kept, "keep_timepoints", timepoints=wanted, dropped=adata.n_obs - kept.n_obs)
    return kept
