"""What a study should score first, and what it should leave."""

from __future__ import annotations

import pytest

import exerkine_omics as exo
from exerkine_omics.errors import UsageError
from exerkine_omics.sig._design import COMPANION

PLASMA = "plasma_edta"
# exposure, mode, minutes, matrix, modality; the first; among those that fit; those that do not
DESIGNS = {
    "endurance bout, proteins at once": (
        ("acute", "endurance", 0, PLASMA, "proteomics"),
        "acute_endurance_protein",
        {"il6_anti_inflammatory_cascade", "muscle_origin", "liver_origin"},
        {"acute_resistance", "acute_hiit", "chronic_aerobic", "glycolysis_lactate", "myomirs"},
    ),
    "endurance bout, metabolites at once": (
        ("acute", "endurance", 0, PLASMA, "metabolomics"),
        "acute_endurance_metabolite",
        {"glycolysis_lactate", "lipolysis_fatty_acid_oxidation", "tca_expansion"},
        {"ketogenesis", "acute_resistance_metabolite", "acute_endurance_protein"},
    ),
    "endurance bout, metabolites after two hours": (
        ("acute", "endurance", 120, "serum", "metabolomics"),
        "acute_endurance_metabolite",
        {"ketogenesis", "lipolysis_fatty_acid_oxidation"},
        {"glycolysis_lactate", "tca_expansion", "stress_hormones"},
    ),
    "endurance bout, proteins in serum": (
        ("acute", "endurance", 15, "serum", "proteomics"),
        "acute_endurance_protein",
        {"muscle_origin"},
        {"il6_anti_inflammatory_cascade", "motrpac_endurance_plasma"},
    ),
    "endurance bout, proteins a day later": (
        ("acute", "endurance", 1440, PLASMA, "proteomics"),
        "motrpac_endurance_plasma",
        {"immune_origin", "bone_origin"},
        {"acute_endurance_protein", "il6_anti_inflammatory_cascade", "brain_origin"},
    ),
    "during an endurance bout": (
        ("acute", "endurance", -10, PLASMA, "proteomics"),
        "stress_hormones_peptide",
        set(),
        {"acute_endurance_protein", "motrpac_endurance_plasma", "muscle_origin"},
    ),
    "resistance bout, proteins": (
        ("acute", "resistance", 15, "serum", "proteomics"),
        "acute_resistance",
        {"bone_origin", "heart_origin"},
        {"acute_endurance_protein", "acute_hiit", "chronic_resistance"},
    ),
    "resistance bout, plasma proteins": (
        ("acute", "resistance", 60, PLASMA, "proteomics"),
        "acute_resistance",
        {"motrpac_resistance_plasma"},
        {"motrpac_endurance_plasma", "il6_anti_inflammatory_cascade"},
    ),
    "resistance bout, metabolites": (
        ("acute", "resistance", 15, "serum", "metabolomics"),
        "acute_resistance_metabolite",
        {"purine_degradation"},
        {"acute_endurance_metabolite", "lipolysis_fatty_acid_oxidation"},
    ),
    "intervals, proteins": (
        ("acute", "hiit", 5, PLASMA, "proteomics"),
        "acute_hiit",
        {"brain_origin", "stress_hormones_peptide"},
        {"acute_endurance_protein", "acute_resistance", "il6_anti_inflammatory_cascade"},
    ),
    "sprints, metabolites": (
        ("acute", "sprint", 5, PLASMA, "metabolomics"),
        "glycolysis_lactate",
        {"purine_degradation"},
        {"lipolysis_fatty_acid_oxidation", "acute_resistance_metabolite"},
    ),
    "endurance bout, miRNAs": (
        ("acute", "endurance", 60, PLASMA, "mirna"),
        "myomirs",
        {"vascular_mirs"},
        {"training_mirs", "acute_endurance_protein"},
    ),
    "endurance training, proteins": (
        ("chronic", "endurance", None, "serum", "proteomics"),
        "chronic_aerobic",
        {"adipose_origin"},
        {"acute_endurance_protein", "chronic_resistance", "muscle_origin"},
    ),
    "resistance training, proteins": (
        ("chronic", "resistance", None, PLASMA, "proteomics"),
        "chronic_resistance",
        set(),
        {"chronic_aerobic", "acute_resistance", "motrpac_resistance_plasma"},
    ),
    "endurance training, miRNAs": (
        ("chronic", "endurance", None, PLASMA, "mirna"),
        "training_mirs",
        set(),
        {"myomirs", "vascular_mirs"},
    ),
    "both kinds of training": (
        ("chronic", "combined", None, PLASMA, "proteomics"),
        "chronic_aerobic",
        {"chronic_resistance"},
        {"acute_endurance_protein", "acute_resistance"},
    ),
}  # fmt: skip


def design(asked: tuple) -> dict[str, object]:
    names = ("exposure", "exercise_mode", "minutes_post", "matrix", "modality")
    return dict(zip(names, asked, strict=True))


@pytest.mark.parametrize("name", DESIGNS)
def test_designs(name: str) -> None:
    asked, first, fitting, excluded = DESIGNS[name]
    frame = exo.sig.for_design(**design(asked))
    by_name = frame.set_index("signature")
    assert frame["signature"].iloc[0] == first, frame.head(4)
    assert by_name.loc[sorted(fitting), "fits"].all()
    assert not by_name.loc[sorted(excluded), "fits"].any()
    assert (by_name.loc[sorted(excluded), "reasons"] != "").all()
    # confounders stand after the signatures and before what does not fit
    kind = frame["fits"].map({True: 0, False: 2}) + (frame["role"] == COMPANION) * frame["fits"]
    assert kind.is_monotonic_increasing
    assert frame["rank"].to_list() == list(range(1, len(frame) + 1))
    own = by_name[by_name["fits"] & (by_name["role"] == COMPANION)].index
    assert {"proteomics": "haemolysis", "mirna": "haemolysis_mirs"}.get(asked[4], "-") in {
        *own,
        "-",
    }


def test_every_shipped_signature_is_ranked_and_reasons_are_said() -> None:
    frame = exo.sig.for_design(exposure="acute", exercise_mode="endurance", minutes_post=90,
                               matrix="serum", modality="metabolomics")  # fmt: skip
    assert set(frame["signature"]) == set(exo.sig.load())
    reasons = frame.set_index("signature")["reasons"]
    assert "holds from 0 to 30 min, the sample is from 90 min" in reasons["glycolysis_lactate"]
    assert reasons["myomirs"].startswith("its members are measured by mirna, not metabolomics")
    assert "describes training, not one bout" in reasons["chronic_aerobic"]
    assert "not endurance" in reasons["acute_resistance"]


def test_what_is_not_asked_excludes_nothing() -> None:
    frame = exo.sig.for_design()
    assert frame["fits"].all()
    assert (exo.sig.for_design(modality="mirna").query("fits")["reasons"] != "").all()


def test_animals_and_vesicles_find_nothing() -> None:
    assert not exo.sig.for_design(species="rat")["fits"].any()
    vesicles = exo.sig.for_design(matrix="ev", modality="proteomics", exposure="acute")
    fitting = vesicles[vesicles["fits"]]
    assert set(fitting["role"]) <= {COMPANION}


def test_a_recent_last_bout_is_said() -> None:
    frame = exo.sig.for_design(exposure="chronic", exercise_mode="endurance", minutes_post=600)
    own = frame.set_index("signature").loc["chronic_aerobic"]
    assert own["fits"] and "less than a day ago" in own["reasons"]


@pytest.mark.parametrize(
    "asked",
    [
        {"exposure": "training"},
        {"exercise_mode": "running"},
        {"matrix": "blood"},
        {"modality": "lipids"},
        {"minutes_post": float("nan")},
    ],
)
def test_unknown_words(asked: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(asked))):
        exo.sig.for_design(**asked)  # type: ignore[arg-type]
