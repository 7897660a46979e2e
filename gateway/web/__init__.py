"""Pages and API of a wired gateway, loaded for the first client: http, people, devices, views, changes.

No decision that holds without a page.
"""
