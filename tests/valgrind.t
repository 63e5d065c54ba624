#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# valgrind.t [all | TEST.t...]: unit tests of build/dev under memcheck; an error or a leak in one of their processes
# fails it. Without words: a sample, which is part of make check. `all`: make valgrind.
cd "$(dirname "$0")/.." || exit 1
sample=(base_json spec_spec plan_print fuzz_journal engine_profile fetch_inflate)
# valgrind 3.19 answers openat2(2), the calls of mounts, pidfds, Landlock's, seccomp(2) and bpf(2) with ENOSYS, so tests
# in these fail; what it reports of their memory counts all the same.
lacking=' cli_run_document engine_build engine_user fetch_sandbox keeper_harden linux_cgroup linux_file linux_process
        linux_rootpath linux_seccomp_kernel linux_seccomp_oracle plan_layers plan_shell registry_client runtime_features
        store_layer store_stream store_unpack store_view '
tests=("$@")
if [ "${1:-}" = all ]; then
        tests=(build/dev/tests/*.t)
elif [ $# = 0 ]; then
        for name in "${sample[@]}"; do tests+=("build/dev/tests/$name.t"); done
fi
echo "1..${#tests[@]}"
n=0 failed=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT
for test in "${tests[@]}"; do
        n=$((n + 1))
        name=${test##*/} name=${name%.t} status=0
        timeout -k 10 280 valgrind --quiet --error-exitcode=99 --leak-check=full --suppressions=tests/valgrind.supp \
                --errors-for-leak-kinds=definite "$test" >"$said" 2>&1 &
        wait $! || status=$?
        kill -KILL -- -$! 2>/dev/null # timeout(1) has a group of its own; a test that fails may leave processes there
        if [[ $lacking == *[[:space:]]"$name"[[:space:]]* ]]; then
                # 1: it ran to its end, and says that tests failed.
                [ $status = 1 ] && ! grep -qE '^==[0-9]+==' "$said" && status=0
                name="$name, its memory alone"
        fi
        if [ $status = 0 ]; then
                echo "ok $n - valgrind: $name"
        else
                echo "not ok $n - valgrind: $name"
                failed=1
                grep -vE '^ok ' "$said" | head -n 40 | while read -r line; do echo "# $line"; done
        fi
done
exit $failed
