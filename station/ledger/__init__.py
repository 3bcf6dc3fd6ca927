"""The ledger: batches, certificates, units, runs, audit chain."""
