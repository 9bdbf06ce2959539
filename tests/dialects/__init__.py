"""Random circuits in every dialect of the front ends, beside Icarus Verilog and Yosys."""
