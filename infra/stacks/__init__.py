"""One file per stack, and what they share."""
