#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# valgrind.t [all | TEST.t...]: unit tests of build/dev under memcheck; an error or a leak in one of their processes
# fails it. Without words: a sample, which is part of make check. `all`: make valgrind.
cd "$(dirname "$0")/.." || exit 1
sample=(base_json spec_spec plan_print fuzz_journal engine_profile fetch_inflate)
# Not under valgrind 3.19, which answers openat2(2) (cli_run_document follows paths of a document, too), Landlock's
# calls and bpf(2) with ENOSYS; and mutations of
# plans and every byte of a file would take it an hour.
without=' engine_user engine_build cli_run_document plan_shell linux_rootpath linux_file linux_cgroup linux_resctrl linux_devices linux_seccomp_kernel
        fetch_sandbox registry_client keeper_harden fuzz_autopsy fuzz_files runtime_mutations runtime_create '
tests=("$@")
if [ "${1:-}" = all ]; then
        tests=()
        for test in build/dev/tests/*.t; do
                name=${test##*/} name=${name%.t}
                [[ $without == *[[:space:]]"$name"[[:space:]]* ]] || tests+=("$test")
        done
elif [ $# = 0 ]; then
        for name in "${sample[@]}"; do tests+=("build/dev/tests/$name.t"); done
fi
echo "1..${#tests[@]}"
n=0 failed=0
for test in "${tests[@]}"; do
        n=$((n + 1))
        if said=$(timeout -k 10 280 valgrind --quiet --error-exitcode=99 --leak-check=full \
                --errors-for-leak-kinds=definite "$test" 2>&1); then
                echo "ok $n - valgrind: ${test##*/}"
        else
                echo "not ok $n - valgrind: ${test##*/}"
                failed=1
                grep -vE '^ok ' <<<"$said" | head -n 40 | while read -r line; do echo "# $line"; done
        fi
done
exit $failed
