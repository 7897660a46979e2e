"""Changes made to the code that decides the fate of a reading, one at a time: a test must fail by each of them.

Theory of operation
-------------------
``changes`` finds every small change that can be made to a module: a condition negated, a comparison moved by one, a call
dropped. ``trial`` collects the tests of the module once, and for each change forks: the child puts the changed functions in the
place of those that are loaded, and runs the tests that reach its line until one fails. No file is touched. ``table.toml`` says
which tests look at which module, and which changes may survive and why.

Durations in seconds (floats) are left alone: they are paces, which the benches look at.
"""
