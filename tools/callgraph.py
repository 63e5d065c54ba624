# SPDX-License-Identifier: Apache-2.0
"""Who refers to whom in a build: the relocations of its object files, by sections.

Every function and table has a section of its own (-ffunction-sections, -fdata-sections). A node is (object,
section); an edge leads to a node or to a name, which `defined` has when an object of ours defines it.
"""
import pathlib
import re
import subprocess


def load(build):
    """The object files, name -> node, and node -> names and nodes."""
    objects = sorted(pathlib.Path(build, 'src').glob('lib*.a.p/**/*.o'))
    defined = {}
    edges = {}
    for path in objects:
        out = subprocess.run(['readelf', '-rsSW', path], capture_output=True, text=True, check=True).stdout
        sections = dict(re.findall(r'^\s*\[ *(\d+)\] (\S+)', out, re.M))
        local = {}
        for kind, binding, index, name in re.findall(
                r'^\s*\d+: \w+\s+\w+ (\w+)\s+(\w+)\s+\w+\s+(\d+) (\S+)', out, re.M):
            node = (path, sections[index])
            if kind != 'SECTION':
                (local if binding == 'LOCAL' else defined)[name] = node
        node = None
        for line in out.splitlines():
            head = re.match(r"Relocation section '\.rela(\.\S+)'", line)
            if head:
                node = (path, head[1])
            elif not line.strip():
                node = None
            elif node:
                seen = re.match(r'[0-9a-f]+\s+[0-9a-f]+\s+R_\S+\s+[0-9a-f]+\s+(\S+)', line)
                if seen:
                    name = seen[1]
                    target = (path, name) if name.startswith('.') else local.get(name, name)
                    edges.setdefault(node, []).append(target)
    return objects, defined, edges
