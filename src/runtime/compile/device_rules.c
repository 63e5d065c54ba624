/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/resources/devices.
 *
 * One list of rules for both versions: the document's, then the devices that the document makes,
 * then the defaults that every container has. The last rule that speaks about an access of a device
 * decides it. v1 gets the outcome as a state with exceptions, v2 a program. */
#include "limits.h"

#include <string.h>

#include <linux/bpf.h>

/* What every container may use, whatever the rules say: to make any node, and to open the default
 * devices (config-linux.md, "Default Devices"). */
static const struct {
        char type;
        int16_t major, minor; /* -1: any */
        bool open;            /* else to be made only */
} default_rules[] = {
        { 'c', -1, -1, false }, { 'b', -1, -1, false }, { 'c', 1, 3, true }, { 'c', 1, 5, true },
        { 'c', 1, 7, true },    { 'c', 1, 8, true },    { 'c', 1, 9, true }, { 'c', 5, 0, true },
        { 'c', 5, 2, true },    { 'c', 136, -1, true },
};

static int check_number(
        const struct compile *c, const struct spec_device_rule *rule, size_t i, const char *name,
        const struct spec_opt_i64 *number)
{
        if (!number->set || (number->value >= DEVICES_ANY && number->value <= INT32_MAX))
                return 0;
        return spec_error(
                rule->at, c->document, why(c, R "devices/%zu/%s", i, name),
                "%lld is no number of a device", (long long)number->value);
}

static int read_rule(
        struct compile *c, const struct spec_device_rule *from, size_t i,
        struct device_rule *ret_rule)
{
        const char *access = from->access ? from->access : "rwm";
        int r;

        if ((r = check_number(c, from, i, "major", &from->major)) < 0 ||
            (r = check_number(c, from, i, "minor", &from->minor)) < 0)
                return r;
        if (access[strspn(access, "rwm")])
                return spec_error(
                        from->at, c->document, why(c, R "devices/%zu/access", i),
                        "'%.20s' is not made of r, w and m", access);
        *ret_rule = (struct device_rule){
                .allow = from->allow,
                .type = from->type ? from->type[0] : 'a',
                .major = from->major.set ? from->major.value : DEVICES_ANY,
                .minor = from->minor.set ? from->minor.value : DEVICES_ANY,
                .read = strchr(access, 'r') != NULL,
                .write = strchr(access, 'w') != NULL,
                .mknod = strchr(access, 'm') != NULL,
        };
        return 0;
}

/* Does a rule of the document speak about this very device? Then that is what was meant. */
static bool is_ruled(const struct device_rule *rules, size_t n, const struct spec_device *device)
{
        for (size_t i = 0; i < n; i++)
                if (rules[i].type == (device->type[0] == 'b' ? 'b' : 'c') &&
                    rules[i].major == device->major && rules[i].minor == device->minor)
                        return true;
        return false;
}

static int collect(struct compile *c, struct device_rule **ret_rules, size_t *ret_n)
{
        const struct spec_resources *resources = c->linux_->resources;
        size_t n = resources ? resources->devices.n : 0, k = 0;
        struct device_rule *rules = arena_array(
                c->arena, n + c->linux_->devices.n + ARRAY_SIZE(default_rules), sizeof *rules);

        for (; k < n; k++) {
                int r = read_rule(c, &resources->devices.items[k], k, &rules[k]);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < c->linux_->devices.n; i++) {
                const struct spec_device *device = &c->linux_->devices.items[i];

                if (device->type[0] != 'p' && !is_ruled(rules, n, device))
                        rules[k++] = (struct device_rule){
                                .allow = true,
                                .type = device->type[0] == 'b' ? 'b' : 'c',
                                .major = device->major,
                                .minor = device->minor,
                                .read = true,
                                .write = true,
                                .mknod = true,
                        };
        }
        for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++)
                rules[k++] = (struct device_rule){
                        .allow = true,
                        .type = default_rules[i].type,
                        .major = default_rules[i].major,
                        .minor = default_rules[i].minor,
                        .read = default_rules[i].open,
                        .write = default_rules[i].open,
                        .mknod = true,
                };
        *ret_rules = rules;
        *ret_n = k;
        return 0;
}

static int put_state(struct compile *c, FD cgroup, const struct device_rule *rules, size_t n)
{
        const struct spec_resources *resources = c->linux_->resources;
        const char *exceptions;
        bool allow;
        int r = devices_compile_v1(c->arena, rules, n, &allow, &exceptions);

        if (r < 0) {
                char words[160];

                text_format(words, sizeof words, "%s", trail_text());
                trail_reset();
                trail_hint("say what is allowed instead: begin with a rule that denies everything");
                return spec_error(
                        resources ? resources->at : NULL, c->document, R "devices", "%s", words);
        }
        plan_add(
                c->plan, HOST, R "devices", set_cgroup, .cgroup = cgroup,
                .file = allow ? "devices.allow" : "devices.deny", .values = "a");
        if (*exceptions)
                plan_add(
                        c->plan, HOST, R "devices", set_cgroup, .cgroup = cgroup,
                        .file = allow ? "devices.deny" : "devices.allow", .values = exceptions);
        return 0;
}

int compile_device_rules(struct compile *c)
{
        struct controller v1 = compile_find_controller(c, "devices");
        const struct bpf_insn *program;
        struct device_rule *rules;
        size_t n, n_program;
        int r;

        if (!facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */))
                return 0;
        if (c->facts->in_user_namespace) {
                plan_note(
                        c->plan, R "devices: no rules: they are for the first user namespace to "
                                   "make; those around us hold, and no device can be made here");
                return 0;
        }
        r = collect(c, &rules, &n);
        if (r < 0)
                return r;
        if (v1.cgroup >= 0)
                return put_state(c, v1.cgroup, rules, n);
        if (c->cgroup2 < 0) {
                plan_note(c->plan, R "devices: no rules: this host has no controller for devices");
                return 0;
        }
        r = devices_compile(c->arena, rules, n, &program, &n_program);
        if (r < 0)
                return trail(r, R "devices");
        plan_add(
                c->plan, HOST, R "devices", filter_devices, .cgroup = c->cgroup2,
                .program = { program, n_program * sizeof *program });
        return 0;
}
