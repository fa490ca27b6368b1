"""``mer tensorboard``: TensorBoard on one run or several, the pooled logs first."""

from __future__ import annotations

import contextlib
import logging
import shlex
import tempfile
import time

from mer_tf.console import Console, default_log, fill, quiet, setup_logging
from mer_tf.errors import BadInputError, ConfigError, PortInUseError

HOST = "127.0.0.1"  # logs show faces' motion and names of files: they are not for the network
_UPDATE_EVERY = 5.0  # seconds
_LISTED = 30  # runs that are named
_NAMED = 3  # unfinished ones that are
_HIGHEST_PORT = 65535


def add(verbs) -> None:
    parser = verbs.add_parser(
        "tensorboard",
        help="curves, confusion matrices, inputs, clips as points and compared settings of runs, in a browser",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="folder of a run or of a sweep, or one that has runs in it (what --out was given)",
    )
    parser.add_argument(
        "--folds",
        default="",
        metavar="NAME,NAME",
        help="also the curves of these folds, each a name or a pattern such as 'casme2/*'; 'all' for every fold "
        "(default: none, but all of a run that is not finished)",
    )
    parser.add_argument("--port", type=int, help="0 picks a free one (default: 6006, or the next that is free)")
    parser.add_argument("--open", action="store_true", help="also open the page in this machine's browser")
    parser.add_argument(
        "--view",
        metavar="DIR",
        help="start nothing: make the folder of links that TensorBoard is to be given as --logdir, and end",
    )
    parser.set_defaults(run=run)


def run(arguments) -> int:
    folds = [name.strip() for name in arguments.folds.split(",") if name.strip()]
    if arguments.port is not None and not 0 <= arguments.port <= _HIGHEST_PORT:
        raise ConfigError(f"--port must lie in 0..{_HIGHEST_PORT}. Received: {arguments.port}")
    if arguments.view is not None and (arguments.open or arguments.port is not None):
        raise ConfigError("--view starts nothing; leave --open and --port out")
    with contextlib.ExitStack() as stack:
        console = stack.enter_context(quiet(default_log("tensorboard")))
        setup_logging(logging.WARNING)  # not a line for each request
        tensorboard = _tensorboard()
        from mer_tf.board.view import View, find_runs

        folder = arguments.view or stack.enter_context(tempfile.TemporaryDirectory(prefix="mer-tensorboard-"))
        view = View(find_runs(arguments.runs), folder, folds)
        view.update()
        _tell(console, view)
        if arguments.view is not None:
            console.result(f"tensorboard --logdir {shlex.quote(arguments.view)} --host {HOST}")
            return 0
        address = _start(tensorboard, folder, arguments.port)
        address += "#custom_scalars" if view.has_pooled else ""  # the tab with the mean over folds and its band
        console.result(f"{address} (Ctrl-C ends it)")
        if arguments.open:
            import webbrowser

            if not webbrowser.open(address):
                console.note("no browser could be opened here; go to the address above")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(_UPDATE_EVERY)
                with contextlib.suppress(OSError):  # a folder may go at any time
                    view.update()
    return 0


def _tell(console: Console, view) -> None:
    names = [run.name for run in view.runs]
    if len(names) > 1:
        console.result(f"{len(names)} runs:")
    for name in names[:_LISTED]:
        console.result(name)
    if len(names) > _LISTED:
        console.result(f"and {len(names) - _LISTED} more")
    unfinished = view.unfinished
    if unfinished:
        more = f" and {len(unfinished) - _NAMED} more" if unfinished[_NAMED:] else ""
        named = ", ".join(unfinished[:_NAMED]) + more
        console.note(fill(f"note: not finished: {named}; the folds are shown until there are logs of the whole run"))
    if view.left_out:
        console.result(f"folds not listed: {view.left_out}; '--folds all' or '--folds NAME,NAME' shows them too")


def _tensorboard():
    """TensorBoard's module that starts it; an error for a person where something is missing."""
    try:
        return _load()
    except ImportError as error:
        package = (getattr(error, "name", "") or "tensorboard").partition(".")[0]
        install = "'setuptools<81'" if package == "pkg_resources" else package
        raise BadInputError(
            f"TensorBoard cannot be loaded, as package {package!r} is missing ({error}); install it: "
            f"pip install {install}"
        ) from error


def _load():
    from tensorboard import default, program  # noqa: F401, the plugins show what they lack only here

    return program


def _start(program, folder: str, port: int | None) -> str:
    """Starts the server in a thread and gives its address."""
    server = program.TensorBoard()
    words = ["tensorboard", "--logdir", folder, "--host", HOST, "--reload_interval", str(int(_UPDATE_EVERY))]
    server.configure(argv=[*words, *(["--port", str(port)] if port is not None else [])])
    try:
        return server.launch()
    except program.TensorBoardPortInUseError as error:
        which = f"port {port} of {HOST} is" if port is not None else "port 6006 and those after it are"
        raise PortInUseError(f"{which} in use; give another with --port, or 0 for a free one") from error
    except program.TensorBoardServerException as error:
        raise BadInputError(f"TensorBoard cannot be started: {error.msg}; give another --port") from error
