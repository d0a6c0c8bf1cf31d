"""Questions about the web server's port."""

from __future__ import annotations

import errno
import http.client
import socket

HOST = "127.0.0.1"


def port_problem(port: int) -> str:
    """Why the port cannot be used, as a sentence; empty when it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"Port {port} is in use by another program. "
                    f"End that one, or take another port: make run PORT={port + 1}"
                )
            return f"Port {port} cannot be used: {error.strerror}."
        except OverflowError:
            return f"Port {port} does not exist: ports go up to 65535."
    return ""


def answers(port: int) -> bool:
    """Whether a web server answers there; what it says is not asked."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
