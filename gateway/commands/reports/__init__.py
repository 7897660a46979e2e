"""Commands that ask the database: figures as tables and files."""
