"""Files, locks and the network, each in one place."""
