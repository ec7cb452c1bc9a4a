"""Look at a cohort before it is analysed; change nothing, print nothing."""

from __future__ import annotations

from anndata import AnnData

from exerkine_omics.cohort import CheckReport, carried_findings
from exerkine_omics.pp._check_design import DESIGN_RULES
from exerkine_omics.pp._check_names import NAME_RULES
from exerkine_omics.pp._check_pass import look
from exerkine_omics.pp._check_qc import QC_RULES
from exerkine_omics.pp._check_values import VALUE_RULES

# seen anew at each check: what the reader once said of these may have been mended since
_RECOMPUTED = ("units_unknown", "matrix_unknown", "species_unknown", "control_samples")


def check(adata: AnnData) -> CheckReport:
    """List what is wrong, doubtful or worth knowing in a cohort.

    Use it right after reading. Nothing is changed and nothing is printed; each finding says what
    to do. What the reader found is carried along.

    Parameters
    ----------
    adata
        Samples x analytes, on any scale.

    Returns
    -------
    CheckReport
        ``.errors`` (analyses would be wrong or refuse), ``.warnings`` (look at it), ``.notes``;
        ``.to_frame()`` has a row a finding, with the call that mends it. Ids of findings:
        duplicate_pairs, two_baselines, baseline_missing, missing_columns, subject_missing,
        timepoint_missing, arm_missing,
        subject_in_two_arms, no_baseline_sample, baseline_only, timepoint_names_near_alike,
        arm_names_near_alike, subject_names_near_alike, excel_mangled_ids, duplicate_samples,
        all_nan_features, all_nan_samples, constant_features, fixed_in_people, repeated_names,
        negative_values, zero_values, non_integer_counts, infinite_values, scale_suspect,
        mixed_units_suspected, units_unknown, matrix_unknown, species_unknown, control_samples,
        bridge_samples, failed_qc_samples, warned_samples, qc_warnings, assay_warnings,
        replicates_apart, plate_confounded, people_across_plates, missing_on_a_plate,
        few_qc_samples, low_detection, detection_differs, haemolysed_samples, possibly_haemolysed;
        and those of the readers and of other calls.

    Raises
    ------
    InputError
        If the object was not made by this package.

    Notes
    -----
    Missing values: NaN is not measured; a feature or sample of nothing else is a finding.
    """
    findings = [f for f in carried_findings(adata) if f.id not in _RECOMPUTED]
    for rule in (*DESIGN_RULES, *NAME_RULES):
        findings += rule(adata)
    seen = look(adata)
    for judge in VALUE_RULES:
        findings += judge(adata, seen)
    for rule in QC_RULES:
        findings += rule(adata)
    return CheckReport(tuple(findings))
