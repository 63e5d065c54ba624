#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lying_registry.py [--tls PEM] [--six] [--foreign ADDRESS] [FILE...]: a registry on 127.0.0.1, or on ::1, that does not mean well.

Each FILE is a blob. The first part of a repository's name says how it is served: `fine` as it should be,
anything else as the function of that name here does. A second server, whose address is printed, too, is the
foreign host that redirects lead to. What was asked is a line each on stdout: SERVER METHOD PATH [AUTHORIZATION] [RANGE].

What is written to it (POST, PATCH, PUT, DELETE) is answered by the functions up_NAME in the same way; a name that has
none means well. Lists are answered by list_NAME."""
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
six = sys.argv[1:2] == ['--six']
if six:
    sys.argv.pop(1)
foreign_address = sys.argv.pop(2) if sys.argv[1:2] == ['--foreign'] else '127.0.0.2'
if foreign_address != '127.0.0.2':
    sys.argv.pop(1)
blobs = {'sha256:' + hashlib.sha256(data).hexdigest(): data
         for data in (pathlib.Path(name).read_bytes() for name in sys.argv[1:])}
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
manifest = json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST, 'note': 'x' * 100}).encode()
seen = {}  # how often a path was asked for
uploads, manifests = {}, {}  # what is written
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
        if self.command != 'HEAD':
            self.wfile.write(body)

    def cut(self):
        """The connection ends by a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_GET(self):
        print(self.name, self.command, self.path, self.headers.get('Authorization', ''),
              self.headers.get('Range', '') or self.headers.get('Content-Range', ''), flush=True)
        try:
            self.answer()
        except OSError:
            self.close_connection = True

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def answer(self):
        if self.path == '/v2/':
            return self.say(200, b'{}')
        if self.command != 'GET' or '/uploads/' in self.path or re.search(r'/(tags|referrers)/', self.path):
            return self.written()
        found = re.fullmatch(r'/v2/([a-z0-9-]+)/.*/?(manifests|blobs)/([^/]+)', self.path)
        if not found:
            return self.say(404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such \\u001b[31mthing"}]}')
        self.how, self.kind, self.reference = found.groups()
        self.body = manifest if self.kind == 'manifests' else blobs.get(self.reference, b'')
        read = getattr(self, 'be_' + self.how.replace('-', '_'), None)
        if read:
            return read()
        self.home = f'/v2/{self.how}/x/'
        return self.is_there()

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

    def be_by_name(self):
        """The same by a name, which the test has given to it."""
        self.say(307, Location=f'http://metadata.test:{other.server_address[1]}' + self.path.replace('by-name', 'fine'))

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

    def be_token_away(self):
        """Tokens are to be had of the foreign host, without TLS."""
        if self.headers.get('Authorization') != 'Bearer good':
            return self.say(401, WWW_Authenticate=f'Bearer realm="{foreign}/token",service="s"')
        return self.fine()

    def be_bad_token(self):
        self.say(401, WWW_Authenticate=f'Bearer realm="{self.realm()}/bad",service="s"')

    def be_huge_token(self):
        self.say(401, WWW_Authenticate=f'Bearer realm="{self.realm()}/huge",service="s"')

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


    def be_half_image(self):
        """An image: the first blob is its configuration, the others are layers, of which half comes."""
        if self.kind == 'manifests':
            parts = [{'mediaType': 'application/vnd.oci.image.' + ('layer.v1.tar' if at else 'config.v1+json'),
                      'digest': digest, 'size': len(data)} for at, (digest, data) in enumerate(blobs.items())]
            self.body = json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST, 'config': parts[0],
                                    'layers': parts[1:]}).encode()
        if self.kind == 'manifests' or self.reference == next(iter(blobs)):
            return self.fine()
        self.send_response(200)
        self.send_header('Content-Length', len(self.body))
        self.end_headers()
        self.wfile.write(self.body[:len(self.body) // 2])
        self.wfile.flush()
        return time.sleep(600)

    # -- what is written ---------------------------------------------------------------------------------

    def written(self):
        place, _, self.query = self.path.partition('?')
        found = re.fullmatch(r'/v2/([a-z0-9-]+)/(x)/(blobs/uploads|blobs|manifests|tags|referrers)/(.*)', place)
        if not found:
            return self.say(404)
        how, _, self.kind, self.reference = found.groups()
        self.home = f'/v2/{how}/x/'
        if self.command == 'HEAD':
            return self.is_there()
        family = 'list_' if self.kind in ('tags', 'referrers') else 'up_'
        return getattr(self, family + how.replace('-', '_'), self.up_well)()

    def take(self, most=None):
        size = int(self.headers.get('Content-Length', 0))
        return self.rfile.read(size if most is None else min(size, most))

    def is_there(self):
        what = blobs.get(self.reference) if self.kind == 'blobs' else manifests.get(self.home + self.reference)
        if what is None:
            return self.say(404)
        self.body = what
        return self.say(200, what, Docker_Content_Digest='sha256:' + hashlib.sha256(what).hexdigest())

    def opened(self, **headers):
        number = count('uploads')
        uploads[str(number)] = b''
        self.say(202, Location=f'{self.home}blobs/uploads/{number}?state=a%2Fb', Range='0-0', **headers)

    def more(self, data):
        """Of the upload; only where it ends."""
        have = uploads[self.reference]
        from_ = re.match(r'(\d+)-', self.headers.get('Content-Range', ''))
        if from_ and int(from_[1]) != len(have):
            return self.say(416, Range=f'0-{max(len(have) - 1, 0)}')
        uploads[self.reference] = have + data
        return None

    def state(self, status):
        have = len(uploads[self.reference])
        self.say(status, Location=self.path, Range=f'0-{max(have - 1, 0)}')

    def up_well(self):
        if self.kind == 'manifests':
            if self.command == 'DELETE':
                known = manifests.pop(self.home + self.reference, None)
                return self.say(202 if known is not None else 404)
            data = self.take()
            digest = 'sha256:' + hashlib.sha256(data).hexdigest()
            manifests[self.home + self.reference] = manifests[self.home + digest] = data
            return self.say(201, Location=self.path, Docker_Content_Digest=digest)
        if self.command == 'POST':
            return self.opened()
        if self.reference not in uploads:
            return self.say(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"never heard of it"}]}')
        if self.command == 'GET':
            return self.state(204)
        if self.more(self.take()):
            return None
        if self.command == 'PATCH':
            return self.state(202)
        return self.complete()

    def complete(self, **headers):
        data = uploads.pop(self.reference)
        digest = 'sha256:' + hashlib.sha256(data).hexdigest()
        wanted = re.search(r'digest=(sha256:[0-9a-f]+)', self.query)
        if not wanted or wanted[1] != digest:
            return self.say(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}')
        blobs[digest] = data
        return self.say(201, **{'Docker_Content_Digest': digest, **headers})

    def asked(self):
        """Has it shown who it is?"""
        if self.headers.get('Authorization'):
            return True
        self.take()
        self.say(401, WWW_Authenticate='Basic realm="r"')
        return False

    def up_away(self):
        """The upload is on another host, which takes it from anybody."""
        if self.asked():
            uploads['away'] = b''
            self.say(202, Location=f'{foreign}{self.home.replace("away", "here")}blobs/uploads/away')

    def up_away_asks(self):
        """The same, and it wants the password."""
        if self.asked():
            self.say(202, Location=f'{foreign}{self.home.replace("away-asks", "asks")}blobs/uploads/1')

    def up_sent_away(self):
        """Sent there when the bytes come already."""
        if not self.asked():
            return None
        if self.command == 'POST':
            return self.opened()
        self.take()
        uploads['away'] = b''
        return self.say(307, Location=f'{foreign}{self.home.replace("sent-away", "here")}blobs/uploads/away?{self.query}')

    def up_asks(self):
        self.take()
        self.say(401, WWW_Authenticate='Basic realm="give it to me"')

    def up_loops(self):
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(307, Location=self.path)

    def up_loops_at_once(self):
        self.take()
        self.say(308, Location=self.path)

    def up_to_get(self):
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(303, Location=self.home + 'blobs/elsewhere')

    def up_nowhere(self):
        self.say(202)

    def up_to_file(self):
        self.say(202, Location='file:///etc/passwd')

    def up_has_not(self):
        """Says so, and has it not."""
        self.take()
        if self.command == 'POST':
            return self.opened()
        if self.command == 'PATCH':
            return self.say(202, Location=self.path)
        return self.say(201)

    def up_other_digest(self):
        if self.kind == 'manifests':
            self.take()
            return self.say(201, Docker_Content_Digest='sha256:' + '1' * 64)
        if self.command != 'PUT':
            return self.up_well()
        return None if self.more(self.take()) else self.complete(Docker_Content_Digest='sha256:\x1b[31m' + '0' * 60)

    def up_endless(self):
        """The blob is taken, and then it talks and talks."""
        if self.command != 'PUT':
            return self.up_well()
        data = self.take()
        blobs['sha256:' + hashlib.sha256(data).hexdigest()] = data
        self.send_response(201)
        self.send_header('Connection', 'close')
        self.end_headers()
        while True:
            self.wfile.write(b'\0' * 65536)

    def up_drips(self):
        if self.command == 'POST':
            return self.opened()
        self.take()
        self.wfile.write(b'HTTP/1.1 201 Created\r\nX: ')
        while True:
            self.wfile.write(b'x')
            self.wfile.flush()
            time.sleep(0.1)

    def up_mute(self):
        if self.command == 'POST':
            return self.opened()
        return time.sleep(600)

    def up_for_ever(self):
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(202, Location=self.path)

    def up_takes_nothing(self):
        """Pieces are welcome, and where they are nobody knows."""
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(204 if self.command == 'GET' else 202, Location=self.path, Range='0-0')

    def up_crawls(self):
        """One PUT is too large; of each piece it has one byte more, and says so."""
        self.take()
        if self.command == 'POST':
            return self.opened()
        if self.command == 'PUT':
            return self.say(413)
        at = count('crawls') if self.command == 'PATCH' else seen['crawls']
        return self.say(204 if self.command == 'GET' else 202, Location=self.path, Range=f'0-{at}')

    def up_half(self):
        """Half of each piece, and one byte."""
        if self.command != 'PATCH':
            return self.up_well()
        data = self.take()
        return self.more(data[:len(data) // 2 + 1]) or self.state(202)

    def up_forgets_again(self):
        """What it has of an upload is forgotten each time that it is more than ever before."""
        if self.command != 'PATCH' or len(uploads.get(self.reference, b'')) <= seen.get('most', 0):
            return self.up_well()
        self.take()
        seen['most'] = len(uploads.pop(self.reference))
        return self.say(404, Retry_After=0)

    def up_has_more(self):
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(202, Location=self.path, Range='0-99999999')

    def up_breaks(self):
        """Half of it comes, then the line is dead; what came is known."""
        if self.command != 'PUT' or count('breaks') > 1:
            return self.up_well()
        uploads[self.reference] = self.take(100000)
        return self.cut()

    def up_breaks_done(self):
        """All of it came, and it is only the answer that does not."""
        if self.command != 'PUT':
            return self.up_well()
        data = self.take()
        blobs['sha256:' + hashlib.sha256(data).hexdigest()] = data
        return self.cut()

    def up_forgets(self):
        """The same, and nothing is known of it any more."""
        if self.command != 'PUT' or count('forgets') > 1:
            return self.up_well()
        self.take(100000)
        del uploads[self.reference]
        return self.cut()

    def up_too_large(self):
        if self.command == 'PUT' and int(self.headers.get('Content-Length', 0)):
            self.take()
            return self.say(413, b'<html>413 Request Entity Too Large</html>')
        return self.up_well()

    def up_too_large_always(self):
        self.take()
        if self.command == 'POST':
            return self.opened()
        return self.say(413, b'<html>413 Request Entity Too Large</html>')

    def up_least(self):
        if self.command == 'POST':
            return self.opened(OCI_Chunk_Min_Length=65536)
        return self.up_well()

    def up_busy(self):
        if count(f'busy {self.command}') <= 2:
            self.take()
            return self.say(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slower"}]}', Retry_After=0)
        return self.up_well()

    def up_busy_always(self):
        self.take()
        self.say(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slower"}]}', Retry_After=0)

    def up_denied(self):
        self.take()
        self.say(403, b'{"errors":[{"code":"DENIED","message":"not for you"}]}')

    def up_token(self):
        if self.headers.get('Authorization') != 'Bearer good':
            self.take()
            return self.say(401, WWW_Authenticate=f'Bearer realm="{self.realm()}",service="s",scope="repository:all:*"')
        return self.up_well()

    def up_no_delete(self):
        if self.command != 'DELETE':
            return self.up_well()
        return self.say(405, b'{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')

    # -- lists -------------------------------------------------------------------------------------------

    def page(self, names, next_=None):
        headers = {'Link': f'<{next_}>; rel="next"'} if next_ else {}
        self.say(200, json.dumps({'name': 'x', 'tags': names}).encode(), Content_Type='application/json', **headers)

    def list_pages(self):
        last = re.search(r'last=(\w+)', self.query)
        at = {'b': ['c', 'd'], 'd': ['e']}.get(last[1] if last else '', ['a', 'b'])
        self.page(at, None if at == ['e'] else f'{self.home}tags/list?n=2&last={at[-1]}')

    def list_loops(self):
        self.page(['a'], self.path)

    def list_grows(self):
        number = count('grows')
        self.page([f'{number}-{k}' for k in range(1000)], f'{self.home}tags/list?n=1000&last={number}')

    def list_leads_out(self):
        self.page(['a'], '/v2/other/x/tags/list')

    def list_leads_away(self):
        self.page(['a'], foreign + self.path)

    def list_words(self):
        self.page(['good', 'bad\x1b[31mtag', '-dash'])

    def list_huge(self):
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.send_header('Content-Type', 'application/vnd.oci.image.index.v1+json')
        self.end_headers()
        self.wfile.write(b'{"schemaVersion":2,"manifests":[')
        for _ in range(100 << 4):
            self.wfile.write(b' ' * (64 << 10))

    def list_knows(self):
        """A registry that knows referrers, two to a page."""
        entry = {'mediaType': MANIFEST, 'digest': 'sha256:' + ('2' if 'page' in self.query else '1') * 64, 'size': 3,
                 'artifactType': 'application/x.' + ('second' if 'page' in self.query else 'first')}
        headers = {} if 'page' in self.query else {'Link': f'<{self.path}?page=2>; rel="next"'}
        self.say(200, json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json',
                                  'manifests': [entry]}).encode(),
                 Content_Type='application/vnd.oci.image.index.v1+json', **headers)

    def up_knows(self):
        if self.kind != 'manifests' or self.command != 'PUT':
            return self.up_well()
        data = self.take()
        digest = 'sha256:' + hashlib.sha256(data).hexdigest()
        manifests[self.home + self.reference] = manifests[self.home + digest] = data
        return self.say(201, OCI_Subject='sha256:' + '0' * 64)

    def list_html(self):
        self.say(200, b'<html>please log in</html>', Content_Type='text/html')


class Tokens(Registry):
    def answer(self):
        if self.path.startswith('/token/bad'):
            return self.say(200, json.dumps({'token': 'x\r\nEvil: yes'}).encode())
        if self.path.startswith('/token/huge'):
            return self.say(200, json.dumps({'token': 'x' * (1 << 16)}).encode())
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
    kind = type('Server', (http.server.ThreadingHTTPServer,),
                {'address_family': socket.AF_INET6 if ':' in address else socket.AF_INET})
    server = kind((address, 0), what)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def called(server):
    """By the beginning of its address no IPv6 host is to be told from another."""
    address, port = server.server_address[:2]
    return f'[{address}]:{port}' if ':' in address else f'[::ffff:{address}]:{port}' if six else f'{address}:{port}'


other = serve(foreign_address, Foreign)
foreign = 'http%s://%s' % ('s' if certificate else '', called(other))
threading.Thread(target=other.serve_forever, daemon=True).start()
server = serve('::1' if six else '127.0.0.1', Tokens)
print('foreign on ' + called(other), flush=True)
print('listening on ' + called(server), flush=True)
server.serve_forever()
