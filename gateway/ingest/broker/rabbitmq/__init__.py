"""RabbitMQ over its management API: accounts, and the ground under the session of each of several gateways."""
