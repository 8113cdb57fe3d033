"""An address of somebody else's that the wire posts to: a subscriber's webhook, a feed reader's callback."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint:
    """A server on a free port of the loopback; `got` are the heads and bodies that it acknowledged.

    `answers` are what it answers to the next posts, a status or a way to fail ("cut", "hang"); then 204.
    """

    path = "/"
    hang_s = 3.0

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[Any] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}{self.path}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def asked(self, path: str) -> tuple[int, bytes]:
        """Answer a GET: a status and a body."""
        return 405, b""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*endpoint.asked(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = endpoint.answers.pop(0) if endpoint.answers else 204
                if answer == "cut":
                    self.connection.close()
                    return
                if answer == "hang":
                    time.sleep(endpoint.hang_s)
                    answer = 500
                if answer < 300:
                    endpoint.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self._answer(answer, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                if status == 307:
                    self.send_header("Location", endpoint.url)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
