"""The methods paragraph of a cohort, from what was run, with versions."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from exerkine_omics import __version__
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.workflow._config import CohortConfig

_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "anndata", "matplotlib")
_TESTS = {
    "lmm": (
        "a linear mixed model of arm by time point with a random intercept per person, fitted by "
        "REML, with Kenward-Roger degrees of freedom unless the config says otherwise"
    ),
    "moderated": (
        "a linear model of arm by time point with the subject as fixed block and residual "
        "variances moderated by empirical Bayes (Smyth 2004)"
    ),
    "voom": (
        "a linear model of log2 counts per million (TMM) with precision weights (voom), the "
        "subject as fixed block and residual variances moderated by empirical Bayes"
    ),
    "paired_t": (
        "paired t tests on each person's own change, and Welch's t test of the changes between arms"
    ),
    "wilcoxon": (
        "Wilcoxon signed-rank tests on each person's own change, and rank-sum tests between arms"
    ),
    "signflip": (
        "sign-flip permutation of people's own changes, with family-wise error control by max-T"
    ),
    "mcnemar": (
        "McNemar's exact test of whether each person's feature was detected before and after; the "
        "estimate is the difference of the shares detected, with Newcombe's interval"
    ),
}
_SD_IR = {
    "closed": "normal theory on that difference",
    "mover": "the chi-square limits of both variances (MOVER)",
    "mixed": "REML with a variance for each arm, adjusted for the baseline",
    "bootstrap": "bootstrap of people within arms",
}
_SET_TESTS = {
    "camera": "members against the other features, correlation between members 0.01 (camera)",
    "fry": "rotation of the residuals of a linear model with the subject as block, in closed form",
    "roast": "random rotations of the residuals of a linear model with the subject as block",
    "signflip": (
        "the people's set changes under flips of whole persons (between arms, exchange of labels), "
        "with family-wise error control by max-T"
    ),
}
_SMYTH = (
    "Smyth GK (2004) Linear models and empirical Bayes methods for assessing differential "
    "expression in microarray experiments. Stat Appl Genet Mol Biol 3:3. doi:10.2202/1544-6115.1027"
)
_ATKINSON = "Atkinson G, Batterham AM (2015) Exp Physiol 100:577-588. doi:10.1113/EP085070 (SDir)"
_SWINTON = "Swinton PA et al. (2018) Front Nutr 5:41. doi:10.3389/fnut.2018.00041 (typical error)"


def versions() -> dict[str, str]:
    """Versions of the libraries that make the numbers."""
    return {name: version(name) for name in _LIBRARIES}


def methods(config: CohortConfig, summary: dict[str, Any], seed: int) -> list[str]:
    """Paragraphs that say what was done to this cohort."""
    people, features = summary["n_people"], summary["n_features"]
    text = [
        f"{summary['n_samples']} samples of {people} people and {features} features "
        f"({summary['modality']}, {summary['units']}, {summary['matrix']}) were read; samples were "
        f"paired by person against {summary['baseline']!r}, never by row order."
    ]
    done = _preparation((summary.get("qc") or {}).get("steps", []))
    if done:
        text.append(done)
    if config.score is not None:
        text.append(
            f"Signatures were scored by {config.score.method}: "
            f"{SCORERS[config.score.method].description}. Missing members are left out and the "
            "share of weight that was measured is stated as coverage (no score below "
            f"{config.score.min_coverage:g}). Changes use only features measured at both times."
        )
    if config.score is not None and config.enrich is not None:
        text.append(
            f"Whether the signatures changed was tested by {config.enrich.method}: "
            f"{_SET_TESTS[config.enrich.method]}."
        )
    if config.differential is not None:
        text.append(
            f"Single features were tested by {_TESTS[config.differential.method]}; a missing value "
            "is an absent row. P values were adjusted by Benjamini-Hochberg within each contrast."
        )
    section = config.responders
    if section is not None:
        text.append(
            f"A person's change of {section.outcome} has a {section.level:.0%} interval "
            "from the typical error; responders lie wholly beyond the threshold of "
            f"{section.threshold:g} {section.unit}. SDir is the signed root of the difference of "
            "the variances of change between the treated and the control arm, with its interval by "
            f"{_SD_IR[section.sd_ir_method]}."
            + (
                f" People with {section.adherence} below {section.min_adherence:g} count as not "
                "trained, and nowhere else."
                if section.adherence is not None
                else ""
            )
        )
    if config.prediction is not None:
        outer = config.prediction.outer
        text.append(
            "Prediction: elastic-net logistic regression in nested cross-validation that keeps "
            f"each person on one side ({outer[0]} outer folds, {outer[1]} repeats, "
            f"{config.prediction.inner} inner folds); imputation, scaling, penalty and labels are "
            f"learnt in the training folds; {config.prediction.n_permutations} permutations."
        )
    used = ", ".join(f"{name} {number}" for name, number in versions().items())
    text.append(f"Software: exerkine_omics {__version__}, {used}; seed {seed}.")
    return text


def _preparation(steps: list[dict[str, Any]]) -> str:
    """Say in one sentence what was done to the values before the tests, in its order."""
    told = [
        step["step"].removeprefix("pp.").replace("_", " ")
        + (f" ({step['parameters']})" if step["parameters"] else "")
        for step in steps
    ]
    return f"Before the tests, in this order: {', '.join(told)}." if told else ""


def references(config: CohortConfig, citation: str) -> list[str]:
    """Cite the cohort, and the papers behind the methods that were run."""
    found = [citation] if citation else []
    if config.differential is not None and config.differential.method == "moderated":
        found.append(_SMYTH)
    if config.responders is not None:
        found += [_ATKINSON, _SWINTON]
    return found
