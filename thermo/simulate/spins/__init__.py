"""p-bits by sweeps: lanes, packed bits, single chains, tempering."""
