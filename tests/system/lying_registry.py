#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lying_registry.py [--tls PEM] [FILE...]: a registry on 127.0.0.1 that does not mean well.

Each FILE is a blob. The first part of a repository's name says how it is served: `fine` as it should be,
anything else as the function of that name here does. A second server, whose address is printed, too, is the
foreign host that redirects lead to. What was asked is a line each on stdout: SERVER METHOD PATH [AUTHORIZATION]."""
import hashlib
import http.server
import json
import pathlib
import re
import socket
import ssl
import struct
import sys
import threading
import time

certificate = sys.argv.pop(2) if sys.argv[1:2] == ['--tls'] else None
if certificate:
    sys.argv.pop(1)
blobs = {'sha256:' + hashlib.sha256(data).hexdigest(): data
         for data in (pathlib.Path(name).read_bytes() for name in sys.argv[1:])}
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
manifest = json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST, 'note': 'x' * 100}).encode()
seen = {}  # how often a path was asked for
foreign = ''


def count(key):
    seen[key] = seen.get(key, 0) + 1
    return seen[key]


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    name = 'registry'

    def log_message(self, *_):
        pass

    def say(self, status, body=b'', **headers):
        self.send_response(status)
        if not any(name.lower() in ('content_length', 'transfer_encoding') for name in headers):
            headers['Content_Length'] = len(body)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name.replace('_', '-'), str(one))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        """The connection ends by a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_GET(self):
        print(self.name, 'GET', self.path, self.headers.get('Authorization', ''), self.headers.get('Range', ''),
              flush=True)
        try:
            self.answer()
        except OSError:
            self.close_connection = True

    def answer(self):
        if self.path == '/v2/':
            return self.say(200, b'{}')
        found = re.fullmatch(r'/v2/([a-z0-9-]+)/.*/?(manifests|blobs)/([^/]+)', self.path)
        if not found:
            return self.say(404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such \\u001b[31mthing"}]}')
        self.how, self.kind, self.reference = found.groups()
        self.body = manifest if self.kind == 'manifests' else blobs.get(self.reference, b'')
        return getattr(self, 'be_' + self.how.replace('-', '_'))()

    def fine(self, **headers):
        from_ = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        if not from_:
            return self.say(200, self.body, Content_Type=MANIFEST, **headers)
        at = int(from_[1])
        size = len(self.body)
        return self.say(206, self.body[at:], Content_Range=f'bytes {at}-{size - 1}/{size}', **headers)

    be_fine = fine

    def be_other_bytes(self):
        self.body = self.body[:-1] + bytes([self.body[-1] ^ 1])
        self.fine()

    def be_longer(self):
        self.body += b'more'
        self.fine()

    def be_shorter(self):
        self.body = self.body[:-4]
        self.fine()

    def be_longer_unsaid(self):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(self.body + b'more')
        self.close_connection = True

    def be_endless(self):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        while True:
            self.wfile.write(b'\0' * 65536)

    def be_drip(self):
        self.send_response(200)
        self.send_header('Content-Length', len(self.body))
        self.end_headers()
        for byte in self.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.1)

    def be_mute(self):
        time.sleep(600)

    def be_huge_header(self):
        self.send_response(200)
        for number in range(2000):
            self.send_header(f'X-{number}', 'y' * 100)
        self.end_headers()

    def be_big_manifest(self):
        self.say(200, b'{' + b' ' * (10 << 20) + b'}', Content_Type=MANIFEST)

    def be_big_unsaid(self):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(b'{' + b' ' * (10 << 20) + b'}')
        self.close_connection = True

    def be_busy(self):
        if count(self.path) <= 2:
            return self.say(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slower"}]}', Retry_After=0)
        return self.fine()

    def be_always_busy(self):
        self.say(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slower"}]}', Retry_After=0)

    def be_broken_server(self):
        if count(self.path) <= 1:
            return self.say(503, b'<html>nobody home</html>', Retry_After='Fri, 31 Dec 1999 23:59:59 GMT')
        return self.fine()

    def be_breaks(self):
        """Each connection gives a third, then ends."""
        from_ = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        at, size = int(from_[1]) if from_ else 0, len(self.body)
        self.send_response(206 if at else 200)
        self.send_header('Content-Length', size - at)
        if at:
            self.send_header('Content-Range', f'bytes {at}-{size - 1}/{size}')
        self.end_headers()
        part = self.body[at:at + size // 3 + 1]
        self.wfile.write(part)
        if at + len(part) < size:
            self.cut()

    def be_no_ranges(self):
        """Breaks off once; begins anew then, whatever it was asked."""
        self.send_response(200)
        self.send_header('Content-Length', len(self.body))
        self.end_headers()
        if count(self.path) == 1:
            self.wfile.write(self.body[:len(self.body) // 2])
            return self.cut()
        return self.wfile.write(self.body)

    def be_wrong_range(self):
        if count(self.path) == 1:
            self.send_response(200)
            self.send_header('Content-Length', len(self.body))
            self.end_headers()
            self.wfile.write(self.body[:1000])
            return self.cut()
        return self.say(206, self.body, Content_Range=f'bytes 7-{len(self.body) - 1}/{len(self.body)}')

    def be_loop(self):
        self.say(307, Location=self.path)

    def be_away(self):
        """To another host, which wants credentials, too."""
        self.say(307, Location=foreign + self.path)

    def be_away_asked(self):
        """The same, once we have shown who we are."""
        if not self.headers.get('Authorization'):
            return self.say(401, WWW_Authenticate='Basic realm="r"')
        return self.say(307, Location=foreign + self.path.replace('away-asked', 'fine'))

    def be_elsewhere(self):
        self.say(307, Location=foreign + self.path.replace('elsewhere', 'fine'))

    def be_to_file(self):
        self.say(302, Location='file:///etc/passwd')

    def be_to_user(self):
        self.say(302, Location=f'http://someone:secret@{self.headers["Host"]}' + self.path.replace('to-user', 'fine'))

    def be_token(self):
        """A token server of its own, which is the foreign host."""
        if self.headers.get('Authorization') != 'Bearer good':
            return self.say(401, WWW_Authenticate=[
                'Negotiate', f'Bearer realm="{self.realm()}",service="s e",scope="repository:everything:*"'])
        return self.fine()

    def be_bad_token(self):
        self.say(401, WWW_Authenticate=f'Bearer realm="{self.realm()}/bad",service="s"')

    def realm(self):
        return f'http://{self.headers["Host"]}/token'

    def be_strange_challenge(self):
        self.say(401, WWW_Authenticate='Bearer realm="open')

    def be_denied(self):
        self.say(403, b'{"errors":[{"code":"DENIED","message":"not for you"}]}')

    def be_html(self):
        self.say(200, b'<html>please log in</html>', Content_Type='text/html; charset=utf-8')

    def be_empty(self):
        self.say(200)


class Tokens(Registry):
    def answer(self):
        if self.path.startswith('/token/bad'):
            return self.say(200, json.dumps({'token': 'x\r\nEvil: yes'}).encode())
        if self.path.startswith('/token'):
            return self.say(200, json.dumps({'access_token': 'good', 'expires_in': 300}).encode())
        return super().answer()


class Foreign(Tokens):
    name = 'foreign'

    def answer(self):
        if self.path.startswith('/v2/away/'):
            return self.say(401, WWW_Authenticate='Basic realm="give it to me"')
        return super().answer()


def serve(address, what):
    """TLS with one certificate, which nobody has signed, for both; who does not like it is none of our trouble."""
    server = http.server.ThreadingHTTPServer((address, 0), what)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


other = serve('127.0.0.2', Foreign)
foreign = 'http%s://%s:%d' % ('s' if certificate else '', *other.server_address)
threading.Thread(target=other.serve_forever, daemon=True).start()
server = serve('127.0.0.1', Tokens)
print('foreign on %s:%d' % other.server_address, flush=True)
print('listening on %s:%d' % server.server_address, flush=True)
server.serve_forever()
