#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The checks of tools find what they are there for: objects with a planted fault, and without.
# shellcheck disable=SC2016 # marks, not commands
n=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$(cd "$(dirname "$0")/.." && pwd)

# object FILE: compile stdin as src/FILE.c of a build in $work, in the way of the build that is checked
object() {
        local room=${1%/*} directory=$work/src/lib${1%/*}.a.p
        mkdir -p "$directory"
        gcc -w -xc -c -O0 -ffunction-sections -fdata-sections -o "$directory/${room}_${1#*/}.c.o" -
}
# check NAME WORD COMMAND...: it fails and says WORD; an empty WORD: it succeeds
check() {
        local name=$1 word=$2 said result=ok
        shift 2
        if said=$("$@" 2>&1); then
                [ -z "$word" ] || result='not ok'
        elif [ -z "$word" ] || ! grep -qF -- "$word" <<<"$said"; then
                result='not ok'
        fi
        n=$((n + 1))
        echo "$result $n - tools: $name"
        [ "$result" = ok ] || { failed=1 && echo "# ${said//$'\n'/$'\n# '}"; }
}

object engine/clean <<<'/* rename("a", "b") */ const char *word(void); const char *word(void) { return "open(x)"; }'
check 'check-paths: words and comments are no calls' '' "$top/tools/check-paths" "$work" --part
object engine/planted <<<'int rename(const char *, const char *); int f(void); int f(void) { return rename("a", "b"); }'
check 'check-paths: a call by path above linux' 'engine/planted.c calls rename()' \
        "$top/tools/check-paths" "$work" --part
rm "$work"/src/libengine.a.p/*
object linux/netlink <<<'#define MAKE mkdir
int mkdir(const char *, unsigned); int f(void); int f(void) { return MAKE("a", 0); }'
check 'check-paths: a file of linux that has no such door, behind a macro' 'linux/netlink.c calls mkdir()' \
        "$top/tools/check-paths" "$work" --part
rm "$work"/src/liblinux.a.p/*
object cli/cli <<<'int open(const char *, int, ...); int f(void); int f(void) { return open("a", 0); }'
check 'check-paths: what the table lists' '' "$top/tools/check-paths" "$work" --part
check 'check-paths: a line of the table that nobody needs' 'plan/ops.c does not call mknodat()' \
        "$top/tools/check-paths" "$work"
check 'check-paths: a place without objects' 'no object files' "$top/tools/check-paths" "$work/nowhere"

rm -r "$work/src"
object plan/apply <<<'int close(int); void plan_apply(void); static void (*const table[])(void) = { plan_apply };
void plan_apply(void) { close(0); (void)table; }'
check 'check-child-safe: system calls' '' "$top/tools/check-child-safe" "$work"
object plan/ops <<<'void *malloc(unsigned long); void do_it(void); void do_it(void) { malloc(1); }'
object plan/apply <<<'void do_it(void); void plan_apply(void); void (*const table[])(void) = { do_it };
void plan_apply(void) { table[0](); }'
check 'check-child-safe: malloc behind a table' 'malloc is not child-safe' \
        "$top/tools/check-child-safe" "$work"
check 'check-threats: the tests that the documents name are there' '' "$top/tools/check-threats"
echo '| T1 | x | `attack_state` "no such words" |' >"$work/words"
check 'check-threats: a test that is not there' 'no test with "no such words"' "$top/tools/check-threats" "$work/words"
echo '| T1 | x | `attack_nothing` |' >"$work/file"
check 'check-threats: a file that is not there' 'no tests/system/attack_nothing.bats' "$top/tools/check-threats" "$work/file"

table=$top/tests/conformance/table
mkdir "$work/results"
echo 'a new machine' >"$work/results/v2.txt"
printf '1..2\nok 1 one\nnot ok 2 two\n' >"$work/results/v2.crun.docker.tap"
printf '# Before\n\n## a new machine\n\n%s\n|---|\n%s\n\n- **runc**: why\n  - docker: %s\n\n## an old machine\n\nis\n' \
        '| suite | husk-oci | runc | crun |' '| docker | not run | 3/1/2 | 0/5/0 |' 'one: more' >"$work/before"
printf '%s\n' 'v2 | crun | * | two | it has but one' 'v2 | runc | * | one: more | it has none' >"$work/reasons"
# sections: what the machines of the table are, and what is said of the old one
sections() { "$table" "$work/results" "$work/reasons" "$work/before" | grep -E '^(##|is$|[|] d|  - )' | paste -sd' '; }
check 'table: what is not run again keeps what was said of it' '' \
        test "$(sections)" = "## a new machine | docker | not run | 3/1/2 | 1/1/0 |   - docker: one: more   - docker: two \
## an old machine is"
check 'table: a failure that has no reason' 'not explained' "$table" "$work/results"
echo 'ok 3 three' >>"$work/results/v2.crun.docker.tap"
check 'table: a suite that is not whole' 'docker: the suite runs to its end' "$table" "$work/results" "$work/reasons"
printf '%s\n' 'ok 1 Podman: limits, exec, update, stats, delete' 'not ok 2 Podman: one that ends by itself' \
        'ok 3 Docker: out of memory is told, and the unit goes # skip no' >"$work/passed"
left=$(CONFORMANCE_INSIDE=1 "$top/tests/conformance/run" -l -k "$work/passed" -p 2/2 systemd)
check 'conformance: a part of what has not passed' '' test "$left" = 'containerd: limits, exec, metrics, delete'
printf '| T1 | `attack_state` |\n| T3 | x |\n' >"$work/gap"
check 'check-threats: a number left out' 'T2 is not where' "$top/tools/check-threats" "$work/gap"
check 'check-threats: a threat that no test holds' 'no test holds T2' "$top/tools/check-threats" "$work/gap"

filter=$top/src/keeper/harden.c
check 'check-keeper: the filter as it is' '' "$top/tools/check-keeper" "$top/build/dev" "$filter"
sed '/"flock",/d' "$filter" >"$work/less.c"
check 'check-keeper: a call that the filter lacks' 'the keeper calls flock, which its filter refuses' \
        "$top/tools/check-keeper" "$top/build/dev" "$work/less.c"
sed 's/"flock",/&\n        "socket",/' "$filter" >"$work/more.c"
check 'check-keeper: one that it has for nothing' 'nothing of the keeper calls socket' \
        "$top/tools/check-keeper" "$top/build/dev" "$work/more.c"
echo "1..$n"
exit $failed
