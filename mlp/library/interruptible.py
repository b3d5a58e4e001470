"""Long work that KeyboardInterrupt cannot break off half done, although no signal handler is changed.

Python raises KeyboardInterrupt in the main thread, between any two instructions. So the work runs in a thread of its
own while the caller's thread waits. If the wait is interrupted, the work is asked to stop at a good place.

The waiting thread may be interrupted even between taking something out of a queue and keeping it. So what it has to
do is in attributes, which stay; SimpleQueue, whose methods are single steps for a signal, only wakes it.
"""

import signal
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from mlp.system.errors import Interrupted

T = TypeVar("T")
START_SECONDS = 1
"""A thread that has not begun to work after this time never will."""


class Waiter:
    """The thread that waits for the work, as the work sees it."""

    def __init__(self) -> None:
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._request: _Request | None = None
        self._has_ended = False
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
        request = self._request = _Request(lambda: function(*arguments))
        self._wakes.put(None)
        if self._is_gone.is_set():  # else nobody would answer
            raise Interrupted(signal.SIGINT)
        return request.result()  # type: ignore[no-any-return]

    def end(self) -> None:
        """The work has ended."""
        self._has_ended = True
        self._wakes.put(None)

    def serve(self) -> None:
        """Answer the work's requests until it ends; after an interruption once more."""
        if self._request is not None and self._request.is_taken:
            self._request.refuse()  # the interruption may have come before the answer
        while True:
            if self._request is not None and not self._request.is_taken:
                self._request.answer()
            if self._has_ended:
                return
            self._wakes.get()

    def leave(self) -> None:
        """Wait no longer: refuse all requests."""
        self._is_interrupted.set()
        self._is_gone.set()
        if self._request is not None:
            self._request.refuse()


class _Request:
    """A function to call; its first answer counts."""

    def __init__(self, function: Callable[[], Any]):
        self.is_taken = False
        self._function = function
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def answer(self) -> None:
        """Call the function, once. Raises what is no Exception, such as KeyboardInterrupt."""
        self.is_taken = True
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
            waiter.end()

    thread = Thread(target=body)
    try:
        stop = _wait(thread, waiter)
    except BaseException:
        waiter.leave()
        raise
    thread.join()
    if errors and stop is None:
        raise errors[0]  # with its own cause
    if errors and not isinstance(errors[0], Interrupted):
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
