"""A cable that can be cut: a TCP relay on loopback that stops forwarding, and goes on when it is mended."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Forwards connections to a port. While it is cut, bytes and new connections wait; none is lost, none is reset."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._whole = threading.Event()
        self._whole.set()
        self._ended = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._ended = True
        self.mend()
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def cut(self, seconds: float) -> None:
        """Cut the cable; it mends itself after so many seconds."""
        self._whole.clear()
        timer = threading.Timer(seconds, self.mend)
        timer.daemon = True
        timer.start()

    def mend(self) -> None:
        self._whole.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._ended:
                near, _ = self._listener.accept()
                self._sockets.append(near)
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._whole.wait()
            far = socket.create_connection(("127.0.0.1", self._upstream))
            self._sockets.append(far)
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._ended:
                ready, _, _ = select.select([near, far], [], [], 0.2)
                self._whole.wait()
                for one in ready:
                    if not (data := one.recv(65536)):
                        near.close()
                        far.close()
                        return
                    (far if one is near else near).sendall(data)
