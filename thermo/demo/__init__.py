"""The whole way on the embedded digits, for every model family there is: thermo.demo.run."""
