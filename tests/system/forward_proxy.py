#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""forward_proxy.py ADDRESS: an HTTP proxy on 127.0.0.1 that asks ADDRESS, whatever it is asked for. With a user name
and password in PROXY_USER it wants to see them. What it was asked is a line each on stdout."""
import base64
import os
import select
import socket
import socketserver
import sys

host, port = sys.argv[1].rsplit(':', 1)
wanted = os.environ.get('PROXY_USER')


def head_of(connection):
    data = b''
    while b'\r\n\r\n' not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    return data


class Proxy(socketserver.BaseRequestHandler):
    def handle(self):
        data = head_of(self.request)
        if data is None:
            return
        line, rest = data.split(b'\r\n', 1)
        print(line.decode(), flush=True)
        if wanted and b'Basic ' + base64.b64encode(wanted.encode()) not in data:
            self.request.sendall(b'HTTP/1.1 407 Proxy Authentication Required\r\n'
                                 b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n')
            return
        with socket.create_connection((host, int(port))) as server:
            if line.startswith(b'CONNECT '):
                self.request.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
            else:
                method, url, version = line.split(b' ')
                path = b'/' + url.split(b'/', 3)[3]
                # One request a connection, so that nothing has to be read of it.
                head = b'\r\n'.join(part for part in rest.split(b'\r\n\r\n', 1)[0].split(b'\r\n')
                                    if not part.lower().startswith((b'connection:', b'proxy-')))
                server.sendall(method + b' ' + path + b' ' + version + b'\r\n' + head +
                               b'\r\nConnection: close\r\n\r\n' + rest.split(b'\r\n\r\n', 1)[1])
            self.pass_on(server)

    def pass_on(self, server):
        ends = {self.request: server, server: self.request}
        while True:
            for one in select.select(list(ends), [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                ends[one].sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass


with Server(('127.0.0.1', 0), Proxy) as server:
    print('listening on 127.0.0.1:%d' % server.server_address[1], flush=True)
    server.serve_forever()
