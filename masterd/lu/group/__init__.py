"""Node groups: `life` has those that make, rename and remove them; the others are named alike."""
