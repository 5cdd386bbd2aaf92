"""Tests: a helper is imported as `.name` from its own folder, as `tests.folder.name` from another."""
