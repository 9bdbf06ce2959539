"""An estimate of any kind as tables: what, where it goes, beside what."""

from __future__ import annotations

from dataclasses import replace

from hw_models.constants import landauer
from hw_models.interval import times
from thermo.energy.fewest_bits import Loss
from thermo.energy.gate_result import GateEstimate
from thermo.energy.inference import CycleEnergy, Estimate
from thermo.energy.ledger import Price, bill
from thermo.energy.reset import ChosenReset
from thermo.energy.reset_trials import Trial
from thermo.energy.run import Priced, SpinEstimate
from thermo.energy.samples import SampleEnergy
from thermo.energy.tiles import TileEstimate
from thermo.evaluate import Evaluation, Heat
from thermo.report.baselines import BASELINE_HEAD, RIGHT, baseline_rows
from thermo.report.gates import gate_tables
from thermo.report.ledger import KEPT, bill_table
from thermo.report.page import Table
from thermo.report.simulated import conversion_rows
from thermo.report.text import si
from thermo.report.tiles import tile_tables


def estimate_tables(e: Priced) -> tuple[Table, ...]:
    """The tables of `thermoc estimate` and of the report page."""
    if isinstance(e, Estimate):
        return (_inference(e), *_fewest_bits(e), _joules(e), _digital(e))
    if isinstance(e, GateEstimate):
        return tuple(gate_tables(e))
    if isinstance(e, TileEstimate):
        return tile_tables(e)
    assert isinstance(e, SpinEstimate)
    return (_spins(e.cost),)


def _spins(cost: SampleEnergy) -> Table:
    energy = cost.energy.describe()
    rows = (
        ("p-bits, couplings", f"{cost.cells:,}, {cost.couplings:,}"),
        ("sweeps", f"{cost.sweeps:,}"),
        ("updates of single p-bits", f"{cost.updates:,.0f}"),
        ("share that flips", f"{cost.activity:.3f}"),
        *((name, si(energy[name], "J")) for name in energy if name != "total"),
        ("energy of a run", si(energy["total"], "J")),
        ("time of a run", si(cost.seconds, "s")),
        ("couplings and biases set, once for all runs", si(cost.programming, "J")),
    )
    title = f"One run of the schedule on {cost.device} (thermoc presets {cost.device} has sources)"
    return Table((title, ""), rows, (1,))


def _pm(heat: Heat, kT: float | None = 1.0) -> str:
    """In kT, which is so much of heat's own unit; None: kT changes, and heat is told in its own."""
    h, unit = (heat, "energy units") if kT is None else (heat.over(kT), "kT")
    return f"{h.mean:,.1f} ± {h.sem:,.1f} {unit}"


def _reset(c: CycleEnergy) -> str:
    couplings = "on" if c.couplings else "off"
    return f"well {c.stiffness:g} x²/2 for {c.duration:g} time units, couplings {couplings}"


def _chosen(found: ChosenReset) -> str:
    """How the reset was found."""
    trial, decides = found.trial, found.fresh >= 0
    unit = "points" if decides else "% of the error"
    if found.kept:
        rule = (
            f"least joules of {len(found.trials)} tried that surely lose at most {100 * found.loss:g} {unit}"
        )
        rule += ", as stiff as costs a thousandth more"
    else:
        rule = f"loses least of {len(found.trials)} tried, none surely at most {100 * found.loss:g} {unit}"
    return f"{rule}; on validation data {_lost(trial, decides)}, {trial.decisions:,} decisions"


def _lost(trial: Trial, decides: bool) -> str:
    what = "points lost" if decides else "% more error"
    return f"{100 * trial.lost:.2f} ± {100 * trial.sem:.2f} {what} against a fresh start"


def _entropy(entropy: Heat) -> str:
    return f"{entropy.mean:,.1f} ± {entropy.sem:,.1f} k_B"


def _coupling_rows(e: Estimate) -> list[tuple[str, str]]:
    """What the couplings are, first of all where they are ideal, and what they draw."""
    facts = e.coupling_facts
    if facts["ideal"]:
        return []  # the table's caption says so
    told = [("couplings", facts["technology"])]
    if facts["power_W"] > 0:
        told.append(("their bias and power", f"{si(facts['current_A'], 'A')}, {si(facts['power_W'], 'W')}"))
        both = f"{si(facts['gated_J'], 'J')} gated, {si(facts['always_on_J'], 'J')} never off"
        told.append(("their joules", both))
    told.append(("their area", f"{1e12 * facts['area_m2']:,.0f} um2"))
    return told


def _quality_rows(e: Estimate) -> list[tuple[str, str]]:
    """Accuracy or error of the answers that are priced, and of a fresh start beside it."""
    few = "" if e.halved.n_samples == e.evaluation.n_samples else f", {e.halved.n_samples:,} samples"
    if e.cycle is None or e.halved_cycle is None:
        name, told = _quality(e.evaluation)
        return [(name, told), (f"{name}, time step halved{few}", _quality(e.halved)[1])]
    name, told = _quality(e.cycle)
    return [
        (f"{name}, started from its reset", told),
        (f"the same, time step halved{few}", _quality(e.halved_cycle)[1]),
        (f"{name} from a fresh start", _quality(e.evaluation)[1]),
    ]


def _quality(of: Evaluation | CycleEnergy) -> tuple[str, str]:
    if of.accuracy is None or of.accuracy_sem is None:
        return "rms error", f"{of.rmse:.4g}"
    return "accuracy", f"{100 * of.accuracy:.2f} ± {100 * of.accuracy_sem:.2f} %"


def _inference(e: Estimate) -> Table:
    v, h = e.evaluation, e.halved
    rows = [*_coupling_rows(e), *_quality_rows(e)]
    if v.heat_kT is not None and h.heat_kT is not None:
        rows.append(("heat of the relaxation", _pm(v.heat_kT)))
        rows.append(("heat, time step halved", _pm(h.heat_kT)))
    elif v.heat is not None and h.heat is not None:
        rows.append(("heat of the relaxation", _pm(v.heat, None)))
        rows.append(("heat, time step halved", _pm(h.heat, None)))
        told = "none: kT reaches 0, or couplings bring noise of their own"
        told = told if v.entropy_kB is None else _entropy(v.entropy_kB)
        rows.append(("entropy given to the bath", told))
    if e.idle_heat_kT is not None and e.heat_above_idle is not None:
        rows.append(("heat of the idle machine", _pm(e.idle_heat_kT)))
        rows.append(("heat above idle", f"{e.heat_above_idle:,.1f} kT"))
    if e.cycle is not None:
        c = e.cycle
        if c.work_on is not None and c.work_off is not None:
            rows.append(("work: inputs on", _pm(c.work_on, c.kT)))
            rows.append(("work: inputs off, reset well on", _pm(c.work_off, c.kT)))
            rows.append(("work of the whole cycle", _pm(c.work, c.kT)))
        else:
            rows.append(("heat of the reset", _pm(c.heat_reset, c.kT)))
            rows.append(("heat of the whole cycle, by the path", _pm(c.work, c.kT)))
        if e.halved_cycle is not None:
            rows.append(("the same, steps halved", _pm(e.halved_cycle.work, c.kT)))
        if c.entropy is not None:
            rows.append(("entropy produced by a cycle", _entropy(c.entropy)))
        rows.append(("reset", _reset(c)))
        if e.reset is not None:
            rows.append(("chosen by", _chosen(e.reset)))
    rows += conversion_rows(e.conversions)
    rows.append(("latency", si(e.latency_s, "s")))
    caption = f"One inference: {v.runs} run(s) of the machine, {v.n_samples:,} {v.split} samples"
    if e.coupling_facts["ideal"]:
        caption = f"Ideal couplings: no noise, load, range or price. {caption}"
    return Table(("measured", ""), tuple(rows), (1,), caption)


def _fewest_bits(e: Estimate) -> tuple[Table, ...]:
    found = e.fewest_bits
    if found is None or e.own is None:
        return ()
    before = e.asked.price(e.own)

    def row(name: str, bits: tuple[int, int], loss: Loss, price: Price) -> tuple[str, ...]:
        converters = price.joules["input converters"] + price.joules["output converters"]
        return (
            name,
            *(str(b) for b in bits),
            f"{100 * loss.mean:.2f} ± {100 * loss.sem:.2f}",
            si(converters, "J"),
            si(price.total, "J"),
            si(price.seconds, "s"),
        )

    rows = (
        row("its own", (found.own_input_bits, found.own_output_bits), found.own_loss, before),
        row("fewest", (found.input_bits, found.output_bits), found.loss, e.energy),
    )
    caption = (
        f"Fewest bits that lose at most {100 * found.tolerance:g} points of the {100 * found.ideal:.2f} % "
        f"that ideal converters have: {found.samples:,} validation samples, {found.draws} draws of noise and "
        "offsets, paired"
    )
    if found.loss.sem > found.tolerance:
        caption += "; undecided, as the error is above what may be lost"
    head = ("converters", "input bits", "output bits", "points lost", "converters' J", "total", "latency")
    return (Table(head, rows, (1, 2, 3, 4, 5, 6), caption),)


def joule_parts(e: Estimate) -> tuple[tuple[str, float], ...]:
    """(name, J) of every place where energy goes."""
    physics = "physics: heat"
    if e.cycle is not None:
        physics = f"physics: {'heat' if e.cycle.work_on is None else 'work'} of the cycle"
    return tuple((physics if place == "physics" else place, j) for place, j in e.energy.joules.items())


def _joules(e: Estimate) -> Table:
    table = bill_table(bill(e.design), {"physics": "simulation"})
    erased = (
        "Landauer, one bit erased",
        si(landauer(e.device.ambient.value), "J"),
        "",
        "exact",
        "k_B T ln 2",
    )
    return replace(table, rows=(*table.rows, erased))


def _digital(e: Estimate) -> Table:
    rows = baseline_rows(e.baselines, {id(e.cheapest)})
    if e.cheapest is not None:
        for storage, over in e.advantage.items():
            rows.append(
                (f"digital / machine, weights of both {KEPT[storage]}", "", "", "", "", "", times(over))
            )
        caption = "Digital designs; the cheapest of 45 nm and at least the machine's accuracy is the measure"
    else:
        caption = "Digital designs: none of those tried reaches the machine's accuracy"
    if not e.baselines:
        caption = "Digital designs: none measured" + ("" if e.n_classes else " (regression)")
    return Table(BASELINE_HEAD, tuple(rows), RIGHT, caption)
