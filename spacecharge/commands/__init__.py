"""One module per subcommand, each with ``execute(args) -> exit code``."""
