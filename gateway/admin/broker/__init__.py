"""The broker's set-up: its configuration, its certificates, the sites shared out between several gateways."""
