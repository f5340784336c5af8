"""A page on this machine that shows the run live: newest pictures, words, state."""

import json
import os
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import cv2
from rich.console import Console

from vla_core.errors import VlaError
from vla_eval.ros.client import GraphClient
from vla_ros import convert

LOOPBACK = '127.0.0.1'
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>live</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { margin: 0; background: #14191f; color: #e8edf2; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; min-height: 36px; }
.views { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; }
img { width: 100%; image-rendering: pixelated; border-radius: 10px; background: #000; }
p { color: #9fb0c0; }
</style></head><body><main><h1 id="words"></h1><div class="views" id="views"></div>
<p id="state"></p></main><script>
const views = document.getElementById('views');
async function look() {
  const now = await (await fetch('/state')).json();
  document.getElementById('words').textContent = now.instruction || 'between episodes';
  document.getElementById('state').textContent =
    `${now.mode} - ${now.strategy} ${now.hold}${now.stop} - ${now.received} chunks`;
  for (const key of now.cameras) {
    let image = document.getElementById(key);
    if (!image) { image = document.createElement('img'); image.id = key; image.alt = key;
      views.append(image); }
    image.src = `/camera/${key}?${now.stamp}`;
  }
}
setInterval(() => look().catch(() => {}), 150);
</script></body></html>
"""


class View:
    """Serves the page on the loopback address while the block runs.

    Args:
        client: Where the newest of everything lies.
        wanted: Whether there is to be a page at all.
        console: Where its address is told.
    """

    def __init__(self, client: GraphClient, wanted: bool, console: Console):
        self._client = client
        self._console = console
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler()) if wanted else None

    def __enter__(self) -> 'View':
        if self._server is None:
            return self
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f'http://{LOOPBACK}:{self._server.server_address[1]}/'
        windows = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
        if windows and webbrowser.open(address):
            self._console.print(f'view: {address}', highlight=False)
        else:
            self._console.print(
                f'view: no window system here; a browser on this machine finds it at {address}',
                highlight=False,
                soft_wrap=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _state(self) -> dict[str, Any]:
        status = self._client.status
        return {
            'cameras': sorted(self._client.images),
            'instruction': status.instruction if status else '',
            'mode': status.mode.value if status else 'starting',
            'strategy': status.strategy if status else '',
            'hold': status.hold_reason if status else '',
            'stop': status.stop_reason if status else '',
            'received': status.chunks.received if status else 0,
            'stamp': status.stamp_ns if status else 0,
        }

    def _picture(self, key: str) -> bytes | None:
        msg = self._client.images.get(key)
        if msg is None:
            return None
        try:
            image = convert.image_from_msg(msg)
        except VlaError:
            return None
        return bytes(cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        view = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
                path = self.path.partition('?')[0]
                if path == '/':
                    self._answer(PAGE.encode(), 'text/html; charset=utf-8')
                elif path == '/state':
                    self._answer(json.dumps(view._state()).encode(), 'application/json')
                elif path.startswith('/camera/') and (png := view._picture(path[8:])):
                    self._answer(png, 'image/png')
                else:
                    self.send_error(404)

            def _answer(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *words: Any) -> None:  # noqa: A002
                """Nothing: the terminal belongs to the run."""

        return Handler
