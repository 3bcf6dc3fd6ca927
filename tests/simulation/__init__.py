"""The station under every fault, by a seed: the real lanes, walk and ledger on a simulated chip, clock, disk and technician.

`python -m tests.simulation --seed N` replays one seed; `--seeds N` runs many; `--sweep` strikes everywhere.
What is simulated and what is real:

    real        station.line (lanes, walk, line), station.ledger over SQLite on disk, the recipe and its NVS images
    simulated   threads (greenlets under one scheduler), time, ports and chips, file locks, kills, power cuts, hands

Every call of the chip and of the database is a point: it takes simulated time, so that lanes interleave, and a fault may
strike there. The judge looks after every commit and after every byte that reaches a flash.
"""
