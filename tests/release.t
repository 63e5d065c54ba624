#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The released program's own promises: static, hardened, small, one file with two names. HUSK and
# HUSK_OCI name it.
n=0
check() { # check NAME COMMAND...
        local name=$1
        shift
        n=$((n + 1))
        if "$@" >/dev/null 2>&1; then echo "ok $n - release: $name"; else echo "not ok $n - release: $name"; fi
}
has() { readelf -lWd "$HUSK" | grep -Eq "$1"; }
lacks() { ! has "$1"; }
small() { [ "$(stat -c %s "$HUSK")" -le 1500000 ]; }
one_file() { [ "$(stat -c %i "$HUSK")" = "$(stat -c %i "$HUSK_OCI")" ]; }
# Each relocation is work before main and makes its page private.
few_relocations() { [ "$(readelf -rW "$HUSK" | grep -c R_X86_64_RELATIVE)" -le 6000 ]; }
starts() { env -i "$HUSK" --version && env -i "$HUSK_OCI" --version; }
stripped() { [ -z "$(nm "$HUSK" 2>/dev/null)" ]; }

check 'no interpreter: it runs in an empty root' lacks 'INTERP'
check 'position independent' has 'PIE'
check 'relocations become read-only' has 'GNU_RELRO'
check 'the stack is not executable' has 'GNU_STACK.* RW '
check 'no segment is writable and executable' lacks 'LOAD.* RWE '
check 'no shared libraries' lacks 'NEEDED'
check 'at most 1.5 MB' small
check 'stripped' stripped
check 'at most 6000 relocations' few_relocations
check 'husk and husk-oci are one file' one_file
check 'starts without any environment' starts
echo "1..$n"
