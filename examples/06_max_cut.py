"""Optimisation on p-bits: the largest cut of a graph, then a multiplier run backwards."""

import networkx as nx

from compiler import compile, invertible, multiplier
from thermo.simulate import simulate
from thermo.simulate.spins.problem import cuts, words

graph = nx.random_regular_graph(3, 100, seed=1)
netlist = compile(graph)  # Max-Cut, with an annealing schedule
result = simulate(netlist, chains=8, sweeps=2000, seed=0)
side = {node for node, s in zip(graph, result.best_state, strict=True) if s > 0}
assert nx.cut_size(graph, side) == cuts(netlist, result.best_states).max()
print(f"{nx.cut_size(graph, side)} of {graph.number_of_edges()} edges cut")

# A circuit of gates as spins: clamp its output and it finds the inputs.
factors = compile(invertible(multiplier(4, 4), clamp={"p": 143}))
result = simulate(factors, chains=8, seed=0)
found = words(factors, result.best_state)
print(f"{found['a']} x {found['b']} = {found['p']}, energy {result.best_energy:g}")
