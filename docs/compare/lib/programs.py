"""The programs: how each is built and started, and what only its operator can do."""
import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from .browser import Browser

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
SECRET = "only for this comparison, and therefore not secret at all"


@dataclass
class Site:
    port: int
    database: Path
    program: "Program"

    def browser(self):
        return Browser(self.port)

    @contextlib.contextmanager
    def sql(self):
        connection = sqlite3.connect(self.database, timeout=30)
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()

    def grant(self, name):
        """The permission to see the members' page."""
        with self.sql() as connection:
            assert connection.execute(self.program.grant, (name,)).rowcount == 1

    def stored(self):
        """The bytes of the database, as a copy of it has them."""
        return b"".join(path.read_bytes() for path in self.database.parent.glob(self.database.name + "*"))


@dataclass
class Program:
    name: str
    title: str
    grant: str
    sessions: str
    command: list = field(default_factory=list)
    setup: list = field(default_factory=list)

    @contextlib.contextmanager
    def run(self, place):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        site = Site(port, place / "site.db", self)
        environment = {**os.environ, "ADDRESS": f"127.0.0.1:{port}", "DATABASE": str(site.database), "SECRET": SECRET}
        with open(place / "log", "wb") as log:
            options = {"cwd": HERE / self.name, "env": environment, "stdout": log, "stderr": log}
            if self.setup:
                subprocess.run(self.setup, check=True, **options)
            address = [f"127.0.0.1:{port}"] if self.setup else []
            process = subprocess.Popen(self.command + address, **options)
            try:
                wait(site, process, place / "log")
                yield site
            finally:
                process.terminate()
                process.wait()


def wait(site, process, log):
    """Until it answers."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            site.browser().get("/")
            return
        time.sleep(0.02)
    sys.exit(f"{site.program.name} does not answer: {log.read_text()}")


OURS = {
    "grant": "INSERT INTO auth_user_permissions (user_id, permission)"
    " SELECT id, 'members' FROM auth_users WHERE username = ?",
    "sessions": "auth_sessions",
}
PROGRAMS = [
    Program("ours-axum", "ours, axum", **OURS),
    Program("ours-actix", "ours, actix-web", **OURS),
    Program(
        "axum-login",
        "axum-login",
        grant="INSERT INTO users_permissions SELECT id, 'members' FROM users WHERE username = ?",
        sessions="tower_sessions",
    ),
    Program(
        "django",
        "Django",
        grant="INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT u.id, p.id"
        " FROM auth_user u, auth_permission p WHERE u.username = ? AND p.codename = 'members'",
        sessions="django_session",
    ),
]


def prepare(programs, target):
    """Builds them, below `target`."""
    for program in programs:
        if program.name == "django":
            python = target / "django" / "bin" / "python"
            if not python.exists():
                subprocess.run([sys.executable, "-m", "venv", target / "django"], check=True)
            requirements = HERE / "django" / "requirements.txt"
            subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
            program.setup = [python, "-B", "manage.py", "migrate", "--verbosity", "0"]
            program.command = [python, "-B", "manage.py", "runserver", "--noreload"]
            continue
        if program.name.startswith("ours-"):
            # The versions that all else is tested with.
            shutil.copy(ROOT / "Cargo.lock", HERE / program.name)
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
        subprocess.run(["cargo", "build", "--quiet"], cwd=HERE / program.name, env=environment, check=True)
        program.command = [target / "debug" / f"compare-{program.name}"]
