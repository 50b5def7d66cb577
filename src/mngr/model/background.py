"""Work beside other work, in a thread."""

import threading
from collections.abc import Callable


def begin(work: Callable[[], object]) -> Callable[[], None]:
    """Begins `work` in a thread of its own. What is returned waits for its end, and raises what it raised; it may be
    called again."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    def wait() -> None:
        thread.join()
        for failure in failures:
            raise failure

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return wait
