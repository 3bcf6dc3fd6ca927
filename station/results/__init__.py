"""Results for other systems: each run of a unit as one document, delivered once, without any lane waiting for it."""
