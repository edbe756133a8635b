"""Networks: `life` has those that make, change and remove them, `connect` their groups."""
