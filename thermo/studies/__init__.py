"""Many trainings or measurements, one table and figure; one file a study."""

STUDIES = {
    "seeds": "thermo.studies.langevin:SEEDS",
    "pareto": "thermo.studies.langevin:PARETO",
    "devices": "thermo.studies.devices:STUDY",
    "couplings": "thermo.studies.couplings:STUDY",
    "eqprop-gradients": "thermo.studies.eqprop_gradients:STUDY",
    "eqprop-devices": "thermo.studies.eqprop_devices:STUDY",
    "eqprop-asymmetry": "thermo.studies.eqprop_asymmetry:STUDY",
    "eqprop-noise": "thermo.studies.eqprop_noise:STUDY",
    "eqprop-temperature": "thermo.studies.eqprop_temperature:STUDY",
    "generative": "thermo.studies.generative:STUDY",
    "bayes": "thermo.studies.bayes:STUDY",
    "binary": "thermo.studies.binary:STUDY",
    "denoising": "thermo.studies.denoising:STUDY",
    "bayes-gaps": "thermo.studies.bayes_gaps:STUDY",
    "images": "thermo.studies.images:STUDY",
    "logic": "thermo.studies.logic:STUDY",
    "frontier": "thermo.studies.frontier:STUDY",
    "faults": "thermo.studies.faults:STUDY",
    "laws": "thermo.studies.laws:STUDY",
    "published": "thermo.studies.published:STUDY",
    "linear-algebra": "thermo.studies.linear_algebra:STUDY",
}
"""Module and name of every Study, imported when it is run."""
