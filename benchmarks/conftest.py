"""Let ``python -m pytest benchmarks`` collect and run what the default test run leaves out."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # The project's defaults skip benchmarks and look for test_*.py only.
    config.option.benchmark_skip = False
    config.addinivalue_line("python_files", "bench_*.py")
