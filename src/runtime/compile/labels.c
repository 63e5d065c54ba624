/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: AppArmor and SELinux: the label of the process, and of its mounts.
 *
 * The label takes effect at the next exec and at nothing before, so it is written first of all,
 * while /proc is the host's and nothing of the container's can lie in its way (CVE-2019-16884). A
 * label that the host cannot give is an error: a container without it is not the one asked for. */
#include "compile.h"

#include <string.h>

static int add_label(struct compile *c, const char *pointer, const char *module, const char *label)
{
        if (strpbrk(label, "\n\r") || strlen(label) > 1000)
                return spec_error(
                        c->process->at, c->document, pointer,
                        "a label is one line of at most 1000 bytes");
        plan_add(c->plan, INIT, pointer, set_label, .module = module, .label = label);
        return 0;
}

int compile_labels(struct compile *c)
{
        const char *profile = c->process->apparmor_profile;
        const char *context = c->process->selinux_label;
        int r = 0;

        if (profile && *profile) {
                if (c->facts->has_apparmor)
                        r = add_label(c, "/process/apparmorProfile", "apparmor", profile);
                else if (!text_equal(profile, "unconfined"))
                        return spec_error(
                                c->process->at, c->document, "/process/apparmorProfile",
                                "AppArmor is not enabled on this host: take it out to run without");
        }
        if (r == 0 && context && *context) {
                if (!c->facts->has_selinux)
                        return spec_error(
                                c->process->at, c->document, "/process/selinuxLabel",
                                "SELinux is not enabled on this host: take it out to run without");
                r = add_label(c, "/process/selinuxLabel", "selinux", context);
        }
        if (r == 0 && c->linux_->mount_label && *c->linux_->mount_label && !c->facts->has_selinux)
                return spec_error(
                        c->linux_->at, c->document, "/linux/mountLabel",
                        "SELinux is not enabled on this host: take it out to run without");
        return r;
}

/* File systems whose inodes are labelled by the policy take no context. */
void compile_mount_label(struct compile *c, enum actor actor, const char *type, FD fs)
{
        static const char *const own[] = { "proc", "sysfs", "cgroup", "cgroup2", "mqueue" };

        if (!c->linux_->mount_label || !*c->linux_->mount_label)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (text_equal(type, own[i]))
                        return;
        plan_add(
                c->plan, actor, "/linux/mountLabel", set_fs, .fs = fs, .key = "context",
                .value = c->linux_->mount_label);
}
