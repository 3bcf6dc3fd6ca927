"""The flashing station: one unit, one certificate, proven and recorded."""
