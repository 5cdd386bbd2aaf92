"""YAML documents with line numbers, and the list of what is wrong in them; no key of ours is known here."""
