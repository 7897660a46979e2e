"""State, alarms, the arithmetic of reports, exports: all that tells of measured, missing and alarming values.

No question in a database's own language, and no page.
"""
