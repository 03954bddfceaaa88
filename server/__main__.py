"""`python -m server` is `podium`."""

from server.cli import main

if __name__ == "__main__":
    main()
