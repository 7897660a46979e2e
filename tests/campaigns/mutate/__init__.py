"""Changes made to the code, one at a time: a test of the same room must fail by each of them.

Theory of operation
-------------------
``changes`` finds every small change that can be made to a module: a condition negated, a comparison moved by one, a call
dropped, two statements or two arguments swapped. The tests of a module are those in the same folder below ``tests``.
``trial`` collects them once, and for each change forks: the child puts the changed functions in the place of those that are
loaded, and runs the tests that reach its line, the quickest first, until one fails. No file is touched, so a program that a
test starts runs without the change. ``table.toml`` says which changes may survive and why.

Durations in seconds (floats) are left alone: they are paces, which the benches look at.
"""
