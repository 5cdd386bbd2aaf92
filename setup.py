"""Build step beside pyproject.toml: the configurations and their data travel inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithExamples(build_py):
    """Copies the folder ``configs`` to where an installed package looks for its examples."""

    def run(self):
        """Build as usual, then add the examples."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "spacecharge" / "guide" / "examples"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("configs", target, ignore=shutil.ignore_patterns("figures", "__pycache__"))


setup(cmdclass={"build_py": BuildWithExamples})
