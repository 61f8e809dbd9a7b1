"""What the process and oracle tests stand on: servers, clients, logs."""
