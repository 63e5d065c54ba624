#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same for the commands that change the store, where it lies on a disk and layers are images: each 199th fault;
# with arguments, what they say.
dir=$(mktemp -d /var/tmp/husk-calls.XXXXXX)
trap 'rm -rf "$dir"' EXIT
[ $# -gt 0 ] || set -- -e 199
"$(dirname "$0")/../../build/dev/tests/calls" -d "$dir" -s "$(printf 'husk-%s,' \
        pull load rmi prune commit import build-host repair cp-in cp-out export save)" "$@"
