"""Work beside other work, in a thread."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def begin(work: Callable[[], T]) -> Callable[[], T]:
    """Begins `work` in a thread of its own. What is returned waits for its end, and returns or raises what it did; it may
    be called again."""
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:
            failures.append(failure)

    def wait() -> T:
        thread.join()
        for failure in failures:
            raise failure
        return results[0]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return wait
