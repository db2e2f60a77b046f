"""The command line: each step of the workflow is one command, and so can be run and tried alone."""

import argparse
import errno
import logging
import os
import sys
import warnings
from pathlib import Path

from bnnbench.base import lifetime
from bnnbench.commands import new, results, steps
from bnnbench.study.config import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake of the user's ends in one line that names place and remedy, and exit code 2."""
    if arguments is None:  # this process is the command, and may be a job of a run
        lifetime.end_when_told()
        lifetime.end_with_run()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has enough, such as head
        return 141
    except OSError as error:
        code = _refused(f"{error}{_remedy(error)}: then run the same again, it goes on from here")
        if arguments is None:
            _close_output()
            os._exit(code)  # HDF5 crashes at a regular exit where it could not write
        return code
    finally:
        _close_output()


def _run(arguments: list[str] | None) -> int:
    options = _parser().parse_args(arguments)
    _set_up_logging(options.log)
    try:
        return options.run(options) or 0
    except (ConfigError, ValueError, FileNotFoundError) as error:
        return _refused(str(error))


def _refused(message: str) -> int:
    log = logging.getLogger("bnnbench")
    log.error("error: %s", message)
    log.debug("traceback", exc_info=True)
    return 2


def _remedy(error: OSError) -> str:
    """What to do about what the system refuses; libraries hand its number on in their messages only."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if error.errno in full or any(os.strerror(number) in str(error) for number in full):
        return "; make room on the disk that holds the results"
    return "; see to what the message names"


def _close_output() -> None:
    """Write what is left to write while the error of a reader that is gone can still be caught."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bnnbench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, *extra: str, **flags):
        sub = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        sub.add_argument("--config", default="config/config.yaml", help="run config (default: %(default)s)")
        sub.add_argument("--log", help="also write messages to this file")
        for name in extra:
            sub.add_argument(f"--{name}", required=True)
        for name, settings in flags.items():
            sub.add_argument(f"--{name}", **settings)
        sub.set_defaults(run=run)
        return sub

    command(results.plan, summary={"action": "store_true", "help": "totals, time and disk instead of every cell"})
    go_on = {"action": "store_true", "help": "of a failure, leave a note for the steps that follow, and no exit code"}
    command(steps.dataset, "dataset", "output", study={"help": "kept for the log"}, **{"go-on": go_on})
    threads = {"type": int, "default": 1}
    _add_shards(command(steps.train, threads=threads), "SHARD.nc in results/shards")
    _add_shards(command(steps.evaluate), "SHARD.parquet in results/metrics")
    command(steps.controls, "dataset", "output")
    _add_shards(command(steps.probe, threads=threads), "SHARD.parquet in results/probes")
    command(steps.gather)
    command(steps.claims)
    command(steps.notebook, "study", **{"go-on": go_on})
    command(steps.report)
    command(results.check)
    command(
        results.verify, repair={"action": "store_true", "help": "remove what is damaged or stale, for the next run"}
    )
    command(results.retry)
    command(results.show, "cell")
    new.add(commands)
    return parser


def _add_shards(command: argparse.ArgumentParser, usual: str) -> None:
    """Let a command take one shard, or the name of a batch of them."""
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--shard", help="one shard")
    which.add_argument("--batch", help="the shards that share a job of the workflow, by its name")
    command.add_argument("--output", help=f"of one shard: where to write (default: {usual})")


def _set_up_logging(path: str | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)
    logging.getLogger("arviz").setLevel(logging.WARNING)  # it tells what it has not got
    warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")  # of no use to networks so small


if __name__ == "__main__":
    sys.exit(main())
