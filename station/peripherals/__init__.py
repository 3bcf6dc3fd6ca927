"""What stands beside the line: the label printer and the stack light. Nothing here knows of units, chips or the ledger."""
