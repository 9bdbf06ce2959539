"""Circuits as invertible logic: spins whose lowest energy states are the circuit's truth table.

Every gate is an energy term that is 0 where its nets agree and at least 1 where they do not, so a
circuit has energy 0 exactly where all agree: clamp outputs and it runs backwards (Camsari and
others 2017, doi 10.1103/PhysRevX.7.031017). Bits are x = (1 + s) / 2; terms, with the gap 1:

    and, or, ...        a b - 2 (a + b) c + 3 c       of complemented bits where needed
    xor, half adder     (a + b - s - 2 c)^2           c: their and; a new spin if no net is it
    full adder          (a + b + c - s - 2 k)^2       no fields; s or k may be a new spin

Couplings of and-like gates have the size 1/4 or 1/2, of adders 1/2 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.clamp import clamp_spins
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.logic_nets.gate_cuts import (
    AND2,
    FALSE,
    MAJ3,
    TRUE,
    XOR2,
    XOR3,
    Cut,
    Logic,
    cuts_of,
    simplify,
)
from compiler.ir.gates import GateNetlist
from compiler.ir.goals import Circuit
from compiler.ir.kinds import expect
from compiler.ir.words import word_bits

HOW = ("substitute", "fields")


def invertible(
    netlist: GateNetlist, *, clamp: Mapping[str, int] | None = None, how: str = "substitute", gap: float = 1.0
) -> IsingModel:
    """The Ising model whose ground states, at energy 0, are the circuit's input-output pairs.

    Named inputs and outputs are spins of these names, other nets spins called #net, or none where
    an adder makes them needless. Every consistent state has one setting of the further spins.

    clamp : bits ("p[3]": 1) or words ("p": 143, bit k being "p[k]") to hold
    how : "substitute" takes clamped spins out of the model, "fields" holds them by strong fields
    gap : least energy of a state in which a gate is wrong

    Raises UnsupportedError for class sums, NetlistError for unknown names, words that do not fit
    and a gap that is not above 0.
    """
    expect(netlist, "gates", "invertible", "give the circuit of gates itself")
    if netlist.class_sums is not None:
        raise UnsupportedError(
            "invertible logic: the circuit has class sums, which are no gates; make them gates "
            "with lower_head (thermoc export --head gates)"
        )
    if how not in HOW:
        raise UnsupportedError(f"invertible logic: clamp by {' or '.join(HOW)}, not {how!r}")
    if not (np.isfinite(gap) and gap > 0):
        raise NetlistError(f"invertible logic: gap must be a finite number above 0, got {gap}")
    terms = _Terms(netlist)
    model = terms.model(gap, netlist)
    bits = word_bits(clamp or {}, [*netlist.input_names, *netlist.output_names])
    if not bits:
        return model
    place = {name: k for k, name in enumerate(model.names)}
    values = {place[name]: 2 * bit - 1 for name, bit in bits.items()}
    return clamp_spins(model, values, fields=how == "fields")


class _Terms:
    """Adds up a circuit's energy, from its outputs down, so that only needed nets are spins."""

    def __init__(self, netlist: GateNetlist) -> None:
        self.logic: Logic = simplify(netlist)
        self.cuts = cuts_of(self.logic)
        self.adders = _adders(self.cuts)
        self.spin_of: dict[int, int] = {}
        self.names: list[str] = []
        self.taken = {*netlist.input_names, *netlist.output_names}
        self.h: list[tuple[int, float]] = []
        self.pairs: list[tuple[int, int, float]] = []
        self.offset = 0.0
        for net, name in enumerate(netlist.input_names):
            self.spin_of[net] = self._new(name)
        self._outputs(netlist)
        done: set[int] = set()
        for net in sorted(self.logic.gates, reverse=True):
            if net in self.spin_of and net not in done:
                done |= self._gate(net, done)

    def _new(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def _spin(self, net: int) -> int:
        if net not in self.spin_of:
            self.spin_of[net] = self._new(self._free(f"#{net}"))
        return self.spin_of[net]

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "'"
        return name

    def _outputs(self, netlist: GateNetlist) -> None:
        for name, net in zip(netlist.output_names, netlist.outputs.tolist(), strict=True):
            literal = self.logic.literal[net]
            if name in netlist.input_names:
                if literal != 2 * netlist.input_names.index(name):
                    raise NetlistError(
                        f"invertible logic: input and output {name!r} are different nets of one "
                        "name; rename one"
                    )
                continue
            if literal >= 0 and not literal & 1 and literal >> 1 not in self.spin_of:
                self.spin_of[literal >> 1] = self._new(name)
                continue
            y = self._new(name)
            self.offset += 0.5
            if literal in (FALSE, TRUE):
                self.h.append((y, 0.5 if literal == TRUE else -0.5))
            else:
                self.pairs.append((y, self._spin(literal >> 1), -0.5 if literal & 1 else 0.5))

    def _gate(self, net: int, done: set[int]) -> set[int]:
        """Adds the term that decides `net`; returns the nets that it decides."""
        cuts = self.cuts[net]
        direct = next(iter(cuts))
        for leaves in cuts:
            sums, carries = self.adders.get(leaves, ({}, {}))
            if len(leaves) == 3 and sums and carries and (net in sums or net in carries):
                return self._adder(leaves, net)
        if len(direct) == 2 and cuts[direct] in AND2:
            halves = self.adders.get(direct)
            # an xor of the same nets, still to be decided, decides this net as well
            if halves is not None and any(s in self.spin_of and s not in done for s in halves[0]):
                return self._adder(direct, net)
        for leaves in sorted(cuts, key=len):
            if len(leaves) == 2 and cuts[leaves] in XOR2:
                return self._adder(leaves, net)
            if len(leaves) == 3 and self._is_adder(leaves, net):
                return self._adder(leaves, net)
        self._and(direct, cuts[direct], net)
        return {net}

    def _is_adder(self, leaves: Cut, net: int) -> bool:
        return any(net in found for found in self.adders.get(leaves, ({}, {})))

    def _and(self, leaves: Cut, table: int, net: int) -> None:
        p, q, r = (1.0 - 2.0 * flip for flip in AND2[table])
        a, b, c = self._spin(leaves[0]), self._spin(leaves[1]), self._spin(net)
        self.offset += 0.75
        self.h += [(a, p / 4), (b, q / 4), (c, -r / 2)]
        self.pairs += [(a, b, -p * q / 4), (a, c, p * r / 2), (b, c, q * r / 2)]

    def _adder(self, leaves: Cut, net: int) -> set[int]:
        """(sum of the leaves - s - 2 k)^2 for the sum s and carry k nearest to `net`."""
        sums, carries = self.adders[leaves]
        s = net if net in sums else self._pick(sums)
        k = net if net in carries else self._pick(carries)
        flips = carries[k] if k is not None else (0,) * (len(leaves) + 1)
        signs = [1.0 - 2.0 * flip for flip in flips]
        decided = {v for v in (s, k) if v is not None}
        ends = [self._spin(leaf) for leaf in leaves]
        ends.append(self._spin(s) if s is not None else self._extra(net, "sum"))
        ends.append(self._spin(k) if k is not None else self._extra(net, "carry"))
        odd = sum(flips[: len(leaves)]) + (sums[s] if s is not None else 0)
        weights = [*signs[: len(leaves)], -1.0 if odd % 2 == 0 else 1.0, -2.0 * signs[-1]]
        # in spins: 1/4 (sum w s + rest)^2, rest from x = (1 + s) / 2
        rest = len(leaves) - 3.0
        self.offset += (sum(w * w for w in weights) + rest * rest) / 4
        self.h += [(i, -w * rest / 2) for i, w in zip(ends, weights, strict=True) if rest]
        self.pairs += [
            (ends[i], ends[j], -weights[i] * weights[j] / 2)
            for i in range(len(ends))
            for j in range(i + 1, len(ends))
        ]
        return decided

    def _pick(self, nets: Mapping[int, Any]) -> int | None:
        """One of the nets, rather one that is a spin already; None of none."""
        return next((v for v in nets if v in self.spin_of), next(iter(nets), None))

    def _extra(self, net: int, what: str) -> int:
        return self._new(self._free(f"#{net}.{what}"))

    def model(self, gap: float, netlist: GateNetlist) -> IsingModel:
        place = {name: k for k, name in enumerate(self.names)}
        inputs, outputs = (
            np.array([place[name] for name in names], dtype=np.int32)
            for names in (netlist.input_names, netlist.output_names)
        )
        named = {"name": netlist.name} if netlist.name else {}
        h = np.zeros(len(self.names))
        np.add.at(h, np.array([i for i, _ in self.h], dtype=np.int64), [v for _, v in self.h])
        ends = np.array([(i, j) for i, j, _ in self.pairs], dtype=np.int64).reshape(-1, 2)
        return from_edges(
            gap * h,
            ends[:, 0],
            ends[:, 1],
            gap * np.array([w for *_, w in self.pairs]),
            offset=gap * self.offset,
            vartype="binary",
            names=tuple(self.names),
            goal=Circuit(inputs, outputs, float(gap)),
            meta={**netlist.meta, **named, "source": "circuit"},
        )


def _adders(
    cuts: Mapping[int, Mapping[Cut, int]],
) -> dict[Cut, tuple[dict[int, int], dict[int, tuple[int, ...]]]]:
    """(sums, carries) over the same two or three leaves.

    sums : {net: whether it is the complement of the xor}
    carries : {net: complements of the leaves and of the result} of an and or a majority
    """
    found: dict[Cut, tuple[dict[int, int], dict[int, tuple[int, ...]]]] = {}
    for net, tables in cuts.items():
        for leaves, table in tables.items():
            sums, carries = found.setdefault(leaves, ({}, {}))
            if len(leaves) == 2 and table in XOR2:
                sums[net] = XOR2[table]
            elif len(leaves) == 2 and table in AND2:
                carries[net] = AND2[table]
            elif len(leaves) == 3 and table in XOR3:
                sums[net] = XOR3[table]
            elif len(leaves) == 3 and table in MAJ3:
                carries[net] = (*MAJ3[table], 0)
    return found
