"""Work beside other work, in threads."""

import threading
from collections.abc import Callable, Collection
from typing import TypeVar

from mngr.model.clock import carried

T = TypeVar("T")
A = TypeVar("A")


def each(work: Callable[[A], T], items: Collection[A], most: int = 32) -> list[T]:
    """What `work` answers for each item, in their order; `most` at a time, in the time that there is here (`within`). Raises
    what it raises."""
    if len(items) < 2:
        return [work(one) for one in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(most, len(items))) as pool:
        return list(pool.map(carried(work), items))


def begin(work: Callable[[], T]) -> Callable[[], T]:
    """Begins `work` in a thread of its own, in the time that there is here (`within`). What is returned waits for its end, and returns or raises what it did; it may
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

    thread = threading.Thread(target=carried(run), daemon=True)
    thread.start()
    return wait
