"""``python -m dynascene_cli`` is ``dynascene``."""

import sys

from dynascene_cli.app import main

sys.exit(main())
