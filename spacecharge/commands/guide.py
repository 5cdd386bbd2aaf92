"""``spacecharge guide``: list the pages of the guide, or print one."""

from __future__ import annotations

import argparse


def execute(args: argparse.Namespace) -> int:
    """Print the list of pages or one page; returns the exit code."""
    from ..guide import pages, read_page

    if args.topic is not None:
        print(read_page(args.topic), end="")
        return 0
    listed = pages()
    width = max(len(page.topic) for page in listed)
    for page in listed:
        print(f"{page.topic:<{width}}  {page.question}")
    return 0
