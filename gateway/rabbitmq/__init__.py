"""RabbitMQ's set-up for several gateways: its configuration, its accounts, and what each gateway's session stands on."""
