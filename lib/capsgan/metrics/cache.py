"""Remember answers about real images, which are the same for every run that is evaluated."""

import hashlib
from collections import OrderedDict
from functools import wraps

import numpy as np

ANSWERS = 32  # of each function


def remembered(function):
    """Have a pure function remember its last answers, by the *content* of the arrays it is given."""
    answers = OrderedDict()

    @wraps(function)
    def call(*args, **options):
        key = tuple(map(_key, (*args, *sorted(options.items()))))
        if key not in answers:
            answers[key] = _freeze(function(*args, **options))
            if len(answers) > ANSWERS:
                answers.popitem(last=False)
        answers.move_to_end(key)
        return answers[key]

    return call


def _freeze(answer):
    """Make arrays read-only: later callers get the same ones."""
    for array in answer if isinstance(answer, list | tuple) else [answer]:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return tuple(answer) if isinstance(answer, list) else answer


def _key(value):
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, hashlib.sha256(np.ascontiguousarray(value)).digest()
    return value
