"""The EPFL and ISCAS-85 circuits: AIG sizes and tables of 4 and 6 inputs, against ABC.

    THERMOC_DATA=data python benchmarks/circuits.py [--only NAME ...]

`and-nodes`: -O2 with the objective "ands" against `dc2; dc2`; `tables`: -O2, then the mapping to
tables, against `if -K k` as it is and after `dch` (the smaller one; depth in brackets). Every
result is proved equal to the circuit, by ABC's `cec`. Ends in the geometric means of ours / ABC's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from abc_sizes import abc_ands, abc_tables, program

from compiler.abc import ask_abc
from compiler.circuits.evaluate import evaluate_words
from compiler.counting import gate_counts
from compiler.formats.circuits.circuits import read_circuit
from compiler.ir.luts import evaluate_luts, lut_depth
from compiler.passes.gates.lut_map import map_luts
from compiler.pipelines import simplify


def circuits(folder: Path, only: list[str] | None) -> list[Path]:
    """The .aig and .bench files; the other formats hold the same circuits."""
    files = sorted(folder.glob("epfl/*.aig")) + sorted(folder.glob("iscas85/*.bench"))
    return [path for path in files if not only or path.stem in only]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    folder = Path(os.environ.get("THERMOC_DATA", "data")) / "circuits"
    if program() is None:
        parser.error("ABC is not installed")
    files = circuits(folder, options.only)
    if not files:
        parser.error(f"no circuits in {folder}: set THERMOC_DATA")
    print(
        f"{'circuit':<11}{'and-nodes':>10}{'ABC':>7}{'ratio':>7}{'CPU s':>7}  "
        f"{'4-tables':>12}{'ABC':>12}{'6-tables':>13}{'ABC':>12}"
    )
    ratios: dict[str, list[float]] = {"and-nodes": [], "4-tables": [], "6-tables": []}
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        for path in files:
            netlist = read_circuit(path)
            start = time.process_time()
            small = simplify(netlist, 2, objective="ands")
            seconds = time.process_time() - start
            gates = simplify(netlist, 2)
            for result in (small, gates):
                verdict = ask_abc(netlist, result, by_name=(True, True), timeout=600)
                assert verdict.status == "equivalent", (path, verdict)
            ours = gate_counts(small)["gates"]["two_input"]
            theirs = abc_ands(path, "dc2; dc2", work)
            assert theirs is not None
            ratios["and-nodes"].append(ours / theirs)
            line = f"{path.stem:<11}{ours:>10}{theirs:>7}{ours / theirs:>7.3f}{seconds:>7.1f}  "
            words = rng.integers(0, 2**64, (netlist.n_inputs, 64), dtype=np.uint64)
            for k in (4, 6):
                luts = min((map_luts(n, k) for n in (gates, small)), key=lambda m: m.n_luts)
                assert np.array_equal(evaluate_luts(luts, words), evaluate_words(netlist, words))
                known = [abc_tables(path, f"{s}if -K {k}", work) for s in ("", "dch; ")]
                best = min(size for size in known if size is not None)
                ratios[f"{k}-tables"].append(luts.n_luts / best[0])
                line += f"{f'{luts.n_luts} ({lut_depth(luts)})':>12}"
                line += f"{f'{best[0]} ({best[1]})':>12} "
            print(line, flush=True)
    for name, values in ratios.items():
        print(f"{name}: geometric mean of ours / ABC {np.exp(np.mean(np.log(values))):.3f}")


if __name__ == "__main__":
    main()
