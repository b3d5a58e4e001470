"""Long work that KeyboardInterrupt cannot break off half done, although no signal handler is changed.

Python raises KeyboardInterrupt in the main thread, between any two instructions. So the work runs in a thread of its
own while the caller's thread waits. If the wait is interrupted, the work is asked to stop at a good place.

Threads talk through SimpleQueue, whose methods are single steps for a signal: a lock or a Future is not.
"""

import signal
from collections.abc import Callable
from contextvars import Context
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from mlp.system.errors import Interrupted

T = TypeVar("T")
START_SECONDS = 1
"""A thread that has not begun to work after this time never will."""


class Waiter:
    """The thread that waits for the work, as the work sees it."""

    def __init__(self) -> None:
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._has_begun = Event()
        self._is_interrupted = Event()
        self._is_gone = Event()

    def __repr__(self) -> str:
        return f"Waiter({'interrupted' if self._is_interrupted.is_set() else 'waiting'})"

    def check(self) -> None:
        """Raises Interrupted if the thread was interrupted."""
        if self._is_interrupted.is_set():
            raise Interrupted(signal.SIGINT)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in the thread, and return or raise what it does.

        Raises Interrupted if the thread is interrupted in it.
        """
        request = _Request(lambda: function(*arguments))
        self._requests.put(request)
        if self._is_gone.is_set():  # else nobody would answer
            raise Interrupted(signal.SIGINT)
        return request.result()  # type: ignore[no-any-return]

    def serve(self) -> None:
        """Answer the work's requests until it ends."""
        while (request := self._requests.get()) is not None:
            try:
                request.answer()
            except BaseException:
                request.refuse()
                raise

    def leave(self) -> None:
        """Wait no longer: refuse all requests."""
        self._is_interrupted.set()
        self._is_gone.set()
        while True:
            try:
                request = self._requests.get_nowait()
            except Empty:
                return
            if request is not None:
                request.refuse()


class _Request:
    """A function to call; its first answer counts."""

    def __init__(self, function: Callable[[], Any]):
        self._function = function
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def answer(self) -> None:
        """Call the function. Raises what is no Exception, such as KeyboardInterrupt."""
        try:
            value, error = self._function(), None
        except Exception as raised:
            value, error = None, raised
        self._answers.put((value, error))

    def refuse(self) -> None:
        self._answers.put((None, Interrupted(signal.SIGINT)))

    def result(self) -> Any:
        value, error = self._answers.get()
        if error is not None:
            raise error
        return value


def run(work: Callable[[Waiter], T]) -> T:
    """The result of ``work``, which gets this thread as a Waiter and must check it often.

    Raises what the work raises. If this thread is interrupted, raises that KeyboardInterrupt once the work has stopped.
    If it is interrupted a second time, it does not wait any longer: the work stops by itself.
    """
    waiter, results, errors = Waiter(), list[T](), list[BaseException]()

    def body() -> None:
        waiter._has_begun.set()
        try:
            waiter.check()
            results.append(Context().run(work, waiter))  # NumPy's error state, too, is as in a new program
        except BaseException as error:
            errors.append(error)
        finally:
            waiter._requests.put(None)

    thread = Thread(target=body)
    try:
        stop = _wait(thread, waiter)
    except BaseException:
        waiter.leave()
        raise
    thread.join()
    if errors and not (stop and isinstance(errors[0], Interrupted)):
        raise errors[0] from stop
    if stop:
        raise stop.with_traceback(None)  # how the wait works is of no interest
    return results[0]


def _wait(thread: Thread, waiter: Waiter) -> BaseException | None:
    """Start the work and wait for its end. Returns what interrupted the wait, if anything did."""
    try:
        thread.start()
        waiter.serve()
    except BaseException as stop:
        waiter._is_interrupted.set()
        if not waiter._has_begun.wait(START_SECONDS):  # interrupted before it started, or no thread is left
            raise
        waiter.serve()
        return stop
    return None
