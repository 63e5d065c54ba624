/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the container as a scope of systemd.
 *
 * /linux/cgroupsPath is "slice:prefix:name" then, and the manager makes the cgroups around the first
 * process, which waits for that. Limits are written into the files as without systemd; what of them
 * has a property is said to the manager too, since it writes its own values again when it likes. So
 * the properties are read off the operations: a table of files, not of the document's words. The
 * annotations org.systemd.property.NAME come last, but only those that cannot reach beyond the unit
 * (CVE-2024-3154: SuccessAction= reboots the host). */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

enum {
        UNIT_NAME_MAX = 255
};

static int refuse_path(const struct compile *c, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static int refuse_path(const struct compile *c, const char *format, ...)
{
        char words[320];
        va_list values;

        va_start(values, format);
        text_vformat(words, sizeof words, format, values);
        va_end(values);
        trail_hint("with the systemd driver it is SLICE:PREFIX:NAME, like machine.slice:husk:web");
        return spec_error(c->linux_->at, c->document, "/linux/cgroupsPath", "%s", words);
}

/* Letters, digits and ":-_." are as they are in names of units; all else is \xNN. */
static const char *escape(struct compile *c, const char *name)
{
        struct text text = { .arena = c->arena };

        for (; *name; name++)
                if ((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                    (*name >= '0' && *name <= '9') || strchr(":-_.@\\", *name))
                        text_add_char(&text, *name);
                else
                        text_addf(&text, "\\x%02x", (unsigned)(unsigned char)*name);
        return text_string(&text);
}

/* The directory of a unit: systemd puts '_' before what could be taken for a file of the cgroup. */
static const char *directory(struct compile *c, const char *unit)
{
        static const char *const taken[] = { "cgroup.", "cpu.",    "cpuacct.", "cpuset.", "io.",
                                             "blkio.",  "memory.", "devices.", "pids." };
        bool is_taken = *unit == '_' || *unit == '.';

        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                is_taken |= text_starts(unit, taken[i]);
        return is_taken ? why(c, "_%s", unit) : unit;
}

/* "a-b.slice" is "/a.slice/a-b.slice", systemd.slice(5); NULL: it is no name of a slice. */
static const char *expand_slice(struct compile *c, const char *slice)
{
        size_t size = strlen(slice), end = strlen(".slice");
        struct text path = { .arena = c->arena };

        if (text_equal(slice, "-.slice"))
                return "";
        if (size <= end || !text_equal(slice + size - end, ".slice") || strchr(slice, '/'))
                return NULL;
        size -= end;
        for (size_t i = 0; i <= size; i++) {
                if (i < size && slice[i] != '-')
                        continue;
                if (i == 0 || slice[i - 1] == '-')
                        return NULL; /* an empty part */
                text_addf(&path, "/%s", directory(c, why(c, "%.*s.slice", (int)i, slice)));
        }
        return text_string(&path);
}

/* "slice:prefix:name" in three. */
static int split(
        struct compile *c, const char **ret_slice, const char **ret_prefix, const char **ret_name)
{
        const char *path = c->linux_->cgroups_path, *first, *second;

        *ret_slice = "";
        *ret_prefix = "husk";
        *ret_name = c->options->id;
        if (!path || !*path)
                return 0;
        first = strchr(path, ':');
        second = first ? strchr(first + 1, ':') : NULL;
        if (!second || strchr(second + 1, ':'))
                return refuse_path(c, "'%.200s' is not of three parts", path);
        *ret_slice = arena_copy(c->arena, path, (size_t)(first - path));
        *ret_prefix = arena_copy(c->arena, first + 1, (size_t)(second - first - 1));
        *ret_name = second + 1;
        return 0;
}

int compile_unit_name(struct compile *c)
{
        const char *slice, *prefix, *name, *path;
        int r = split(c, &slice, &prefix, &name);

        if (r < 0)
                return r;
        if (!*slice)
                slice = c->facts->systemd.user ? "user.slice" : "system.slice";
        else if (text_equal(slice, "-"))
                slice = "-.slice";
        path = expand_slice(c, slice);
        if (!path)
                return refuse_path(
                        c, "'%.200s' is no slice: a-b.slice is one below a.slice", slice);
        if (!*name)
                return refuse_path(c, "the name is empty");
        if (strlen(name) > 6 && text_equal(name + strlen(name) - 6, ".slice"))
                return refuse_path(
                        c, "'%.200s' is a slice, and a container is a scope in one", name);
        c->slice = slice;
        c->unit = why(c, "%s%s%s.scope", escape(c, prefix), *prefix ? "-" : "", escape(c, name));
        if (strlen(c->unit) > UNIT_NAME_MAX)
                return refuse_path(c, "the unit's name is longer than 255 bytes");
        c->unit_path = why(c, "%s%s/%s", c->facts->systemd.cgroup, path, directory(c, c->unit));
        return 0;
}

/* -- properties ---------------------------------------------------------------------------------- */

struct properties {
        struct compile *c;
        const char **items; /* "Name=variant" */
        size_t n, room;
};

static void put(struct properties *p, const char *name, const char *value)
{
        const char *whole = why(p->c, "%s=%s", name, value);
        size_t size = strlen(name) + 1;

        for (size_t i = 0; i < p->n; i++)
                if (strncmp(p->items[i], whole, size) == 0) {
                        p->items[i] = whole;
                        return;
                }
        if (p->n + 1 >= p->room) {
                const char **more = arena_array(p->c->arena, 2 * p->room + 32, sizeof *more);

                if (p->n)
                        memcpy(more, p->items, p->n * sizeof *more);
                p->items = more;
                p->room = 2 * p->room + 32;
        }
        p->items[p->n++] = whole;
}

/* A string of GVariant's. */
static const char *quoted(struct compile *c, const char *string)
{
        struct text text = { .arena = c->arena };

        text_add_char(&text, '"');
        for (; *string; string++) {
                if (*string == '"' || *string == '\\')
                        text_add_char(&text, '\\');
                text_add_char(&text, *string);
        }
        text_add_char(&text, '"');
        return text_string(&text);
}

static const struct {
        const char *file, *property;
        bool of_cpus; /* a list, as bits */
} known_files[] = {
        { "memory.max", "MemoryMax", false },
        { "memory.high", "MemoryHigh", false },
        { "memory.low", "MemoryLow", false },
        { "memory.min", "MemoryMin", false },
        { "memory.swap.max", "MemorySwapMax", false },
        { "memory.limit_in_bytes", "MemoryLimit", false },
        { "pids.max", "TasksMax", false },
        { "cpu.weight", "CPUWeight", false },
        { "cpu.shares", "CPUShares", false },
        { "io.weight", "IOWeight", false },
        { "blkio.weight", "BlockIOWeight", false },
        { "cpuset.cpus", "AllowedCPUs", true },
        { "cpuset.mems", "AllowedMemoryNodes", true },
};

/* "max" and "-1" are what systemd has as the largest number. NULL: it is none, "8:0 100". */
static const char *as_number(struct compile *c, const char *value)
{
        uint64_t number;

        if (text_equal(value, "max") || text_equal(value, "-1"))
                number = UINT64_MAX;
        else if (text_u64(value, &number) < 0)
                return NULL;
        return why(c, "uint64 %llu", (unsigned long long)number);
}

/* "0-3,7" as bytes, the lowest bit of the first one for 0. */
static const char *as_bits(struct compile *c, const char *list)
{
        enum {
                MOST = 8192
        };

        uint8_t bits[MOST / 8] = { 0 };
        struct text text = { .arena = c->arena };
        size_t size = 0;

        while (*list) {
                char *end;
                unsigned long first = strtoul(list, &end, 10), last = first;

                if (end == list)
                        return NULL;
                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                if (last >= MOST || last < first)
                        return NULL;
                for (; first <= last; first++)
                        bits[first / 8] |= (uint8_t)(1 << first % 8);
                size = last / 8 + 1 > size ? last / 8 + 1 : size;
                list = end + (*end == ',');
        }
        text_add(&text, "@ay [");
        for (size_t i = 0; i < size; i++)
                text_addf(&text, "%s%u", i ? ", " : "", bits[i]);
        text_add_char(&text, ']');
        return text_string(&text);
}

/* Microseconds a second; systemd keeps whole percents, so upwards to one. */
static void put_quota(struct properties *p, const char *quota, const char *period)
{
        uint64_t most, of = 100000;

        if (period && text_u64(period, &of) < 0)
                return;
        if (text_u64(quota, &most) < 0)
                most = UINT64_MAX;
        else if (of == 0 || most > UINT64_MAX / 1000000)
                return;
        else
                most = (most * 1000000 / of + 9999) / 10000 * 10000;
        put(p, "CPUQuotaPerSecUSec", why(p->c, "uint64 %llu", (unsigned long long)most));
        if (period)
                put(p, "CPUQuotaPeriodUSec", why(p->c, "uint64 %llu", (unsigned long long)of));
}

static void put_file(struct properties *p, const char *file, const char *value)
{
        const char *space = strchr(value, ' ');

        if (text_equal(file, "cpu.max"))
                put_quota(
                        p, arena_copy(p->c->arena, value, strcspn(value, " ")),
                        space ? space + 1 : NULL);
        if (text_equal(file, "cpu.cfs_quota_us"))
                put_quota(p, value, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(known_files); i++) {
                const char *property = known_files[i].property;

                if (!text_equal(known_files[i].file, file))
                        continue;
                value = known_files[i].of_cpus ? as_bits(p->c, value) : as_number(p->c, value);
                if (value)
                        put(p, property, value);
                return;
        }
}

/* A line of v1's devices files, "c 1:3 rwm", as systemd says it: ("/dev/char/1:3", "rwm"). Majors with
 * all of their minors have names there, of which only that of ptys is the same on every host. */
static bool add_device(struct text *list, struct compile *c, const char *line)
{
        const char *numbers = line + 2, *access = strchr(numbers, ' ');
        bool block = line[0] == 'b';
        const char *name;

        if (!access || (line[0] != 'b' && line[0] != 'c'))
                return false;
        if (text_starts(numbers, "*:*"))
                name = block ? "block-*" : "char-*";
        else if (!block && text_starts(numbers, "136:*"))
                name = "char-pts";
        else if (memchr(numbers, '*', (size_t)(access - numbers)))
                return false;
        else
                name =
                        why(c, "/dev/%s/%.*s", block ? "block" : "char", (int)(access - numbers),
                            numbers);
        text_addf(list, "%s(\"%s\", \"%s\")", list->len ? ", " : "", name, access + 1);
        return true;
}

/* On v1 systemd writes the rules again that it knows, all allowed when there are none. On v2 ours are a
 * program of their own, which it leaves alone. */
static void put_devices(struct properties *p, const struct op_list *list)
{
        struct text allowed = { .arena = p->c->arena };
        const char *lines = NULL;
        bool denied = false, sayable = true;

        for (size_t i = 0; i < list->n; i++) {
                const struct op_set_cgroup *o = &list->ops[i].as.set_cgroup;

                if (list->ops[i].code != OP_set_cgroup)
                        continue;
                denied |= text_equal(o->file, "devices.deny") && text_equal(o->values, "a");
                if (denied && text_equal(o->file, "devices.allow"))
                        lines = o->values;
                sayable &= !(text_equal(o->file, "devices.deny") && !text_equal(o->values, "a"));
        }
        while (lines && *lines && sayable) {
                size_t size = strcspn(lines, "\n");

                sayable = add_device(&allowed, p->c, arena_copy(p->c->arena, lines, size));
                lines += size + (lines[size] == '\n');
        }
        if (!sayable)
                plan_note(
                        p->c->plan,
                        R "devices: `systemctl daemon-reload` may lift them on cgroup v1: systemd "
                          "has no words for all of these rules");
        else if (denied) {
                put(p, "DevicePolicy", "\"strict\"");
                put(p, "DeviceAllow", why(p->c, "@a(ss) [%s]", text_string(&allowed)));
        }
}

static void put_limits(struct properties *p)
{
        const struct op_list *list = &p->c->plan->list[HOST];

        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];

                if (op->code == OP_set_cgroup) {
                        put_file(p, op->as.set_cgroup.file, op->as.set_cgroup.values);
                } else if (op->code == OP_set_cgroup_pair) {
                        const struct op_set_cgroup_pair *o = &op->as.set_cgroup_pair;

                        put_file(p, o->file, o->value);
                        if (text_equal(o->file2, "cpu.cfs_quota_us"))
                                put_quota(p, o->value2, o->value);
                        else
                                put_file(p, o->file2, o->value2);
                }
        }
        put_devices(p, list);
}

/* -- annotations --------------------------------------------------------------------------------- */

/* What stays within the unit: how it ends, how it is counted and shown, what it waits for. */
static bool is_allowed(const char *name)
{
        static const char *const allowed[] = {
                "After",
                "AllowedCPUs",
                "AllowedMemoryNodes",
                "Before",
                "BlockIO*",
                "CPU*",
                "CollectMode",
                "Description",
                "Documentation",
                "FinalKillSignal",
                "IO*",
                "IPAccounting",
                "KillMode",
                "KillSignal",
                "ManagedOOM*",
                "Memory*",
                "OOMPolicy",
                "RestartKillSignal",
                "RuntimeMaxUSec",
                "RuntimeRandomizedExtraUSec",
                "SendSIGHUP",
                "SendSIGKILL",
                "StartupBlockIOWeight",
                "StartupCPU*",
                "StartupIOWeight",
                "StartupAllowedCPUs",
                "Tasks*",
                "TimeoutStopUSec",
                "WatchdogSignal",
        };

        for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
                size_t size = strcspn(allowed[i], "*");

                if (strncmp(name, allowed[i], size) == 0 &&
                    (allowed[i][size] == '*' || !name[size]))
                        return true;
        }
        return false;
}

/* "TimeoutStopSec": 5, as systemd's files have it, is TimeoutStopUSec: uint64 5000000 to the bus. */
static int seconds(struct compile *c, const char **name, const char **value)
{
        static const char *const types[] = { "uint64 ", "int64 ", "uint32 ", "int32 " };
        size_t size = strlen(*name);
        const char *digits = *value;
        uint64_t number;

        if (size < 4 || !text_equal(*name + size - 3, "Sec") || (*name)[size - 4] < 'a')
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (text_starts(*value, types[i]))
                        digits = *value + strlen(types[i]);
        if (text_u64(digits, &number) < 0 || number > UINT64_MAX / 1000000)
                return -EINVAL;
        *name = why(c, "%.*sUSec", (int)size - 3, *name);
        *value = why(c, "uint64 %llu", (unsigned long long)number * 1000000);
        return 0;
}

static int put_annotations(struct properties *p)
{
        struct compile *c = p->c;

        for (size_t i = 0; i < c->spec->annotations.n; i++) {
                const struct spec_pair *pair = &c->spec->annotations.items[i];
                const char *prefix = compile_annotations[ANNOTATION_SYSTEMD];
                const char *pointer = text_pointer(c->arena, "/annotations", pair->key);
                const char *name = pair->key + strlen(prefix), *value = pair->value;
                uint8_t bytes[2048];
                struct dbus_writer w = { .data = bytes, .room = sizeof bytes };

                if (!text_starts(pair->key, prefix))
                        continue;
                if (seconds(c, &name, &value) < 0)
                        return spec_error(
                                c->spec->at, c->document, pointer,
                                "'%.60s' is no whole number of seconds", value);
                if (!is_allowed(name)) {
                        trail_hint("see `husk-oci explain`, and the list in the documentation of "
                                   "cgroups");
                        return spec_error(
                                c->spec->at, c->document, pointer,
                                "is no property that a container may set of its unit");
                }
                if (dbus_put_variant(&w, value) < 0 || w.failed)
                        return spec_error(
                                c->spec->at, c->document, pointer,
                                "'%.60s' is no value in GVariant's text format, like uint64 5 or "
                                "'words'",
                                value);
                put(p, name, value);
        }
        return 0;
}

/* -- the operations ------------------------------------------------------------------------------ */

static void put_basics(struct properties *p)
{
        struct compile *c = p->c;
        static const char *const yes[] = { "Delegate", "CPUAccounting", "MemoryAccounting",
                                           "TasksAccounting" };

        put(p, "Description", quoted(c, why(c, "container %s", c->options->id)));
        put(p, "Slice", quoted(c, c->slice));
        put(p, "DefaultDependencies", "false");
        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                put(p, yes[i], "true");
        put(p, c->facts->cgroup_mode == CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting", "true");
}

static WORDS words(struct properties *p)
{
        p->items[p->n] = NULL;
        return (WORDS){ p->items, p->n };
}

int compile_unit_start(struct compile *c)
{
        struct properties p = { .c = c };
        size_t at = c->plan->list[HOST].n;
        int r;

        plan_add(
                c->plan, HOST, "/linux/cgroupsPath", start_unit, .socket = c->facts->systemd.socket,
                .unit = c->unit);
        r = compile_cgroup_fill(c);
        if (r < 0)
                return r;
        put_basics(&p);
        put_limits(&p);
        r = put_annotations(&p);
        if (r < 0)
                return r;
        c->plan->list[HOST].ops[at].as.start_unit.properties = words(&p);
        plan_add(c->plan, HOST, "/linux/cgroupsPath", open_gate, .gate = GATE_PLACED);
        return 0;
}

/* systemd writes whole percents of a quota: it is written again behind that. */
static void restore_quota(struct compile *c, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct op *op = &c->plan->list[HOST].ops[i];
                bool single = op->code == OP_set_cgroup &&
                              (text_equal(op->as.set_cgroup.file, "cpu.max") ||
                               text_equal(op->as.set_cgroup.file, "cpu.cfs_quota_us"));

                if (single || (op->code == OP_set_cgroup_pair &&
                               text_equal(op->as.set_cgroup_pair.file2, "cpu.cfs_quota_us")))
                        plan_push(c->plan, HOST, *op);
        }
}

void compile_unit_set(struct compile *c)
{
        struct properties p = { .c = c };
        size_t n = c->plan->list[HOST].n;

        if (!c->options->unit)
                return;
        put_limits(&p);
        if (!p.n)
                return;
        plan_add(
                c->plan, HOST, "[systemd]", set_unit, .socket = c->options->unit_socket,
                .unit = c->options->unit, .properties = words(&p));
        restore_quota(c, n);
}

void compile_unit_attach(struct compile *c)
{
        if (!c->attaches)
                return;
        plan_add(
                c->plan, HOST, "/linux/cgroupsPath", attach_unit, .socket = c->options->unit_socket,
                .unit = c->options->unit);
        plan_add(c->plan, HOST, "/linux/cgroupsPath", open_gate, .gate = GATE_PLACED);
}

static void join(struct compile *c, const char *file)
{
        plan_add(c->plan, INIT, "/linux/cgroupsPath", join_cgroup, .cgroup = -1, .file = file);
}

/* On v1 systemd knows some hierarchies only: the process goes into all of them by itself, by name, since
 * it has no descriptor of what was made after it. */
void compile_unit_join(struct compile *c)
{
        plan_add(c->plan, INIT, "/linux/cgroupsPath", await_gate, .gate = GATE_PLACED);
        if (!c->unit || c->facts->cgroup_mode == CGROUP_V2)
                return;
        for (size_t i = 0; i < c->n_cgroups; i++)
                join(c, why(c, "%s/tasks", compile_cgroup_path(c, &c->facts->v1[i])));
        if (c->cgroup2 >= 0)
                join(c, why(c, "%s/cgroup.procs", compile_cgroup_path(c, &c->facts->v2)));
}
