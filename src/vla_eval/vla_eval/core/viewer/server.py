"""The page's web server: this machine only, unless asked; no page of another site gets in."""

import contextlib
import functools
import io
import logging
import re
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import viser
import websockets.asyncio.server

from vla_eval.core.errors import EvalError

LOOPBACK = '127.0.0.1'
PORT = 8080
PORTS = 100  # so many are tried from the one asked for
OWN = re.compile(r'https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?')


class ServerError(EvalError):
    """The page cannot be served where it was asked for."""


class Server(viser.ViserServer):
    """viser's server without its way to the world: a page could ask for a public address."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refuse."""
        return None


def open_server(host: str = LOOPBACK, port: int | None = None) -> Server:
    """Return a server that listens.

    Args:
        host: Address to listen on.
        port: Taken if it is free, else refused; None for the first free one from 8080 on.

    Raises:
        ServerError: no port is to be had, or the address is none of this machine's.
    """
    chosen = _free(host, PORT, PORTS) if port is None else _free(host, port, 1)
    # viser prints a banner; what it serves is told by the caller, in one line
    with _guarded(host), contextlib.redirect_stdout(io.StringIO()):
        server = Server(host=host, port=chosen, verbose=False)
    if server.get_port() != chosen:  # someone was faster
        server.stop()
        raise ServerError(f'--port {chosen}: in use')
    logging.getLogger('websockets').setLevel(logging.CRITICAL)  # a browser that leaves is no news
    return server


def close_server(server: Server) -> None:
    """End it, without viser's farewell on the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        server.stop()


def _free(host: str, first: int, count: int) -> int:
    problem = f'--port {first}: in use'
    for port in range(first, min(first + count, 65536)):
        try:
            family = socket.AF_INET6 if ':' in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                return port
        except socket.gaierror:
            raise ServerError(f'--host {host}: no address of this machine') from None
        except OSError as error:
            if error.errno == 99:  # EADDRNOTAVAIL
                raise ServerError(f'--host {host}: no address of this machine') from None
            problem = f'--port {first}: {(error.strerror or str(error)).lower()}'
    raise ServerError(problem)


@contextlib.contextmanager
def _guarded(host: str) -> Iterator[None]:
    """Have the websocket refuse pages of other origins while a server is made.

    A browser lets any site open a connection to an address that it reaches; the buttons of this
    page move a robot. viser hands no such option on to the library beneath it.
    """
    module: Any = websockets.asyncio.server
    plain = module.serve
    if host in (LOOPBACK, 'localhost', '::1'):
        module.serve = functools.partial(plain, origins=[OWN, None])
    else:  # under which names the machine is known is not
        module.serve = functools.partial(_serve_own_pages, plain)
    try:
        yield
    finally:
        module.serve = plain


def _serve_own_pages(plain: Any, *words: Any, process_request: Any, **options: Any) -> Any:
    """Serve as `plain` does, but only to pages that came from the address they connect to."""

    def process(connection: Any, request: Any) -> Any:
        origin = request.headers.get('Origin')
        if origin is not None and urlsplit(origin).netloc != request.headers.get('Host'):
            return connection.respond(HTTPStatus.FORBIDDEN, 'a page of another site\n')
        return process_request(connection, request)

    return plain(*words, process_request=process, **options)
