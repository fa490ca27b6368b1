"""Worker processes that are watched: none is waited for in vain, and none outlives the process that started it.

``concurrent.futures.ProcessPoolExecutor`` hangs where a process is killed while a large task is on its way to it
(CPython issue 94777), and does not say whose task it was. Here each process has a pipe and a thread of its own: the
death of a process ends exactly its task, which is tried once more with no other task beside it, since memory may
suffice for one where it did not for all.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import queue
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator

from mer_tf.console import announce, hearing
from mer_tf.errors import MerError, ProcessEndedError

# Spawned: a forked child of a process with TensorFlow's threads may hang.
_CONTEXT = multiprocessing.get_context("spawn")
_CHILDREN = threading.Lock()  # of two threads that ask at once how a child ended, one would not be told
_READY, _NEWS, _DONE, _FAILED = range(4)
_NEWS_INTERVAL = 0.2  # seconds; more often would cost more than a person can see

_log = logging.getLogger(__name__)


class Processes:
    """A few worker processes; a context manager that ends them.

    What a task tells with ``mer_tf.console.announce`` is told again in this process. A process that was not asked to
    ends itself when this one is gone, however that came about. Ctrl-C reaches this process alone.

    Args:
        count: Number of processes; they start at once, side by side with the caller.
        opener: Called with ``arguments`` in each process before its first task; what it raises is the outcome of every
            task there. Found by its name in the process, like every function here.
        *arguments: See ``opener``.
    """

    def __init__(self, count: int, opener: Callable | None = None, *arguments):
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._turns = threading.Condition()
        self._busy = 0  # tasks under way
        self._alone = 0  # tasks that are to be, or are being, tried without another beside them
        self._closed = False
        self._workers = [_Worker(opener, arguments) for _ in range(count)]
        # Daemons, so that a caller who forgets to close does not wait for them at its end.
        self._threads = [threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in self._workers]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def submit(self, function: Callable, *arguments) -> concurrent.futures.Future:
        """Gives a task to the next free process.

        Returns:
            Its result, or what it raised; ``ProcessEndedError`` where the process was killed twice.
        """
        future: concurrent.futures.Future = concurrent.futures.Future()
        self._tasks.put((future, function, arguments))
        return future

    def close(self) -> None:
        """Ends the processes, also in the midst of a task, and forgets the tasks that wait."""
        with self._turns:
            self._closed = True
            self._turns.notify_all()
        with contextlib.suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()[0].cancel()
        for worker in self._workers:
            worker.close()
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: _Worker) -> None:
        _keep_from_ctrl_c()
        with contextlib.suppress(MerError):  # shows again with the first task, and is its outcome
            with self._turn():
                worker.start()
        while (task := self._tasks.get()) is not None:
            future, function, arguments = task
            if future.set_running_or_notify_cancel():
                try:
                    result = self._work(worker, function, arguments)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del task, future, function, arguments  # a thread that waits must not keep what was large
        worker.stop()

    def _work(self, worker: _Worker, function: Callable, arguments: tuple):
        try:
            with self._turn():
                return worker.run(function, arguments)
        except ProcessEndedError as error:
            if self._closed:
                raise
            _log.warning("%s; its task is tried once more, alone", error)
        with self._turn(alone=True):
            for other in self._workers:
                other.stop()  # what they hold in memory is free for this task
            return worker.run(function, arguments)

    @contextlib.contextmanager
    def _turn(self, *, alone: bool = False) -> Iterator[None]:
        """Waits until a task may begin: beside others unless one is to be alone, or alone."""
        with self._turns:
            self._alone += alone
            self._turns.wait_for(lambda: self._closed or not (self._busy if alone else self._alone))
            self._busy += 1
        try:
            if self._closed:
                raise ProcessEndedError("the processes were ended before the task was done")
            yield
        finally:
            with self._turns:
                self._busy -= 1
                self._alone -= alone
                self._turns.notify_all()


class _Worker:
    """One process and the pipe to it; started again where it has ended. Used by one thread, but for ``close``."""

    def __init__(self, opener: Callable | None, arguments: tuple):
        self._opening = (opener, arguments)
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: multiprocessing.connection.Connection | None = None
        self._ready = False
        self._closed = False
        self._lock = threading.Lock()  # between starting and closing

    def start(self) -> None:
        """Starts the process, if it does not run; it opens while the caller goes on.

        Raises:
            MerError: The system gives no further process.
        """
        with self._lock:
            if self._process is not None:
                return
            if self._closed:
                raise ProcessEndedError("the processes were ended before the task was done")
            self._pipe, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=_main, args=(theirs,), daemon=True)
            try:
                with _CHILDREN:
                    process.start()
            except OSError as error:
                raise MerError(
                    f"a worker process cannot be started ({error.strerror or error}); run again with fewer workers"
                ) from error
            finally:
                theirs.close()
            self._process, self._ready = process, False
        with contextlib.suppress(OSError):  # a process that has ended already is noticed by its first task
            self._pipe.send(self._opening)

    def run(self, function: Callable, arguments: tuple):
        """The result of ``function(*arguments)`` in the process.

        Raises:
            ProcessEndedError: The process ended before it was done.
            MerError: It could not even begin.
            Exception: What the function raised.
        """
        self.start()
        pipe = self._pipe
        assert pipe is not None
        told: dict[str, float] = {}
        try:
            pipe.send((function, arguments))
            while True:
                kind, value = pipe.recv()
                if kind == _READY:
                    self._ready = True
                elif kind == _NEWS:
                    what, amount, total = value
                    told[what] = told.get(what, 0.0) + amount
                    announce(what, amount, total)
                else:
                    break
        except (EOFError, OSError) as error:
            for what, amount in told.items():
                announce(what, -amount)  # the next attempt tells it again
            raise self._ended() from error
        if kind == _FAILED:
            failure, text = value
            raise failure from _InProcess(text)
        return value

    def stop(self) -> int | None:
        """Ends the process and returns its exit status (negative: the signal), None where none ran."""
        with self._lock:
            if self._process is None or self._pipe is None:
                return None
            process, pipe = self._process, self._pipe
            self._process = self._pipe = None
        pipe.close()
        process.kill()
        return _status(process)

    def close(self) -> None:
        """Ends the process for good, from any thread: the task under way fails at once."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def _ended(self) -> MerError:
        ready, process = self._ready, self._process
        assert process is not None
        multiprocessing.connection.wait([process.sentinel], 5.0)  # its end of the pipe is closed: it is about to end
        status = self.stop()
        if status is None or status < 0:
            name = "a signal" if status is None else signal.Signals(-status).name
            why = " (as when memory runs out)" if name == "SIGKILL" else ""
            return ProcessEndedError(f"the process at work was killed by {name}{why}")
        if not ready:
            return MerError(f"a worker process ended with status {status} before it could begin; see the log")
        return ProcessEndedError(f"the process at work ended with status {status}")


def _status(process: multiprocessing.process.BaseProcess) -> int | None:
    """Exit status of a process that was killed or has ended; None where something else has asked for it before."""
    for _ in range(2000):
        with _CHILDREN:
            if process.exitcode is not None:
                return process.exitcode
        time.sleep(0.005)
    return None


class _InProcess(Exception):
    """Stands for the place in another process where an error was raised."""

    def __str__(self):
        return f"in a worker process:\n{self.args[0]}"


def _keep_from_ctrl_c() -> None:
    """Blocks SIGINT in this thread, and so from the first instant in the processes that it starts.

    A terminal sends Ctrl-C to every process of the command; the one in front decides what becomes of the others.
    """
    multiprocessing.resource_tracker.ensure_running()  # its start would unblock the signal again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _main(pipe: multiprocessing.connection.Connection) -> None:
    """What a worker process does until its pipe ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    news = _News(pipe)
    with hearing(news.hear):
        failure = None
        try:
            opener, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        except Exception as error:
            failure = (error, traceback.format_exc())
        else:
            if opener is not None:
                kind, value = _outcome(opener, arguments)
                failure = value if kind == _FAILED else None
            del opener, arguments
        news.send(_READY, None)
        while True:
            try:
                function, arguments = pipe.recv()
            except (EOFError, OSError):
                return
            except Exception as error:  # what came cannot be unpickled here
                news.send(_FAILED, (error, traceback.format_exc()))
                continue
            kind, value = (_FAILED, failure) if failure else _outcome(function, arguments)
            del function, arguments
            news.flush()
            try:
                news.send(kind, value)
            except OSError:
                return
            except Exception as error:  # a result or error that cannot be pickled
                news.send(_FAILED, (TypeError(f"{type(error).__name__}: {error}"), traceback.format_exc()))
            del value


def _outcome(function: Callable, arguments: tuple):
    try:
        return _DONE, function(*arguments)
    except Exception as error:
        return _FAILED, (error, traceback.format_exc())


class _News:
    """Sends on what tasks tell, joined to a message now and then."""

    def __init__(self, pipe: multiprocessing.connection.Connection):
        self._pipe = pipe
        self._lock = threading.Lock()
        self._sent = 0.0
        self._held: dict[str, tuple[float, int | None]] = {}

    def hear(self, what: str, amount: float, total: int | None) -> None:
        with self._lock:
            before, known = self._held.get(what, (0.0, None))
            self._held[what] = before + amount, known if total is None else total
        if time.monotonic() - self._sent > _NEWS_INTERVAL:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            held, self._held = self._held, {}
            self._sent = time.monotonic()
        for what, (amount, total) in held.items():
            self.send(_NEWS, (what, amount, total))

    def send(self, kind: int, value) -> None:
        with self._lock:
            self._pipe.send((kind, value))


def _end_with_parent() -> None:
    """Ends this process when its parent is gone: the other end of a pipe that only the parent holds is closed then."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def mark() -> dict:
    """What tells this process from every other: to be kept in a file, for ``is_running``."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_running(found: dict) -> bool | None:
    """Whether the process of that ``mark`` still runs; None where that cannot be told from this machine."""
    if found.get("host") != socket.gethostname() or not isinstance(found.get("pid"), int):
        return None
    try:
        os.kill(found["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's, but there
    return _started(found["pid"]) == found.get("started")


def _started(pid: int) -> str | None:
    """When a process was started, in units of the system; its number alone comes again. None without /proc."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
