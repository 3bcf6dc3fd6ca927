"""The walk of a unit, the lanes, recovery after a crash."""
