"""Starts the worker. Must be called before anything else has imported sockets: eventlet replaces them."""

from __future__ import annotations

import os
import signal
import sys
import warnings

__all__ = ["launch"]


def launch(argv: list[str]) -> int:
    """Run the worker of the service that `argv` names as `module:SERVICE` until a signal stops it."""
    # As in onegrid_kit.main, which kept SIGTERM back for this process.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    # psycopg would block the hub in its own wait function, and reads this on import.
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    with warnings.catch_warnings():
        # It is being retired, as we know: this package is all that has to change then.
        warnings.simplefilter("ignore")
        import eventlet

    eventlet.monkey_patch()
    from onegrid_kit.amqp import require_broker
    from onegrid_kit.service import load
    from onegrid_kit.settings import SettingsError
    from onegrid_kit.settings import load as load_settings
    from onegrid_kit.worker import consumer

    service = load(argv[0])
    try:
        settings = load_settings(service.settings)
        require_broker(settings)
        return consumer.run(service, settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
