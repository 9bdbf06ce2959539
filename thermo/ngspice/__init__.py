"""ngspice as a second engine: decks run and compared with the simulator."""
