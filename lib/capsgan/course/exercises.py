"""Exercises that check themselves: a cell says what is still wrong."""

from collections.abc import Callable

import numpy as np

LONGEST = 16  # numbers of a matrix that a message shows


def check(attempt: Callable, *cases: tuple, tolerance: float = 1e-4):
    """Call ``attempt`` on cases ``(argument, ..., expected)``, numbers or arrays; say whether its answers are right.

    ``tolerance`` of the comparison is relative and absolute.
    """
    name = attempt.__name__
    for *arguments, expected in cases:
        call = f"{name}({', '.join(_short(a) for a in arguments)})"
        try:
            value = attempt(*arguments)
            if value is None or value is ...:
                print(f"Not yet: {call} returns nothing so far.")
                return
            value, expected = np.asarray(value, "float64"), np.asarray(expected, "float64")
        except Exception as error:
            print(f"Not yet: {call} raised {type(error).__name__}: {error}")
            return
        if value.shape != expected.shape:
            print(f"Not yet: {call} has shape {value.shape}; it should have {expected.shape}.")
            return
        if not np.allclose(value, expected, rtol=tolerance, atol=tolerance):
            print(f"Not yet: {call} is {_short(value)}; it should be {_short(expected)}.")
            return
    print(f"Right: {name} agrees in all {len(cases)} cases.")


def _short(value) -> str:
    array = np.asarray(value)
    if array.dtype == object:
        return f"a {type(value).__name__}"  # a function, a network
    if array.ndim == 0:
        return f"{array:.4g}"
    if array.ndim > 1 and array.size > LONGEST:
        return f"array of shape {array.shape}"
    return " ".join(np.array2string(array, precision=4, threshold=6, separator=", ").split())  # on one line
