"""Show results as text, plots and HTML pages."""
