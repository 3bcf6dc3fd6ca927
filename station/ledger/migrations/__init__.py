"""The schema's history: each file in `versions/` takes a ledger one step further. Run by `station.ledger.migrating`."""
