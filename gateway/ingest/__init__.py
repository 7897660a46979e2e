"""The way of a reading: intake, codecs, storage, delivery; and questions to broker and database on that way.

No judgement on a measured value, and no page.
"""
