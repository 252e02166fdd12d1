"""A RabbitMQ node of our own, on free ports, from the programs that the system's packages installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

import amqp

from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_ports

__all__ = ["RabbitServer"]

_PROGRAMS: Final = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/sbin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
)

_CONFIG: Final = """\
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users.guest = true
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
raft.wal_max_size_bytes = 16777216
log.console = true
log.console.level = warning
log.file = false
"""
_METRICS: Final = """\
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {port}
prometheus.return_per_object_metrics = true
"""
_MQTT: Final = """\
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
mqtt.allow_anonymous = false
"""
_TLS: Final = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
"""


class RabbitServer:
    """One node; its data goes with it at `close`, not at `stop` or `kill`.

    Start it from the main thread: Linux stops the node when the thread that started it ends.
    """

    def __init__(
        self, *, metrics: bool = False, mqtt: bool = False, certificate: tuple[str, str, str] | None = None
    ) -> None:
        """`metrics`: export the metrics of its queues to Prometheus. `mqtt`: accept clients of MQTT. `certificate`: the
        files of an authority, a certificate and its key, to speak TLS on a port besides.
        """
        self._program = next((p for p in _PROGRAMS if os.access(p, os.X_OK)), None)
        self._home = Path(tempfile.mkdtemp(prefix="onegrid-rabbitmq-"))
        self._port, self._distribution, self._mapper, self.metrics_port, self.mqtt_port, self.tls_port = free_ports(6)
        plugins = {
            "rabbitmq_prometheus": _METRICS.format(port=self.metrics_port) if metrics else "",
            "rabbitmq_mqtt": _MQTT.format(port=self.mqtt_port) if mqtt else "",
        }
        self._plugins = f"[{','.join(name for name, config in plugins.items() if config)}]."
        self._config = _CONFIG.format(port=self._port) + "".join(plugins.values())
        if certificate:
            files = dict(zip(("authority", "certificate", "key"), certificate, strict=True))
            self._config += _TLS.format(port=self.tls_port, **files)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`amqp://…`; the same over restarts."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    @property
    def administration(self) -> dict[str, str]:
        """The environment in which `rabbitmqctl` finds the node."""
        names = ("HOME", "RABBITMQ_NODENAME", "RABBITMQ_CONF_ENV_FILE", "ERL_EPMD_PORT", "ERL_EPMD_ADDRESS")
        environment = self._environment(self._home / "rabbitmq.conf")
        return {name: environment[name] for name in names}

    def start(self, patience_s: float = 600) -> None:
        """Start the node and return once it accepts clients."""
        if self._program is None:
            raise FileNotFoundError("RabbitMQ is not installed: as root, apt-get install rabbitmq-server")
        config = self._home / "rabbitmq.conf"
        config.write_text(self._config)
        (self._home / "plugins").write_text(self._plugins)
        log = (self._home / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                lent([self._program], stop_with_us=signal.SIGTERM),
                env=self._environment(config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                start_new_session=True,
            )
        deadline = time.monotonic() + patience_s
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                output = (self._home / "log").read_text(errors="replace")[-3000:]
                self._end()
                raise RuntimeError(f"RabbitMQ did not start:\n{output}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the node as `kill -9` does."""
        # It writes down late which quorum queues there are. One that was declared or deleted just before is not found
        # again, nor is a later one of the same name.
        if self._process is not None:
            self.control("eval", "mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].")
        self._end()

    def restart(self) -> None:
        """Kill it and start it again with what it had stored."""
        self.kill()
        self.start()

    def control(self, *command: str) -> None:
        """Have `rabbitmqctl` do something. Raises CalledProcessError."""
        program = Path(self._program or "").with_name("rabbitmqctl")
        environment = {**os.environ, **self.administration}
        subprocess.run([program, "-q", *command], env=environment, check=True, capture_output=True)

    def close(self) -> None:
        """End the node and remove its data. Nothing in it is needed again, so it is not asked to wind up."""
        self._end()
        epmd = shutil.which("epmd")
        if epmd:
            # The port mapper that Erlang started for this node alone.
            subprocess.run([epmd, "-port", str(self._mapper), "-kill"], capture_output=True, check=False, timeout=10)
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> None:
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
            while _signal_group(self._process.pid, signal.SIGKILL):
                time.sleep(0.01)
            self._process = None

    def _environment(self, config: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "HOME": str(self._home),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": f"onegrid{self._port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": str(self._home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._home / "data"),
            "RABBITMQ_LOG_BASE": str(self._home),
            "RABBITMQ_PID_FILE": str(self._home / "pid"),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Two cores are shared with what is tested: schedulers that wait must not spin.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _accepts(self) -> bool:
        try:
            with amqp.Connection(f"127.0.0.1:{self._port}", connect_timeout=5):
                return True
        except (OSError, amqp.AMQPError):
            return False


def _signal_group(group: int, request: signal.Signals) -> bool:
    """Whether there was a process to signal."""
    try:
        os.killpg(group, request)
    except ProcessLookupError:
        return False
    return True
