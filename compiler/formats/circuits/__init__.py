"""Circuits: BLIF, AIGER, .bench, Verilog, Yosys JSON, C, dot."""
