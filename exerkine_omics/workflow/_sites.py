"""Several sites without person-level data: a site's summary, and the pooled test."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from exerkine_omics import __version__, tl
from exerkine_omics.cohort import Contrasts, Summary
from exerkine_omics.errors import ConfigError, InputError, UsageError, shown
from exerkine_omics.settings import settings
from exerkine_omics.workflow._config import CohortConfig, load_config
from exerkine_omics.workflow._files import (
    HEAD,
    POOL,
    POOLED,
    STATUS,
    digest,
    earlier_run,
    staging,
    write_json,
    write_parquet,
)
from exerkine_omics.workflow._inputs import load_cohort
from exerkine_omics.workflow._store import Store


def summarize_config(
    config: str | Path,
    out: str | Path,
    *,
    cohort: str | None = None,
    min_people: int = 5,
    share_covariates: bool = False,
    seed: int | None = None,
) -> tuple[Path, str]:
    """Write the summary of one cohort of a config.

    Parameters
    ----------
    config
        YAML file; arm, covariates and moderators are those of the cohort's differential section.
    out
        File to write (.npz).
    cohort
        Name of the cohort, where the config has several.
    min_people, share_covariates
        Disclosure rule, see `exo.tl.summarize`.
    seed
        Seed of a simulated cohort.

    Returns
    -------
    tuple
        The file, and what it holds in words.
    """
    chosen = _choose(load_config(config).cohorts, cohort, str(config))
    section = chosen.differential
    if section is None:
        raise ConfigError(
            "The cohort has no differential section", where=chosen.name, fix="Add one."
        )
    loaded = load_cohort(chosen, settings.seed if seed is None else seed)
    loaded.check.raise_for_errors()
    summary = tl.summarize(
        loaded.adata,
        arm=section.arm,
        covariates=section.covariates,
        moderators=section.moderators,
        min_people=min_people,
        share_covariates=share_covariates,
    )
    return summary.save(out), repr(summary)


def _choose(cohorts: Sequence[CohortConfig], name: str | None, where: str) -> CohortConfig:
    if name is None and len(cohorts) == 1:
        return cohorts[0]
    for cohort in cohorts:
        if cohort.name == name:
            return cohort
    raise UsageError(
        "The config has several cohorts" if name is None else f"There is no cohort {name!r}",
        where=where,
        fix=f"Name one with --cohort: {shown(c.name for c in cohorts)}.",
    )


def pool_files(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    contrasts: Contrasts | None = None,
    control: str | None = None,
    **options: object,
) -> Path:
    """Pool the summaries of several sites; writes pooled/differential.parquet and provenance.

    Parameters
    ----------
    files
        Files that `exerkine summarize` wrote.
    out
        Folder of the results.
    contrasts, control, **options
        As in `exo.tl.pool`.

    Returns
    -------
    Path
        The table.
    """
    for file in files:
        if not Path(file).is_file():
            raise InputError("There is no such file", where=str(file), fix="Look again.")
    summaries = [Summary.load(file) for file in files]
    frame = tl.pool(summaries, contrasts, control=control, **options)  # type: ignore[arg-type]
    out = Path(out)
    earlier_run(out, [POOLED], POOL)
    with Store.of(out).locked(), staging(out, [POOLED], POOL) as folder:
        (folder / POOLED).mkdir()
        write_parquet(folder / POOLED / "differential.parquet", frame)
        frame.to_csv(folder / POOLED / "differential.tsv", sep="\t", index=False)
        write_json(
            folder / POOLED / "provenance.json",
            {
                "exerkine_omics": __version__,
                "python": platform.python_version(),
                "options": dict(options, control=control, contrasts=contrasts),
                "sites": [
                    {
                        "sha256": digest(Path(file)),
                        "left_out": int(summary.dropped.sum()),
                        **summary.context,
                    }
                    for file, summary in zip(files, summaries, strict=True)
                ],
            },
        )
        lines = [HEAD, f"{POOLED}\t{POOL}\tdone\t{len(files)} sites"]
        (folder / STATUS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out / POOLED / "differential.parquet"
