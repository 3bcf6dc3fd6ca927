"""The recipe: what a unit of one product gets and how it is checked (DESIGN §6)."""
