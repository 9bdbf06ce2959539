"""A circuit on an FPGA: synthesised, laid out and simulated by free tools, where they are installed."""
