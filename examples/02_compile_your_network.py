"""A scikit-learn network becomes cells that relax to its activations, and then meets noise."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from compiler import compile
from thermo.data import load_dataset
from thermo.simulate import simulate

digits = load_dataset("digits")
network = MLPClassifier((32,), activation="tanh", max_iter=80, random_state=0)
network.fit(digits.x_train, digits.y_train)
netlist = compile(network)

truth = digits.y_test
print(f"scikit-learn:    {100 * network.score(digits.x_test, truth):.1f} %")
for kT in (0.0, 0.01, 0.1, 1.0):
    answer = simulate(netlist, digits.x_test, kT=kT, heat=False).predictions()
    print(f"cells, kT {kT:<5g}  {100 * np.mean(answer == truth):.1f} %")
