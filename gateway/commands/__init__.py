"""The command line, ``run``, and a folder for each group of commands.

Figures, texts and decisions stay where pages find them too: a command asks for them and prints.
"""

OK, FAULT, CONFIGURATION, UNREACHABLE = range(4)
"""Exit statuses of all commands."""
