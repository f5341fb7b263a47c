"""Starts backlogd for the programs in this directory, on a port of the system's choice.

    python server.py COMMAND [ARGUMENT ...]

runs a command beside a fresh server whose port is in BACKLOGD_PORT, and ends as the command does.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ["BACKLOGD_PROGRAM"]
# How long anything may take before it is given up on.
PATIENCE = 60


def wait_until(what, reached, patience=PATIENCE):
    """Asks again and again; no event crosses the border between two processes."""
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not reached within {patience} s: {what}")
        time.sleep(0.02)


class Server:
    """A backlogd with a directory of its own, both gone with the context."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="backlogd-clients-")
        self.home = pathlib.Path(self.directory.name)
        self.log = (self.home / "server.log").open("ab")
        self.port = 0
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.kill()
        self.log.close()
        if kind is not None:
            tail = (self.home / "server.log").read_text(errors="replace").splitlines()[-20:]
            print("last output of the server:", *tail, sep="\n", file=sys.stderr)
        self.directory.cleanup()

    def start(self):
        """Starts it, on the port it had before if it had one."""
        address = self.home / "address"
        address.unlink(missing_ok=True)
        data = self.home / "data"
        data.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [PROGRAM, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(data),
             "--backlog-address-file", str(address), "--appendfsync", "everysec"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until("the server listens", lambda: self._listens(address))
        self.port = int(address.read_text().strip().rpartition(":")[2])

    def _listens(self, address):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}")
        return address.exists() and address.read_text().endswith("\n")

    def kill(self):
        """Ends it as `kill -9` does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def main():
    with Server() as server:
        environment = {**os.environ, "BACKLOGD_PORT": str(server.port)}
        status = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
