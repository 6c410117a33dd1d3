"""Readers of recordings with their transcripts or labels."""
