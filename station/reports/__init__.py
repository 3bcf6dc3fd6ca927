"""What the ledger says about a batch or an order: numbers, a page, tables for analysts, files for other systems."""
