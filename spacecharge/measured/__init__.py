"""Readers of measured files: tables, Bruker directories; they know no fit."""
