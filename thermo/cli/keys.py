"""JSON's keys of every command and what they mean; a test compares them with what commands print.

A key that ends in ? is there only where it has a meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

MEASURED = {
    "accuracy": "share of right decisions, null where nothing is decided",
    "accuracy_sem": "its standard error",
    "split": "part of the data",
    "n_samples": "samples of it",
    "runs": "trajectories averaged per decision",
}
HEAT = "{mean, std, sem} given to the bath per inference, that is all its runs; null where not measured"
BASELINES = {
    "digital_baseline_J": "joules of the cheapest digital design of at least the accuracy",
    "digital_baseline": "that design: name, sizes, accuracy, float_accuracy, node, settled, energy",
    "baselines": "every design that was tried",
}
ADVANTAGE = "{low, likely, high} of the joules of the cheapest digital design over ours, by "
COUNTS = "see [ir.md](ir.md#counts)"
MANIFEST = {"manifest": "version, command, seed, SHA-256 of inputs"}
SAVED = {"saved": "file written by --save, or null"}
PROBLEM = {
    "problem": "ising, max-cut, sat, circuit, boltzmann",
    "cut?": "of a graph: weight cut by the best state",
    "clauses?": "of a formula: their number",
    "satisfied?": "of them, that hold in the best state",
    "violated_weight?": "of a weighted formula: weight of the wishes that do not hold there",
    "violated_musts?": "of a weighted formula: clauses that must hold and do not",
    "assignment?": "of its variables, as DIMACS literals",
    "words?": "of a circuit: {word: number}",
    "consistent?": "of a circuit: every gate agrees",
    "energy": "the least",
    "energies": "of each chain, ladder or run",
}
TRAINED = {
    "model": "file written",
    "data": "data set",
    "split?": "test",
    "valid_accuracy": "of the epoch that was chosen, on validation data",
    "best_epoch": "that epoch",
    "seconds": "wall time of the training",
    "config": "every setting of the training",
    **MANIFEST,
}

COMPARED = {
    "data": "data set",
    "split": MEASURED["split"],
    "rate": "answers a second, null back to back",
    "weights": "where they are kept, on both sides",
    "accuracy": "share that the cheapest must reach",
    "designs": "name, family, given (one of the netlists), node, voltage, accuracy, accuracy_sem, "
    "n_samples, difference {mean, sem, paired} from the first netlist, energy_J, places, latency_s as "
    "{low, likely, high}, settled_J (without glitches), area_m2",
    "cheapest": "by node: name, energy_J, undecided (names), ratios over it by name",
    "sentences": "what that says, and where it would change",
    "left_out": "why a design is not in the table, by name",
}

KEYS: Mapping[str, Mapping[str, str]] = {
    "compile": {
        "netlist": "file written",
        "target?": "what a Langevin netlist is legal for, or the tiles of an ordinary network",
        "counts": COUNTS,
        "counts_before?": "of a circuit, before it was simplified",
        "problem?": "of an Ising model: kind, variables, offset, phases, clamped",
        "seconds": "wall time",
        **MANIFEST,
    },
    "show": {
        "counts": COUNTS,
        "problem?": "as of compile",
        "targets?": "of a Langevin netlist: {target: what makes it illegal}",
        "text": "canonical text, empty of a network on tiles",
        **MANIFEST,
    },
    "export": {
        "file": "file written",
        "format": "its format",
        "counts?": f"of a circuit; {COUNTS}",
        "latency?": "clocks, with --pipeline",
        "library?": "with --library: its name",
        "liberty?": "with --library: Liberty file written, or null",
        "delay_s?": "with --library: longest path through the cells",
        "area_um2?": "with --library: of all cells",
        "registers?": "with --library --registers: {cell, registers, area_um2, period_s}, the flip-flops and "
        "their least period",
        "opensta?": "with --sta: {delay_s, area_um2} by OpenSTA from the Liberty file given, else from ours",
        "testbench?": "{file, samples, source, accuracy}",
        "spins?": "of an Ising model: its variables",
        "cells?": "of a deck: dynamic ones",
        "couplings?": "of an Ising model or a deck",
        "units?": "of a deck: {device, V, s, S, F} of one unit of x, time, W and of a cell's capacitor",
        "engineered?": "of a deck: kinds of cells whose noise is not their resistor's",
        "offset_dropped?": "what coo does not hold",
        **MANIFEST,
    },
    "deploy": {
        "folder": "folder written",
        "fpga": "part",
        "package": "its package",
        "mapped": "tables of four inputs, class sums and decision included, before synthesis",
        "depth": "levels of them",
        "encoder": "gates that make the input bits of data's digits, 0 where a sample is its bits",
        "inputs": "bits of a sample that the circuit reads",
        "feed": "{word, words, inputs, latency, answer}: bits a clock, clocks a sample, bits of both ends, "
        "clocks from a held sample to its answer",
        "pipeline_registers": "of one bit, inside the circuit",
        "synthesised": "{tables, registers, seconds} after yosys",
        "routed": "{tables, registers, cells, cells_available, pins, f_max_Hz, asked_Hz, seconds} "
        "after nextpnr",
        "simulated": "{simulator, samples, equal, differing, seconds} of the synthesised netlist",
        "accuracy": "of the decisions, or null without labels",
        "activity": "samples of which signals were recorded",
        "pins_placed": "of feed's, by --pins; or null without it",
        "asked_MHz": "--frequency, or null without it",
        "met": "whether the clock is as fast, or null",
        "power_W": "null: these tools tell none",
        "files": "written in the folder",
        "latency_s": "from a held sample to its answer, at f_max_Hz",
        "sample_s": "from a sample's first word to its answer",
        "samples_per_s": "fed without a pause",
        **MANIFEST,
    },
    "check": {
        "equal": "whether both compute the same",
        "method": "exhaustive, simulation or sat",
        "matched_inputs": "by name or position",
        "matched_outputs": "likewise",
        "patterns": "input patterns tried",
        "sat_calls": "of the solver",
        "counterexample": "{input: bit}, or null",
        "output": "that differs, or null",
        "values": "its two values, or null",
        "possible_only": "whether only inputs that the encoder can make were compared",
        "abc": "{status, program, detail} of the second opinion",
        "left_out?": "with --cut-latches: of each circuit, inputs that nothing reads and the other has not",
        "states?": "with --cut-latches: [of the first, of the second] where they are called otherwise",
        "seconds": "wall time of our check",
        **MANIFEST,
    },
    "check --with ngspice": {
        "equal": "whether every figure agrees",
        "figures": "[{name, ours, theirs, tolerance, p, agrees, told}]: states or means and variances, "
        "decisions, heat",
        "samples": "of the data",
        "runs": "noise seeds of each",
        "kT": "temperature",
        "accuracy": "[ours, ngspice's] of single runs, null without classes",
        "engineered": "kinds of cells whose noise is not their resistor's",
        "seconds": "of the simulator",
        "spice_seconds": "of ngspice",
        **MANIFEST,
    },
    "simulate, an analog netlist": {
        "couplings?": "with a device: what they are made of",
        **{f"{key}?": told for key, told in MEASURED.items() if key != "runs"},
        "rmse?": "root-mean-square error of regression",
        "runs": MEASURED["runs"],
        "heat_kT?": f"{HEAT}, null where kT is 0 or changes",
        "heat?": "the same in the model's unit of energy",
        "entropy_kB?": "given to the bath, dQ / kT; null where kT reaches 0 or couplings are noisy",
        "converters?": "with a device: {side, bits, lo, hi, given, clipped} of the converters of each "
        "side; given: the range was found on training data; clipped: share beyond it",
        "baths?": "with --baths: {each: temperature (in kT), cells, heat, entropy_kB; entropy_kB of all}",
        "heat_method": "potential, stratonovich or none",
        "dt": "time step",
        "method": "scheme",
        "kT": "temperature, null where it changes",
        "seconds": "wall time",
        "outputs_mean": "without data: mean of every answer over the runs; null with data",
        "outputs_error?": "its standard error, null for one run",
        "outputs_warning?": "fewer than 16 runs, unless kT is 0",
        **{f"{key.rstrip('?')}?": f"of wells: {told}" for key, told in PROBLEM.items()},
        "mean_energy?": "of wells: {mean, sem, ess, reliable, warning}, ess the number of runs",
        "broken_chains?": "of wells in chains: {mean, share, lengths, worst}",
        "variables?": "of wells: {name: value} of the best state",
        **SAVED,
        **MANIFEST,
    },
    "simulate, a circuit of gates": {
        **MEASURED,
        "gates": "each count by its definition",
        "seconds": "wall time, with preparation",
        "run_seconds": "of it, the samples",
        "samples_per_second": "samples over run_seconds",
        "faults?": "{flip, stuck_at}",
        "toggles?": "{gates, inputs, gates_per_sample, mean_activity}",
        **SAVED,
        **MANIFEST,
    },
    "simulate, a network on tiles": {
        **MEASURED,
        "rmse": "root-mean-square error of regression",
        "counts": COUNTS,
        "converters": "{layer, side, bits, lo, hi, clipped} of each layer with weights: range in units of "
        "its values and of those times relative conductances, share of values beyond it",
        "seconds": "wall time, with writing the devices",
        "run_seconds": "of it, the samples",
        **SAVED,
        **MANIFEST,
    },
    "simulate, p-bits": {
        **PROBLEM,
        "mean_energy": "of samples: {mean, sem, ess, r_hat, reliable, warning}; null without",
        "means": "of samples: {name: mean}; null without",
        "means_ess": "effective sample sizes of the means, {median, least}, or null",
        "means_warning": "which means say little: an ESS below 400, alike in all chains, one chain",
        "broken_chains?": "of embedded models: {mean, share (of each chain), lengths (p-bits of each), "
        "worst: {variable, share, length}}",
        "sweeps": "of each chain",
        "chains": "independent chains, or ladders",
        "seconds": "wall time",
        "updates": "of single p-bits",
        "updates_per_second": "updates over seconds",
        "method": "cells, chains, crossed, dense, lanes, packed or moves",
        "backend": "numba or jax",
        "kT": "last temperature, or the ladder",
        "flips?": "updates that changed a state",
        "acceptance?": "of a ladder: share of exchanges accepted",
        "round_trips?": "of a ladder: journeys from cold to hot and back",
        "time_to_solution?": "of several annealed chains, to the least energy seen, with a chance of 0.99: "
        "{hits, "
        "runs, each, value, low, high (s, as if one chain ran after another), share, level, sweeps, "
        "sweeps_interval, goal}",
        "bound?": "with --bound: {energy (no state has less), gap, relative_gap, optimal, method, by_method, "
        "state_energy, cycles, seconds; of a graph also cut, which none is above, and the gap of cuts}",
        "certificate?": "with --certify: {granted, asked_kT, kT, kT_interval, ess, r_hat, total_variation, "
        "noise_floor, claims: {name, holds, value, limit, told}}",
        "vartype": "spin or binary",
        "variables": "{name: value} of the best state",
        **SAVED,
        **MANIFEST,
    },
    "estimate, a Langevin machine": {
        "couplings": "technology, ideal, current_A, power_W, area_m2, gated_J (bias on while cells relax and "
        "are reset), always_on_J, always_on (which of them is in energy_J)",
        **MEASURED,
        "rmse": "root-mean-square error of regression; this and the accuracy are those of the cycle that is "
        "priced, started from its reset, where a cycle is measured",
        "fresh_start": "{accuracy, accuracy_sem, rmse} of one relaxation from the cells' own start",
        "heat_kT": HEAT,
        "heat_above_idle_kT": "above that of the machine without couplings and drive",
        "halved_dt": "{accuracy, heat_kT, work (of the cycle, model's unit)} with half the time step",
        "reset": "how the reset was found: fresh, loss, kept, trial (of the one chosen: reset, work, cost in "
        "J, lost, sem, kept, dear, decisions), trials (all of them); null where it was given",
        "heat": "the same in the model's unit of energy, whatever kT",
        "entropy_kB": "given to the bath, dQ / kT; null where kT reaches 0 or couplings are noisy",
        "cycle_kT": "work and heat of the whole cycle by part; null without a potential or where kT changes",
        "cycle": "the same in the model's unit of energy, entropy in units of k_B, kT or null",
        "energy_J": "of one inference by place (see [energy.md](energy.md)), and total",
        "latency_s": "of one inference",
        "landauer_J": "of one bit erased at the device's temperature",
        "answer_bits": "log2 of the classes",
        **BASELINES,
        "advantage": ADVANTAGE + "storage of the weights of both",
        "converters": "{side, bits, lo, hi, given, clipped} of the converters of each side, as of simulate",
        "fewest_bits?": "{input_bits, output_bits, loss: {mean, sem}, own_input_bits, own_output_bits, "
        "own_loss, ideal, tolerance, samples, draws, split, energy_before_J, latency_before_s}: accuracy "
        "lost against ideal converters, whose it is; before: with the device's own bits",
        "device": "the preset, every figure with its source",
        **MANIFEST,
    },
    "estimate, a circuit of gates": {
        **{key: told for key, told in MEASURED.items() if key != "runs"},
        "samples": "where they come from",
        "toggles_per_gate": "per inference, mean over the optimised circuit's gates",
        "gates": "each count by its definition, see [above](#estimating-a-circuit)",
        "depth": "{optimised, with_head} in two-input gates",
        "library": "the first one asked for; the next five are its own, with head",
        "energy_J": "{dynamic, input_pins, leakage, total} of settled values; totals with_glitches, "
        "with_unit_glitches",
        "latency_s": "longest path through the cells, or the clock's period",
        "f_max_Hz": "its inverse",
        "area_um2": "of all cells",
        "advantage": ADVANTAGE + "library, weights wired",
        "libraries": "each with cells, n_cells, inverters, area_um2, nand2_equivalents, depth in cells, "
        "delay_s, f_max_Hz, latency_s, leakage_W, energy_J, glitches (transitions a cell: settled, library, "
        "unit; joules over settled ones: library_factor, unit_factor; n_pairs, step_s), without_head, "
        "registers (of inputs and outputs), encoder (as the circuit, or null), everything_J (one answer by "
        "place, with all around the circuit), period_s, voltage, source",
        "refused": "why a library gives none",
        "excluded": "what is not counted",
        "landauer_J": "of one bit erased at room temperature",
        **BASELINES,
        **MANIFEST,
    },
    "estimate, a network on tiles": {
        **{key: told for key, told in MEASURED.items() if key != "runs"},
        "rmse": "root-mean-square error of regression",
        "counts": COUNTS,
        "energy_J": "of an answer by place (see [crossbar.md](crossbar.md)), and total",
        "interval_J": "{low, likely, high} of the total",
        "latency_s": "of an answer",
        "area_m2": "of devices and output converters",
        **BASELINES,
        "advantage": ADVANTAGE + "storage: wired",
        "converters": "as of simulate",
        "device": "the preset, every figure with its source",
        **MANIFEST,
    },
    "estimate, p-bits": {
        "device": "preset",
        "energy_J": "{rng, bias, clock, neighbour, cycle, static, write, read, total} of one run of the "
        "schedule",
        "programming_J": "to set all couplings and biases once",
        "updates": "of single p-bits",
        "sweeps": "of the schedule",
        "cells": "p-bits",
        "couplings": "directed ones",
        "wire_m": "that an update drives",
        "activity": "share of updates that flip",
        "latency_s": "of one run",
        "energies": "the preset, every figure with its source",
        **MANIFEST,
    },
    "compare": {**COMPARED, **MANIFEST},
    "report": {**COMPARED, "page": "file written", **MANIFEST},
    "completion": {"shell": "bash, zsh or fish", "script": "its script", **MANIFEST},
    "reproduce": {
        "figures": "[{name, page, what, says, expected, least, most, allowed, why, value, verdict, told}]; "
        "with --list name, what, says, page, minutes",
        "counts?": "figures by verdict: holds, differs, failed, skipped",
        "host?": "{cpu, instructions, cores, python, thermoc}",
        "seconds?": "of each recipe's commands",
        **MANIFEST,
    },
    "train langevin": {
        **TRAINED,
        **{key: MEASURED[key] for key in ("accuracy", "n_samples", "runs")},
        "rmse": "root-mean-square error of regression",
        "heat_kT": HEAT,
        "largest_coupling": "the largest |J|",
        "heat_penalty": "loss per kT that it was trained with",
    },
    "train eqprop": {
        **TRAINED,
        **{key: MEASURED[key] for key in ("accuracy", "n_samples", "runs")},
        "last_epoch": "sweeps, residuals, angle and accuracies of the last epoch",
        "effort": "relaxations, nudged_relaxations, weight_writes, presentations, reads, products, "
        "sweeps, updates",
        "training_energy_J?": "{relaxation or current, input_drive, nudge_drive, state_read, arithmetic, "
        "weight_write, clocking, idle, total}; of oscillators none",
        "training_energy?": "device, weight_memory, seconds, J_per_presentation, terms with kind and how; "
        "digital: the same network by back-propagation, its macs, arithmetic, memory and total",
        "diagnosis?": "with --diagnose: layers (layer, beta, error, cosine), angle, residual, usable, "
        "free_units, radius, points, beta, unsettled, samples, activation",
        "network?": "by JAX: sizes, and of convolutions shapes, parameters, couplings",
        "gain?": "of resistive networks, volts",
        "oscillators?": "kind of oscillator",
    },
    "train logic": {
        **TRAINED,
        **{key: MEASURED[key] for key in ("accuracy", "n_samples", "runs")},
        "soft_accuracy?": "of its relaxation; not of tables, nor with residual wiring",
        "soft_hard_gap?": "soft_accuracy - valid_accuracy, where there is one",
        "gates?": "each count by its definition",
        "tables?": "total, and by their inputs",
        "two_input_gates": "after -O1: core, with_head, and of whole-number data with_encoder_and_head",
        "teacher_accuracy?": "of the teachers together, on the training split",
        "shared_tables?": "tables, places, gates_unrolled, gates_once and memory_bits",
        "inputs": "bits offered",
    },
    "train ebm": {
        **{key: told for key, told in TRAINED.items() if key not in ("valid_accuracy", "best_epoch")},
        "family": "rbm, grid or dtm",
        "log_likelihood?": "of an RBM, nats a test row; also its log_z_error, rows_error and n_samples",
        "log_z_error?": "standard error of log_likelihood by that of log Z",
        "rows_error?": "by the spread over rows",
        "n_samples?": "test rows",
        "ais?": "how log Z was found: chains, steps, ESS; null where it is exact",
        "valid_log_likelihood?": "of an RBM, on which the epoch was chosen",
        "valid_error?": "its standard error",
        "base_rate_log_likelihood?": "of independent units with the data's means",
        "best_epoch?": "of an RBM",
        "reconstruction_error?": "of an RBM, on validation data",
        "autocorrelation?": "of a grid or dtm, of each model",
        "gradient?": "of a grid or dtm: size of the last one",
        "penalty?": "of a dtm: correlation penalty of each model",
        "binarisation": "how data became bits",
        "history": "every epoch",
        "samples": "{sweeps, activity, moments}",
        "per_sample": "what one sample costs, as of estimate",
        "energy_J": "of one sample, by part",
        "latency_s": "of one sample",
        "picture": "file of --picture, or null",
    },
    "train reader": {
        **TRAINED,
        **{key: MEASURED[key] for key in ("accuracy", "accuracy_sem")},
        "confident": "share of test images whose class has a probability above 0.9",
        "digest": "SHA-256 over the reader's weights",
    },
    "quality": {
        "data": "data set; as bits where the machine makes bits",
        "reader": "digest of the reader",
        "images": "drawn, test images, and pixels drawn one by one: data, reader, n, frechet, precision, "
        "recall, confident, balance, missing, nearest, diversity",
        "heat_kT": "of the phases after the first of a Langevin netlist, an image; else null",
        "picture": "file of --picture, or null",
        **MANIFEST,
    },
}


def expected(command: str) -> tuple[set[str], set[str]]:
    """(keys that are always there, all keys) of a command, and for simulate and estimate its kind."""
    keys = KEYS[command]
    return {key for key in keys if not key.endswith("?")}, {key.rstrip("?") for key in keys}
