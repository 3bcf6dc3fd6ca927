"""The technician's screen: Textual, one screen or widget per file, painted from frozen views of the line's events."""
