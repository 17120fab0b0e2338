"""A site on this machine and a browser's window that reads it."""

import contextlib
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Silent(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serve(folder: Path):
    """Serve a folder at a free port; yield its address."""
    handler = functools.partial(Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Reader:
    """A browser's window, with all that it asked for and complained of."""

    def __init__(self, browser, site, **options):
        self.site = site
        self.context = browser.new_context(**options)
        self.requests, self.complaints = [], []
        self.page = self.new_window()

    def new_window(self):
        """Open another window that shares the browser's memory."""
        page = self.context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        page.on("response", self._answered)
        return page

    def _heard(self, message):
        # A browser asks for this file where a page names no icon.
        by_itself = message.location["url"].endswith("/favicon.ico")
        if message.type in ("error", "warning") and not by_itself:
            self.complaints.append(message.text)

    def _answered(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def open(self, name, page=None, until="load"):
        """Open a chapter."""
        page = page or self.page
        page.goto(f"{self.site}/chapters/{name}", wait_until=until)
        return page
