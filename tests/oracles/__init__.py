"""Tests of the oracles, and the oracles that only tests use."""
