"""The call that mends a finding; "" where only a person, or the laboratory, can."""

from __future__ import annotations

_SHEET = "exo.io.set_samples(adata, samples, subject=..., timepoint=..., baseline=..., arm=...)"
_TAKE_OUT = "adata[~adata.obs_names.isin([...])].copy()"
_READ_UNITS = "exo.io.read(path, units={analyte: unit}, ...)"


def _clean(name: str) -> str:
    return f"exo.pp.clean(adata, fix=[{name!r}])"


CALLS: dict[str, str] = {
    # who and when
    "missing_columns": _SHEET,
    "subject_missing": _SHEET,
    "timepoint_missing": _SHEET,
    "arm_missing": _SHEET,
    "baseline_missing": _SHEET,
    "timepoint_names_near_alike": _SHEET,
    "arm_names_near_alike": _SHEET,
    "subject_names_near_alike": _SHEET,
    "sample_not_in_sheet": _SHEET,
    "timepoint_order_guessed": "exo.io.set_samples(adata, adata.obs, timepoint_order=[...], ...)",
    "duplicate_pairs": _TAKE_OUT,
    "two_baselines": _TAKE_OUT,
    "duplicate_samples": _TAKE_OUT,
    "subject_in_two_arms": "exo.tl.crossover(adata, ...)",
    "controls_from_factors": _SHEET,
    # what is known
    "units_unknown": "exo.io.state(adata, units=...)",
    "units_unknown_as_intensity": "exo.io.state(adata, units=...)",
    "units_assumed": "exo.io.state(adata, units=...)",
    "matrix_unknown": "exo.io.state(adata, matrix_type=...)",
    "matrix_differs": "exo.io.state(adata, matrix_type=...)",
    "species_unknown": "exo.io.state(adata, species=...)",
    "species_differs": "exo.io.state(adata, species=...)",
    # values
    "all_nan_features": _clean("all_nan_features"),
    "all_nan_samples": _clean("all_nan_samples"),
    "constant_features": _clean("constant_features"),
    "infinite_values": _clean("infinite_values"),
    "repeated_names": "adata.obs_names_make_unique()",
    "fixed_in_people": "exo.io.read_table(..., sample_columns=[...])",
    "negative_values": _READ_UNITS,
    "mixed_units_suspected": _READ_UNITS,
    "scale_suspect": _READ_UNITS,
    "zero_values": "exo.pp.log2(adata, offset=...)",
    "non_integer_counts": 'exo.io.read(path, units="intensity", ...)',
    "dialect_detected": "exo.io.read(path, sep=..., decimal=...)",
    "decimal_comma_ambiguous": 'exo.io.read(path, decimal=",", ...)',
    # quality
    "control_samples": _clean("control_samples"),
    "failed_qc_samples": _clean("failed_qc_samples"),
    "failed_qc_values": _clean("failed_qc_values"),
    "qc_warnings": _clean("failed_qc_values"),
    "assay_warnings": _clean("failed_qc_values"),
    "control_assays": _clean("control_assays"),
    "low_detection": "exo.pp.filter_features(adata, min_detected=...)",
    "detection_differs": 'exo.tl.differential(adata, method="mcnemar", layer="below_lod")',
    "missing_on_a_plate": "exo.pp.filter_features(adata)",
    "people_across_plates": 'exo.tl.differential(adata, covariates=["plate_id"])',
    "bridge_samples": "exo.pp.bridge(adata, reference=...)",
    "lod_unknown": "exo.pp.lod(adata, lod=...)",
    "limits_not_assigned": "exo.pp.lod(adata, lod=...)",
    "cq_at_cap": "exo.io.read_cq(path, max_cq=...)",
    "technical_replicates": 'exo.io.read_cq(path, replicates="keep")',
    "haemolysed_samples": "exo.tl.score_confounders(changes)",
    "possibly_haemolysed": "exo.tl.score_confounders(changes)",
    "plasma_volume_unknown": _SHEET,
    "plasma_volume_large": "exo.pp.swaps(adata)",
    "outlying_samples": _TAKE_OUT,
    "exchanged_tubes": _SHEET,
    "not_imputed": "exo.pp.filter_features(adata)",
}
