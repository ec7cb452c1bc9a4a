"""The meta section of a config: which cohorts' tests are pooled, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exerkine_omics.workflow._config_input import Strict


class MetaConfig(Strict):
    """Options of `exo.tl.meta`.

    ``cohorts`` are all with a differential section, unless named. ``contrasts`` says which
    contrast of each cohort stands for the same question, ``{common name: {cohort: contrast}}``;
    without it they are joined by name. ``features`` is a column of every cohort's features, such
    as uniprot, by which they are matched; without it by feature id.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str = ""
    cohorts: list[str] | None = Field(default=None, min_length=2)
    contrasts: dict[str, dict[str, str]] | None = None
    features: str | None = None
    method: Literal["reml", "paule_mandel", "dersimonian_laird", "fixed"] = "reml"
    interval: Literal["hartung-knapp", "hartung-knapp-adhoc", "wald"] | None = None
    pool: Literal["auto", "estimate", "standardised", "direction"] = "auto"
    several: Literal["error", "smallest_se"] = "error"
    min_cohorts: int = Field(default=2, ge=1)
