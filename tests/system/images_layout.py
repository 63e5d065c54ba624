#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""images_layout.py DIR NAME LAYER...: an OCI image layout made by hand, so that it can be wrong.

LAYER is a tar file, or gzip:FILE, zstd:FILE (of a tar file). Several calls put several images into one layout. Options
change one thing each: --type TYPE (of every layer), --diff-id ID, --config JSON (members of the configuration),
--arch ARCH, --manifest JSON (members of the manifest), --twice (the last layer again), --annotation KEY=VALUE.
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import subprocess

OCI = 'application/vnd.oci.image.'
parser = argparse.ArgumentParser()
parser.add_argument('dir', type=pathlib.Path)
parser.add_argument('name')
parser.add_argument('layers', nargs='*')
parser.add_argument('--type')
parser.add_argument('--diff-id')
parser.add_argument('--config', type=json.loads, default={})
parser.add_argument('--arch', default='amd64')
parser.add_argument('--manifest', type=json.loads, default={})
parser.add_argument('--twice', action='store_true')
parser.add_argument('--annotation', action='append', default=[])
args = parser.parse_intermixed_args()

blobs = args.dir / 'blobs/sha256'
blobs.mkdir(parents=True, exist_ok=True)


def put(data):
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {'digest': f'sha256:{digest}', 'size': len(data)}


layers, diff_ids = [], []
for word in args.layers:
    kind, _, path = word.rpartition(':')
    plain = pathlib.Path(path).read_bytes()
    packed, suffix = plain, ''
    if kind == 'gzip':
        packed, suffix = gzip.compress(plain, mtime=0), '+gzip'
    elif kind == 'zstd':
        packed, suffix = subprocess.run(['zstd', '-q'], input=plain, stdout=subprocess.PIPE, check=True).stdout, '+zstd'
    layers.append({'mediaType': args.type or f'{OCI}layer.v1.tar{suffix}', **put(packed)})
    diff_ids.append(args.diff_id or f'sha256:{hashlib.sha256(plain).hexdigest()}')
if args.twice:
    layers.append(layers[-1])
    diff_ids.append(diff_ids[-1])
config = {'architecture': args.arch, 'os': 'linux', 'created': '2024-05-01T09:30:00Z', 'config': {},
          'rootfs': {'type': 'layers', 'diff_ids': diff_ids}} | args.config
manifest = {'schemaVersion': 2, 'mediaType': f'{OCI}manifest.v1+json',
            'config': {'mediaType': f'{OCI}config.v1+json', **put(json.dumps(config).encode())},
            'layers': layers} | args.manifest
entry = {'mediaType': f'{OCI}manifest.v1+json', **put(json.dumps(manifest).encode()),
         'annotations': {'org.opencontainers.image.ref.name': args.name}
         | dict(word.split('=', 1) for word in args.annotation)}
index = args.dir / 'index.json'
entries = json.loads(index.read_text())['manifests'] if index.exists() else []
index.write_text(json.dumps({'schemaVersion': 2, 'manifests': [*entries, entry]}))
(args.dir / 'oci-layout').write_text('{"imageLayoutVersion": "1.0.0"}')
print(entry['digest'])
