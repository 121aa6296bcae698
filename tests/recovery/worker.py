"""Trains in forked children, so that a hundred deaths cost one import of TensorFlow. One JSON object per line.

In: ``home``, and when the child is to be killed: ``after`` so many seconds of training, or file ``at_write``
(0: never). ``clock``: seconds by which the clock is set back after the first checkpoint. Out: how the child ended.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from capsgan.config import RunConfig
from capsgan.runs import checkpoints
from capsgan.training.loop import train

CONFIG = RunConfig("gan", "cnn", steps=24, batch_size=4, fraction=0.05, snapshots=(7,))
EVERY = 3


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at(number):
    """``os.fsync`` that kills the process at its ``number``-th call, when the file is written but not in its place."""
    calls, fsync = [], os.fsync

    def dying(descriptor):
        calls.append(descriptor)
        if len(calls) == number:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        fsync(descriptor)

    return dying


def child(home, after=0.0, at_write=0, clock=0.0):
    os.environ["CAPSGAN_HOME"] = home
    if after:
        threading.Timer(after, die).start()
    if at_write:
        os.fsync = dying_at(at_write)
    if clock:
        real, save = time.time, checkpoints.save_checkpoint

        def save_and_set_back(*args):
            save(*args)
            time.time = lambda: real() - clock
            time.gmtime = lambda seconds=None, gmtime=time.gmtime: gmtime(time.time() if seconds is None else seconds)

        sys.modules["capsgan.training.loop"].save_checkpoint = save_and_set_back
    begin = time.monotonic()
    train(CONFIG, checkpoint_every=EVERY, progress=False, device="cpu")
    print(f"{time.monotonic() - begin:.3f}", file=sys.stderr, flush=True)


def main():
    for line in sys.stdin:
        begin, pid = time.monotonic(), os.fork()
        if pid == 0:
            status = 1
            try:
                with Path(os.devnull).open("w") as sys.stdout:
                    child(**json.loads(line))
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, "seconds": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    main()
