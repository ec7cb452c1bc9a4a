"""Run the command line as ``python -m exerkine_omics``."""

from exerkine_omics.cli import main

if __name__ == "__main__":
    main()
