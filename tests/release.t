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
# Each relocation is work before main and makes its page private: each such page is copied at every start, twice
# for commands that seal the program. Words in the tables themselves need none.
few_relocations() { [ "$(readelf -rW "$HUSK" | grep -c R_X86_64_RELATIVE)" -le 2400 ]; }
few_private_pages() {
        readelf -rW "$HUSK" | awk '/R_X86_64_RELATIVE/ { page[substr($1, 1, 13)] } END { exit length(page) > 14 }'
}
# What everyday commands run lies together, by tools/busy.ld: most of its names still fit, then. Of a program whose
# used functions lie everywhere all is in memory.
busy_kib() { echo $((16#$(readelf -SW "$HUSK" | awk -v name="$1" '{ sub(/^ *\[ *[0-9]+\] */, "") } $1 == name { print $5 }') / 1024)); }
together() { [ "$(busy_kib .text.busy)" -ge 150 ] && [ "$(busy_kib .rodata.busy)" -ge 20 ]; }
starts() { env -i "$HUSK" --version && env -i "$HUSK_OCI" --version; }
# Everything that `make install` puts somewhere, and that `make uninstall` takes away again.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
in_tree() { env -u MAKEFLAGS -u MAKELEVEL make -s -C "$(dirname "$0")/.." "$1" PREFIX=/usr DESTDIR="$work"; }
has_pages() { # has_pages PROGRAM: its own, and one for each of its commands
        local program=$work/usr/bin/$1 pages=$work/usr/share/man/man1 command
        grep -q '^\.TH ' "$pages/$1.1" || return
        for command in $("$program" help --list); do
                grep -q '^\.SH SYNOPSIS' "$pages/$1-$command.1" || return
        done
        [ "$command" ]
}
has_completions() ( # a subshell: it changes the directory
        cd "$work/usr/share" && bash -n "bash-completion/completions/$1" &&
                grep -q "^#compdef $1" "zsh/site-functions/_$1" &&
                grep -q "complete -c $1 " "fish/vendor_completions.d/$1.fish"
)
nothing_left() { [ -z "$(find "$work" ! -type d)" ]; }
stripped() { [ -z "$(nm "$HUSK" 2>/dev/null)" ]; }
# Nothing in it takes a protection away, as the weak control of tests/attacks does.
not_weak() { ! grep -qa 'HUSK_WEAK' "$HUSK" "$helper" && grep -qa 'HUSK_WEAK' "$weak"; }
weak=$(dirname "$0")/../build/dev/tests/weak

# The helper is another kind of program: of this system's C library, and hardened as that can be.
helper=$(dirname "$HUSK")/husk-registry
helper_has() { readelf -lWd "$helper" | grep -Eq "$1"; }
helper_lacks() { ! helper_has "$1"; }
helper_loads() { # what it says it needs, and nothing more
        local needed
        needed=$(readelf -dW "$helper" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|ld-linux-x86-64|libcurl|libcrypto|libisal|libz|libzstd)\.so')
        [ -z "$needed" ]
}
helper_installed() { cmp "$helper" "$work/usr/libexec/husk/husk-registry"; }

check 'no interpreter: it runs in an empty root' lacks 'INTERP'
check 'position independent' has 'PIE'
check 'relocations become read-only' has 'GNU_RELRO'
check 'the stack is not executable' has 'GNU_STACK.* RW '
check 'no segment is writable and executable' lacks 'LOAD.* RWE '
check 'no shared libraries' lacks 'NEEDED'
check 'at most 1.5 MB' small
check 'stripped' stripped
check 'no switch of the weak control is in it' not_weak
check 'at most 2400 relocations' few_relocations
check 'they are on at most fourteen pages' few_private_pages
check 'what everyday commands run lies together' together
check 'husk and husk-oci are one file' one_file
check 'starts without any environment' starts
check 'make install' in_tree install
check 'husk-registry: position independent' helper_has 'PIE'
check 'husk-registry: relocations become read-only' helper_has 'GNU_RELRO'
check 'husk-registry: all functions are bound at the start' helper_has 'BIND_NOW|FLAGS.*NOW'
check 'husk-registry: the stack is not executable' helper_has 'GNU_STACK.* RW '
check 'husk-registry: no segment is writable and executable' helper_lacks 'LOAD.* RWE '
check 'husk-registry: the libraries that it needs' helper_loads
check 'husk-registry is installed where husk looks for it' helper_installed
check 'manual pages of husk' has_pages husk
check 'manual pages of husk-oci' has_pages husk-oci
check 'completions of husk' has_completions husk
check 'completions of husk-oci' has_completions husk-oci
check 'make uninstall' in_tree uninstall
check 'nothing stays' nothing_left
echo "1..$n"
