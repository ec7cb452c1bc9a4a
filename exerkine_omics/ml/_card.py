"""Model card: what a model is, how it was made, how well it does, and for whom it is not."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from exerkine_omics.cohort import plain

if TYPE_CHECKING:
    from exerkine_omics.ml._model import ResponseModel
    from exerkine_omics.ml._result import PredictionResult

AUTHORS = "to be filled in by the authors"


def make_card(result: PredictionResult, model: ResponseModel) -> dict[str, Any]:
    """Fill a card from what was run; what a run cannot know is left to the authors, by name.

    ``tripod_ai`` lists the 27 items of TRIPOD+AI (Collins et al. 2024, BMJ, doi
    10.1136/bmj-2023-078378) with what the run can say to each.
    """
    summary = result.to_dict()
    own = [
        row
        for row in summary["metrics"]
        if row["block"] == model.block and row["model"] == model.model
    ]
    gain = [
        row
        for row in summary["increment"]
        if row["block"] == model.block and row["model"] == model.model
    ]
    card: dict[str, Any] = {
        "name": f"{model.block}, {model.model}",
        "package_version": version("exerkine_omics"),
        "schema_version": model.schema_version,
        "kind": result.kind,
        "stamp": result.gate.stamp,
        "verdict": result.verdict,
        "target": model.target,
        "n_people": len(model.outcome),
        "n_features": len(model.features),
        "n_used": int(model.used.sum()),
        "base": model.base,
        "platforms": [dict(vars(p)) for p in model.platforms],
        "clinical": [column.label for column in model.clinical],
        "performance": own,
        "increment": gain,
        "permutation_p": summary["permutation_p"],
        "increment_p": summary["increment_p"],
        "ceiling": summary["ceiling"],
        "control": summary["control"],
        "sample_size": summary["sample_size"],
        "stability": summary["stability"],
        "conformal": [
            row
            for row in summary["conformal"]
            if row["block"] == model.block and row["model"] == model.model
        ],
        "importance": [
            row
            for row in summary["importance"]
            if row["block"] == model.block and row["model"] == model.model
        ],
        "settings": summary["settings"],
        "counts": summary["counts"],
        "notes": summary["notes"],
        "limits": _limits(result, model),
    }
    card["tripod_ai"] = tripod_items(card)
    return dict(plain(card))


def _limits(result: PredictionResult, model: ResponseModel) -> list[str]:
    found = [
        "Internal validation only: no person of another study has been predicted.",
        "Not for a decision about a single person without such validation.",
        "For the same platform, unit, species and kind of sample only.",
    ]
    if result.gate.stamp == "discovery":
        found.append("Discovery only: fewer people than Riley's rule asks for.")
    if result.control is None:
        found.append("No control arm: what it predicts may come without training.")
    if result.kind != "prediction":
        found.append("An association: the features were not drawn before the landmark.")
    if model.family == "binomial":
        found.append(f"Probabilities hold where {model.base:.0%} respond, as in training.")
    return found


def tripod_items(card: dict[str, Any]) -> list[dict[str, str]]:
    """Items of TRIPOD+AI: number, topic, what the run says (or that the authors must)."""
    settings, counts, size = card["settings"], card["counts"], card["sample_size"]
    lead = next((r for r in card["performance"] if r["metric"] in ("auc", "r2")), None)
    reached = "not measured"
    if lead is not None:
        reached = (
            f"{lead['metric']} {lead['estimate']:.2f} ({lead['ci_low']:.2f} to "
            f"{lead['ci_high']:.2f}), out of fold; calibration and net benefit in the card"
        )
    rule = settings["rule_sha256"]
    outcome = (
        f"a rule fixed beforehand, sha256 {rule[:12]}, labels learnt in each training fold"
        if rule
        else "labels as given"
    )
    predictors = (
        f"{card['n_features']} {' and '.join(p['modality'] for p in card['platforms'])} features "
        f"({', '.join(p['platform'] + ', ' + p['units'] for p in card['platforms'])}); clinical: "
        f"{', '.join(card['clinical']) or 'none'}"
    )
    control = "no control arm" if card["control"] is None else (
        f"the same pipeline without training: {card['control']['metric']} "
        f"{card['control']['estimate']:.2f}"
    )  # fmt: skip
    items = [
        ("1", "Title", f"development of a model of {card['target']} by {card['name']}"),
        ("2", "Abstract", AUTHORS),
        ("3", "Background: context, target population, inequalities", AUTHORS),
        ("4", "Objectives", f"development with internal validation; kind: {card['kind']}"),
        ("5", "Data: sources and dates", AUTHORS),
        ("6", "Participants: setting, eligibility, treatments", AUTHORS),
        ("7", "Data preparation", "imputation, filter, scaling and scores inside each fold"),
        ("8", "Outcome", outcome),
        ("9", "Predictors", predictors),
        (
            "10",
            "Sample size",
            f"n = {size['n']}; Riley's rule asks {size['required']} for all "
            f"{size['n_parameters']} candidates, {size['required_ten_parameters']} for ten: "
            f"{size['stamp']}",
        ),
        ("11", "Missing data", "training median; people without any value left out and counted"),
        (
            "12",
            "Analytical methods",
            f"nested cross-validation, {settings['folds']} folds x {settings['repeats']} repeats, "
            f"grouped by {settings['groups']}; {settings['n_permutations']} permutations",
        ),
        ("13", "Class imbalance", "classes weigh the same in training; odds restored afterwards"),
        ("14", "Fairness", "not examined; " + AUTHORS),
        ("15", "Model output", "probability (or change), interval, abstention with its reason"),
        ("16", "Training versus evaluation", "the same people, out of fold; none of another study"),
        ("17", "Ethical approval", AUTHORS),
        ("18", "Open science", f"exerkine_omics {card['package_version']}; else {AUTHORS}"),
        ("19", "Patient and public involvement", AUTHORS),
        ("20", "Participants", ", ".join(f"{k} {v}" for k, v in counts.items())),
        ("21", "Model development", f"{card['n_people']} people; share or mean {card['base']:.2f}"),
        ("22", "Model specification", f"the file itself; {card['n_used']} columns are used"),
        ("23", "Model performance", reached),
        ("24", "Model updating", "none"),
        ("25", "Interpretation", f"{card['verdict']} {control}"),
        ("26", "Limitations", " ".join(card["limits"])),
        (
            "27",
            "Usability",
            "features by id; missing share, unit, platform, species and range are checked",
        ),
    ]
    return [{"item": a, "topic": b, "text": c} for a, b, c in items]
