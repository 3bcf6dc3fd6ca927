"""Bytes for flash: partition table, NVS, filesystem, image checks, the flash plan."""
