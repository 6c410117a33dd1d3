"""Tasks: which rows, blocks, loss, measures and baseline a job needs, and nothing of how it is trained."""
