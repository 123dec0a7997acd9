"""Keep standard output, which is a pipe to another process, free of whatever a library prints."""

import os
import sys
from typing import TextIO


def take_standard_output() -> TextIO:
    """Keep the pipe for replies; whatever a library prints goes to standard error instead."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe
