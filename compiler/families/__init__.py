"""Model families: what each is, how it is kept in a file, how it becomes a netlist."""
