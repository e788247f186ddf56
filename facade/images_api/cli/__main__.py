"""Run the command line without its script: `python -m images_api.cli`."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
