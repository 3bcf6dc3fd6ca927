"""The child process in which the virtual chip runs programs: MicroPython's filesystem or a frozen bench program, in CPython.

Programs see what a chip offers and nothing more: `device_import.py` resolves their imports from the flashed filesystem, the
stand-in modules and a list of CPython modules that MicroPython has too. `python -m station.virtual.micropython` is started by
`station.virtual.program`, with frames on its standard input and output.
"""
