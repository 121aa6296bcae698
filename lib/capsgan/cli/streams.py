"""Standard output and error on which no report fails: closed, broken off, or in an encoding that lacks a character."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

GONE = (errno.EPIPE, errno.EIO, errno.EINVAL)  # a pipe without a reader, a terminal that was closed, Windows' pipe


class Sturdy:
    """A text stream whose reader may go away: what is written after that is dropped, and the work continues."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or drop."""
        self._try(self._stream.write, text)
        return len(text)

    def flush(self):
        """Flush, or drop."""
        self._try(self._stream.flush)

    def _try(self, action, *args):
        try:
            action(*args)
        except OSError as error:
            if error.errno not in GONE:
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())  # also for what is in the buffer
            os.close(null)


def load_keras():
    """Import Keras while standard error is closed: TensorFlow greets there, whatever its log level."""
    sys.stderr.flush()
    terminal, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        from .. import engines  # noqa: F401
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(null)


@contextlib.contextmanager
def sturdy_streams() -> Iterator[None]:
    """Inside, ``print`` and progress bars cannot fail because nobody reads them; odd characters are escaped."""
    for number in (0, 1, 2):  # a file opened later must not be taken for a closed stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    opened = [stream or os.fdopen(1 + i, "w", encoding="utf-8", closefd=False) for i, stream in enumerate(before)]
    for stream in opened:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = map(Sturdy, opened)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before if None not in before else opened
