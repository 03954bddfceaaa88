"""The HTTP side of the one port: pages, static files, the API, health and metrics."""
