"""One module per kind of fit: its keys, how its data become a problem, what follows from its parameters."""
