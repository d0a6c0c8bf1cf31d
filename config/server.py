"""The web server's worker: gunicorn's threads, which do not wait for ever on a client.

A few clients that open a request and never finish it would otherwise hold every thread. The limit
is from one received piece to the next; a proxy that buffers requests in front is still the better
protection, see docs/deployment.md.
"""

import socket
import struct

from gunicorn.workers.gthread import TConn, ThreadWorker

READ_SECONDS = 10
_TIMEVAL = struct.pack("ll", READ_SECONDS, 0)


class PatientThreadWorker(ThreadWorker):
    """gthread, with a limit on every wait for a client's bytes."""

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread, with the limit set in the kernel.

        gunicorn makes the socket blocking again for each request, which undoes a timeout of
        Python's; the kernel's own one stays.
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL)
        super().enqueue_req(conn)
