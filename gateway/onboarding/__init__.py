"""The way from an unknown payload to a registered device: tried, explained, proposed, registered, enrolled.

No page and no command: those ask these rooms.
"""
