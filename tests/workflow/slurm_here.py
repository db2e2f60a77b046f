"""A Slurm of one node on this machine, for as long as a test needs it."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

CONFIG = Path("/etc/slurm/slurm.conf")
"""Where Slurm looks: the variable SLURM_CONF does not reach jobs."""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
PR_SET_PDEATHSIG = 1  # of Linux
PATH = os.pathsep.join([*os.get_exec_path(), "/usr/sbin", "/sbin"])

MARK = "# Written by the tests of bnnbench, which remove it."
SETTINGS = (
    MARK
    + """
ClusterName=bnnbench-test
SlurmctldHost={host}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=100000,sched_interval=5,bf_interval=5
ReturnToService=2
MinJobAge=3600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=100000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
)


def obstacle() -> str:
    """Why there can be no Slurm of the tests' own on this machine, or ""."""
    if os.getuid() != 0:
        return "Slurm's daemons are started by root"
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=PATH)]:
        return f"no {missing[0]} on this machine: apt-get install slurm-wlm munge"
    if not find_spec("snakemake_executor_plugin_slurm"):
        return "Snakemake's plugin for Slurm is not installed: pip install snakemake-executor-plugin-slurm"
    if _running("slurmctld") or _running("slurmd") or (CONFIG.exists() and not _ours()):
        return "this machine has a Slurm, which is not to be disturbed"
    return ""


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Munge and Slurm with all their files in `folder`; gone afterwards, jobs included, whatever happened.

    Raises RuntimeError, with the daemons' logs, where the node is not ready within half a minute.
    """
    host = socket.gethostname().split(".")[0]
    ports = dict(zip(("controller_port", "node_port"), _free_ports(2), strict=True))
    settings = SETTINGS.format(folder=folder, host=host, cores=os.cpu_count(), **ports)
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    with ExitStack() as running:
        _write_config(settings, running)
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder}/munge.{ending}" for option, ending in files.items()]
        _start(["munged", "--foreground", "--force", *options], folder, running)
        _wait(lambda: (folder / "munge.socket").exists(), folder)
        _start(["slurmctld", "-D", "-i"], folder, running)
        _start(["slurmd", "-D", "-N", host], folder, running)
        _wait(lambda: "idle" in _answer("sinfo", "-h", "-o", "%T"), folder)
        running.callback(_end_jobs)
        yield


def _write_config(text: str, running: ExitStack) -> None:
    if _ours():  # of tests that were killed
        CONFIG.unlink()
    made = not CONFIG.parent.is_dir()
    CONFIG.parent.mkdir(exist_ok=True)
    with CONFIG.open("x", encoding="utf-8") as file:  # never in place of another
        running.callback(lambda: shutil.rmtree(CONFIG.parent) if made else CONFIG.unlink())
        file.write(text)


def _ours() -> bool:
    return CONFIG.is_file() and CONFIG.read_text(encoding="utf-8").startswith(MARK)


def _start(command: list[str], folder: Path, running: ExitStack) -> None:
    with (folder / f"{command[0]}.out").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | {"PATH": PATH}, preexec_fn=_end_with_parent
        )
    running.callback(_stop, process)


def _end_with_parent() -> None:
    """Let the process that begins here be terminated when the tests are, in whatever way."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_jobs() -> None:
    _answer("scancel", "--full", "--user", "root")
    deadline = time.monotonic() + 30
    while _answer("squeue", "-h", "-t", "running,completing").strip() and time.monotonic() < deadline:
        time.sleep(0.3)


def _answer(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": PATH}, timeout=60)
    return done.stdout


def _wait(ready, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        if time.monotonic() > deadline:
            logs = sorted([*folder.glob("*.out"), *folder.glob("*.log")])
            raise RuntimeError("\n".join(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in logs))
        time.sleep(0.2)


def _running(program: str) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if (process / "comm").read_text().strip() == program and (process / "cmdline").read_bytes():
                return True
    return False


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
