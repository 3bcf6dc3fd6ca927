"""A file over HTTP or HTTPS in small pieces; a broken connection is taken up where it ended."""

import socket

TIMEOUT_S = 10
HEADER_LINES_MAX = 64
RESUMES_MAX = 5
REDIRECTS_MAX = 3


class DownloadFault(Exception):
    """The file cannot be had; the argument says why."""


class Download:
    """One file of a known size. `read_into(buffer)` gives how many bytes came, 0 at the end."""

    def __init__(self, url, size_bytes):
        self._url = url
        self._size_bytes = size_bytes
        self._place = 0
        self._resumes = 0
        self._sock = None
        self._stream = None

    def read_into(self, buffer):
        """Fill (part of) the buffer; raises DownloadFault."""
        left = self._size_bytes - self._place
        if left <= 0:
            return 0
        view = memoryview(buffer)[: min(left, len(buffer))]
        while True:
            try:
                if self._stream is None:
                    self._open()
                count = self._stream.readinto(view)
                if count:
                    self._place += count
                    return count
                raise OSError("ended early")
            except OSError as fault:
                self.close()
                self._resumes += 1
                if self._resumes > RESUMES_MAX:
                    raise DownloadFault(f"after {self._place} bytes: {fault}")

    def close(self):
        """Let go of the connection."""
        for one in (self._stream, self._sock):
            if one is not None:
                try:
                    one.close()
                except OSError:
                    pass  # it broke before, which is why it is closed
        self._sock = self._stream = None

    def _open(self):
        for _ in range(REDIRECTS_MAX + 1):
            status, place = self._request()
            if status in (301, 302, 303, 307, 308) and place:
                self.close()
                self._url = place
                continue
            if status == (206 if self._place else 200):
                return
            self.close()
            raise DownloadFault(f"HTTP status {status}")
        raise DownloadFault("too many redirects")

    def _request(self):
        is_tls, host, port, path = split_url(self._url)
        sock = socket.socket()
        self._sock = sock
        sock.settimeout(TIMEOUT_S)
        sock.connect(socket.getaddrinfo(host, port)[0][-1])
        if is_tls:
            # The file's hash came over the authenticated connection: this server need not be trusted.
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if hasattr(context, "check_hostname"):
                context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock, server_hostname=host)
            self._sock = sock
        self._stream = sock.makefile("rwb") if hasattr(sock, "makefile") else sock
        lines = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n"
        if self._place:
            lines += f"Range: bytes={self._place}-\r\n"
        self._stream.write((lines + "\r\n").encode())
        if hasattr(self._stream, "flush"):
            self._stream.flush()
        return self._answer()

    def _answer(self):
        first = self._stream.readline().split(None, 2)
        if len(first) < 2 or not first[0].startswith(b"HTTP/") or not first[1].isdigit():
            raise DownloadFault("no HTTP answer")
        place = None
        for _ in range(HEADER_LINES_MAX):
            line = self._stream.readline().strip()
            if not line:
                return int(first[1]), place
            if line.lower().startswith(b"location:"):
                place = line[9:].strip().decode()
        raise DownloadFault("too many header lines")


def split_url(url):
    """Give (is it TLS, host, port, path); raises DownloadFault."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in ("http", "https"):
        raise DownloadFault("not an http URL")
    host, slash, path = rest.partition("/")
    host, colon, port = host.partition(":")
    if not host or (colon and not port.isdigit()):
        raise DownloadFault("no host in the URL")
    return scheme == "https", host, int(port) if colon else 443 if scheme == "https" else 80, slash + path or "/"
