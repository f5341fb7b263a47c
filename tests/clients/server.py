"""Starts servers for the programs in this directory, on ports of the system's choice.

    python server.py [--servers COUNT] COMMAND [ARGUMENT ...]

runs a command beside fresh servers whose ports are in BACKLOGD_PORTS, with the first of them in
BACKLOGD_PORT, and ends as the command does. A line `kill N` or `start N` that the command prints
has that done to server N, counted from zero, and is answered with a line `done`.

BACKLOGD_PROGRAM may be a redis-server or valkey-server too: what a program here asks of backlogd
has to hold there as well. It then keeps an append-only file.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.environ["BACKLOGD_PROGRAM"]
STOCK = not os.path.basename(PROGRAM).startswith("backlogd")
# How long anything may take before it is given up on, and how long a program as a whole.
PATIENCE = 60
PROGRAM_PATIENCE = 300


def wait_until(what, reached, patience=PATIENCE):
    """Asks again and again; no event crosses the border between two processes."""
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not reached within {patience} s: {what}")
        time.sleep(0.02)


def free_port():
    """A port that nobody listens on, for those who cannot tell which one they took."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """A server with a directory of its own, both gone with the context."""

    def __init__(self, *directives):
        self.directives = directives

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="backlogd-clients-")
        self.home = pathlib.Path(self.directory.name)
        self.log = (self.home / "server.log").open("ab")
        self.port = free_port() if STOCK else 0
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
        own = ["--backlog-address-file", str(address)]
        if STOCK:
            own = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0"]
        self.process = subprocess.Popen(
            [PROGRAM, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(data),
             *own, "--appendfsync", "everysec", *self.directives],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until("the server listens", lambda: self._listens(address))
        if not STOCK:
            self.port = int(address.read_text().strip().rpartition(":")[2])

    def _listens(self, address):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}")
        if not STOCK:
            return address.exists() and address.read_text().endswith("\n")
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def kill(self):
        """Ends it as `kill -9` does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def crash(self):
        """Ends it so, and starts it again in place."""
        self.kill()
        self.start()


@contextlib.contextmanager
def several(count, *directives):
    """So many servers, with those directives each."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server(*directives)) for _ in range(count)]


def run(command, servers, **environment):
    """Runs a command beside the servers, does to them what it asks for, and returns its status."""
    ports = [str(server.port) for server in servers]
    environment = {**os.environ, "BACKLOGD_PORT": ports[0], "BACKLOGD_PORTS": ",".join(ports),
                   **environment}
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    limit = threading.Timer(PROGRAM_PATIENCE, child.kill)
    limit.start()
    try:
        for line in child.stdout:
            verb, _, number = line.strip().partition(" ")
            if verb in ("kill", "start") and number.isdigit():
                getattr(servers[int(number)], verb)()
                child.stdin.write("done\n")
                child.stdin.flush()
            else:
                print(line, end="", flush=True)
        return child.wait()
    finally:
        limit.cancel()
        child.kill()
        child.wait()


def main():
    command, count = sys.argv[1:], 1
    if command[0] == "--servers":
        count, command = int(command[1]), command[2:]
    with several(count) as servers:
        status = run(command, servers)
    sys.exit(status)


if __name__ == "__main__":
    main()
