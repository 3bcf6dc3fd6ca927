"""The technician's screen (Textual)."""
