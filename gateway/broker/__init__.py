"""The broker's set-up: its configuration, its certificates, and the accounts of those who connect."""
