"""The IoT platform as the station sees it: products, orders of devices, device states. Knows no ledger and no lane."""
