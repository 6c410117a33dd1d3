"""From records on disk to the arrays that a network reads."""
