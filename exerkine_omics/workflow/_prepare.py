"""What is done to a cohort before anything is tested: the prepare section, in one fixed order.

1. ``clean``, those of its fixes that blank values or leave out failed samples;
2. ``lod``, while limits and values are on the file's own scale;
3. ``normalize`` by a method for linear values (``tmm``, ``total``);
4. the logarithm, where the unit has none yet, and the annotation of features;
5. components before any correction (``X_pca_before``), where one is asked for;
6. ``normalize`` by any other method, while QC tubes are still there;
7. ``haemolysis``, free of drift, and before a marker can be filtered out;
8. ``filter_features``;
9. ``clean``, the rest: tubes that are no person's, empty samples and features;
10. ``combat``;
11. ``impute``, on what is still missing then;
12. ``plasma_volume``, on the values that are tested.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anndata import AnnData

from exerkine_omics import pp, schema
from exerkine_omics.cohort import meta, units
from exerkine_omics.errors import AnalysisError, ConfigError, ExerkineWarning, UsageError
from exerkine_omics.kernels._normalize import NORMALIZERS
from exerkine_omics.workflow._config_prepare import PrepareConfig

ORDER = (
    "clean values", "lod", "normalize linear", "log2", "pca before", "normalize", "haemolysis",
    "filter_features", "clean", "combat", "impute", "plasma_volume",
)  # fmt: skip
_LINEAR_ONLY = (("linear",), ("counts",))  # scales of methods that come before the logarithm
_EARLY = ("infinite_values", "failed_qc_values", "failed_qc_samples")


@dataclass(frozen=True)
class Step:
    """One call: its name, parameters as JSON text, the size afterwards, and what it told."""

    step: str
    parameters: str
    n_samples: int
    n_features: int
    notes: tuple[str, ...] = ()


@dataclass
class Prepared:
    """A cohort ready to be tested, and what the figures of quality need beside it.

    ``tubes`` are the same values with the controls still there, ``before`` those before they
    were normalised; None where nothing of that kind was done.
    """

    adata: AnnData
    steps: list[Step] = field(default_factory=list)
    tubes: AnnData | None = None
    before: AnnData | None = None

    def call(self, section: str, function: str, where: str, **options: Any) -> None:
        """Call ``exo.pp.<function>``; keep what it tells, and name the config in its errors."""
        with warnings.catch_warnings(record=True, action="always") as told:
            try:
                result = getattr(pp, function)(self.adata, **options)
            except UsageError as error:  # what a call gets wrong here, the config got wrong
                raise ConfigError(
                    str(error), where=f"config, cohort {where}, prepare.{section}"
                ) from error
        if result is not None:
            self.adata = result
        notes = [str(w.message) for w in told if issubclass(w.category, ExerkineWarning)]
        words = json.dumps(options, sort_keys=True, default=str, ensure_ascii=False)
        n, k = self.adata.shape
        self.steps.append(Step(f"pp.{function}", words, n, k, tuple(dict.fromkeys(notes))))


def prepare(adata: AnnData, config: PrepareConfig | None, where: str) -> Prepared:
    """Bring a cohort to a log scale, annotate it, and do what its prepare section asks for.

    Parameters
    ----------
    adata
        The cohort as it was read; it is changed.
    config
        The section, or None: then the logarithm and the annotation are all.
    where
        Name of the cohort, for messages.

    Raises
    ------
    ConfigError
        Where an option does not fit its call.
    ExerkineError
        What the calls raise.

    Notes
    -----
    Missing values: as in each call; nothing but ``impute`` and ``lod: half`` fills any.
    """
    made = Prepared(adata)
    if config is None:
        _to_log2(made)
        return made
    done: dict[str, Callable[[Prepared, PrepareConfig, str], None]] = {
        "clean values": _clean_values,
        "normalize linear": lambda m, c, w: _normalize(m, c, w, linear=True),
        "log2": lambda m, c, w: _to_log2(m),
        "pca before": _components_before,
        "normalize": lambda m, c, w: _normalize(m, c, w, linear=False),
        "clean": _clean,
    }
    for stage in ORDER:
        if stage in done:
            done[stage](made, config, where)
        elif getattr(config, stage) is not None:
            made.call(stage, stage, where, **config.options(stage))
    return made


def _to_log2(made: Prepared) -> None:
    unit = schema.UNIT_TABLE.get(units(made.adata))
    if unit is None or unit.convert:
        pp.log2(made.adata)
    pp.annotate(made.adata)


def _clean_values(made: Prepared, config: PrepareConfig, where: str) -> None:
    early = [f for f in _fixes(config) if f in _EARLY]
    if early:
        made.call("clean", "clean", where, fix=early)


def _clean(made: Prepared, config: PrepareConfig, where: str) -> None:
    if config.clean is False:
        return
    before = made.adata
    named = _fixes(config)
    late = [f for f in named if f not in _EARLY]
    if late or not named:
        made.call("clean", "clean", where, **({"fix": late} if late else {}))
    if made.adata.n_obs < before.n_obs:
        made.tubes = before


def _fixes(config: PrepareConfig) -> list[str]:
    return config.clean if isinstance(config.clean, list) else []


def _normalize(made: Prepared, config: PrepareConfig, where: str, *, linear: bool) -> None:
    section = config.normalize
    if section is None or (NORMALIZERS[section.method].scales in _LINEAR_ONLY) is not linear:
        return
    made.before = _slim(made.adata)
    made.call("normalize", "normalize", where, **config.options("normalize"))


def _components_before(made: Prepared, config: PrepareConfig, where: str) -> None:
    section = config.normalize
    later = section is not None and NORMALIZERS[section.method].scales not in _LINEAR_ONLY
    if later or config.combat is not None:
        try:
            pp.pca(made.adata, key_added=schema.PCA_BEFORE)
        except AnalysisError:  # too small for components: the figure is left out
            return


def _slim(adata: AnnData) -> AnnData:
    """X and what is known of the tubes, without layers."""
    return AnnData(
        adata.X.copy(), obs=adata.obs.copy(), var=adata.var.copy(), uns={schema.UNS: meta(adata)}
    )
