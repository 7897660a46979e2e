"""Commands about devices and profiles: registered, enrolled, moved, exchanged, worked out again."""
