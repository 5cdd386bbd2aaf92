"""Tables and text of results and fits."""
