"""The meta section of a config: which cohorts' tests are pooled, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from exerkine_omics.workflow._config_input import Strict


class MetaConfig(Strict):
    """Options of `exo.tl.meta`.

    ``cohorts`` are all with a differential section, unless named. ``contrasts`` says which
    contrast of each cohort stands for the same question, ``{common name: {cohort: contrast}}``;
    without it they are joined by name. ``features`` is a column of every cohort's features, such
    as uniprot, by which they are matched; without it by feature id.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=100)
    title: str = ""
    cohorts: list[str] | None = Field(default=None, min_length=2)
    contrasts: dict[str, dict[str, str]] | None = Field(default=None, min_length=1)
    features: str | None = None
    method: Literal["reml", "paule_mandel", "dersimonian_laird", "fixed"] = "reml"
    interval: Literal["hartung-knapp", "hartung-knapp-adhoc", "wald"] | None = None
    pool: Literal["auto", "estimate", "standardised", "direction"] = "auto"
    several: Literal["error", "smallest_se"] = "error"
    min_cohorts: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _contrasts_answer_one_question_each(self) -> MetaConfig:
        if self.cohorts is not None and len(set(self.cohorts)) < len(self.cohorts):
            raise ValueError("a cohort is named twice")
        taken: dict[tuple[str, str], str] = {}
        for name, own in (self.contrasts or {}).items():
            if len(own) < self.min_cohorts:
                raise ValueError(f"contrast {name!r} names fewer than {self.min_cohorts} cohorts")
            for pair in own.items():
                if pair in taken:
                    raise ValueError(
                        f"{pair[1]!r} of {pair[0]} stands under {taken[pair]!r} and {name!r}"
                    )
                taken[pair] = name
        return self
