"""Changes that readers may make: the commands that pages send, and the guard of every one."""
