"""`python -m flowerops`: what a cloud job runs."""

from flowerops.cli.app import main

if __name__ == "__main__":
    main()
