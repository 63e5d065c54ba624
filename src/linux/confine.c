/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: see confine.h. The bounding set stays as it is: who cannot exec gains nothing by it. */
#include "linux.h"

#include <linux/seccomp.h>

int confine_capabilities(uint64_t keep)
{
        uint64_t effective, permitted, inheritable;
        int r = caps_get(&effective, &permitted, &inheritable);

        if (r == 0)
                r = caps_set_ambient(0);
        return r < 0 ? r : caps_set(effective & keep, permitted & keep, 0);
}

int confine_calls(const struct seccomp_rule *rules, size_t n)
{
        const uint32_t architecture = SECCOMP_ARCH_NATIVE;
        const struct seccomp_profile profile = {
                .default_action = SECCOMP_RET_ERRNO | EPERM,
                .architectures = &architecture,
                .n_architectures = 1,
                .rules = rules,
                .n_rules = n,
        };
        auto_arena arena = { 0 };
        const struct sock_filter *program;
        size_t size;
        int r = seccomp_compile(&arena, &profile, &program, &size);

        return r < 0 ? r : process_seccomp(program, size * sizeof *program, 0);
}
