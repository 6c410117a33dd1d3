"""A comparison for people: as text, as pictures, as a page."""
