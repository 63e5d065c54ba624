/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a plan as text for people.
 *
 * The printer loops over op_operands(), so a new operation is printed without a word in here. It
 * leaves out what says nothing (absent values, zero numbers, slot -1) and never lets a byte of the
 * user's document act on the terminal. It keeps one thing in mind while it goes: which namespaces
 * the process is in at that point. */
#include "linux/linux.h"
#include "operand.h"

#include <string.h>

#include <linux/sched.h>

static bool has_control(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < ' ' || *s == 0x7f || (unsigned char)*s >= 0x80)
                        return true;
        return false;
}

/* One shell word; one with control characters is shown, not executable: 'a\nb'. */
static void put_word(struct text *out, const char *word)
{
        if (!has_control(word)) {
                text_add_shell(out, word);
                return;
        }
        text_add_char(out, '\'');
        while (*word) {
                size_t n = strcspn(word, "\n\t");
                struct text part = { .arena = out->arena };

                text_add_bytes(&part, word, n);
                text_add_visible(out, text_string(&part));
                word += n;
                if (*word)
                        text_add(out, *word++ == '\n' ? "\\n" : "\\t");
        }
        text_add_char(out, '\'');
}

size_t spaces_names(NSSET set, const char *ret_names[SPACES])
{
        size_t n = 0;

        for (size_t i = 0; i < SPACES; i++)
                if (set & plan_spaces[i].bit)
                        ret_names[n++] = plan_spaces[i].name;
        return n;
}

size_t caps_names(CAPS caps, const char *ret_names[64])
{
        size_t n = 0;

        for (unsigned i = 0; i < 64; i++)
                if (caps >> i & 1 && caps_name(i))
                        ret_names[n++] = caps_name(i);
        return n;
}

static void put_list(struct text *out, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (i)
                        text_add_char(out, ',');
                text_add(out, names[i]);
        }
}

static void put_caps(struct text *out, CAPS caps)
{
        const char *names[64];
        size_t n = caps_names(caps, names);

        if ((caps & caps_all()) == caps_all())
                text_add(out, "all");
        else if (n == 0)
                text_add(out, "none");
        else
                put_list(out, names, n);
}

static void put_attrs(struct text *out, ATTRS attrs)
{
        const char *names[16];
        uint64_t rest;
        size_t n = attrs_names(attrs, names, ARRAY_SIZE(names), &rest);

        put_list(out, names, n);
        if (rest)
                text_addf(out, "%s0x%llx", n ? "," : "", (unsigned long long)rest);
}

static void put_ids(struct text *out, const IDS *ids)
{
        if (!ids->n)
                text_add(out, "none");
        for (size_t i = 0; i < ids->n; i++)
                text_addf(out, "%s%u", i ? "," : "", ids->items[i]);
}

static void put_words(struct text *out, const WORDS *words)
{
        text_add_char(out, '[');
        for (size_t i = 0; i < words->n; i++) {
                if (i)
                        text_add_char(out, ' ');
                put_word(out, words->items[i]);
        }
        text_add_char(out, ']');
}

static void put_device(struct text *out, const DEVICE *device)
{
        text_add_char(out, device->type ? device->type : '?');
        if (device->type != 'p')
                text_addf(out, " %u:%u", device->major, device->minor);
}

static void put_bytes(struct text *out, const struct op *op, const BYTES *bytes)
{
        /* Classic and extended BPF alike have instructions of eight bytes. */
        bool program = op->code == OP_load_seccomp || op->code == OP_load_listener ||
                       op->code == OP_filter_devices;

        if (program)
                text_addf(out, "<%zu instructions>", bytes->size / 8);
        else
                text_addf(out, "<%zu bytes>", bytes->size);
}

/* Does the value say nothing? */
static bool is_absent(const struct op *op, const struct operand *operand)
{
        static const uint64_t zero = 0;

        switch (operand->kind) {
        case KIND_TEXT:
                return !*(const TEXT *)operand->value;
        case KIND_NUM: /* but "set_ids uid=0" and "guard_parent on=0" say something */
                return op->code != OP_set_ids && op->code != OP_guard_parent &&
                       memcmp(operand->value, &zero, sizeof zero) == 0;
        case KIND_FLAGS:
        case KIND_ATTRS:
                return memcmp(operand->value, &zero, sizeof zero) == 0;
        case KIND_NSSET:
        case KIND_PROPAGATION:
        case KIND_TARGET:
                return memcmp(operand->value, &zero, sizeof(uint32_t)) == 0;
        case KIND_FD:
        case KIND_NEWFD:
        case KIND_OLDFD:
                return operand_slot(operand) < 0;
        case KIND_PATH:
        case KIND_U64:
        case KIND_MODE:
        case KIND_CAPS:
        case KIND_DEVICE:
        case KIND_IDS:
        case KIND_WORDS:
        case KIND_BYTES:
        case KIND_RLIMIT:
        case KIND_GATE:
                break;
        }
        return false;
}

static void put_u64(struct text *out, uint64_t value)
{
        if (value == UINT64_MAX)
                text_add(out, "unlimited");
        else
                text_addf(out, "%llu", (unsigned long long)value);
}

static void put_spaces(struct text *out, NSSET set)
{
        const char *names[SPACES];

        put_list(out, names, spaces_names(set, names));
}

void operand_print(const struct op *op, const struct operand *operand, struct text *out)
{
        const void *v = operand->value;

        switch (operand->kind) {
        case KIND_PATH:
        case KIND_TEXT:
                put_word(out, *(const PATH *)v);
                break;
        case KIND_NUM:
                text_addf(out, "%lld", (long long)*(const NUM *)v);
                break;
        case KIND_U64:
                put_u64(out, *(const U64 *)v);
                break;
        case KIND_FLAGS:
                text_addf(out, "0x%llx", (unsigned long long)*(const FLAGS *)v);
                break;
        case KIND_MODE:
                text_addf(out, "%04o", *(const MODE *)v);
                break;
        case KIND_NSSET:
                put_spaces(out, *(const NSSET *)v);
                break;
        case KIND_ATTRS:
                put_attrs(out, *(const ATTRS *)v);
                break;
        case KIND_CAPS:
                put_caps(out, *(const CAPS *)v);
                break;
        case KIND_FD:
        case KIND_NEWFD:
        case KIND_OLDFD:
                text_addf(out, "%%%d", operand_slot(operand));
                break;
        case KIND_DEVICE:
                put_device(out, v);
                break;
        case KIND_IDS:
                put_ids(out, v);
                break;
        case KIND_WORDS:
                put_words(out, v);
                break;
        case KIND_BYTES:
                put_bytes(out, op, v);
                break;
        case KIND_PROPAGATION:
                text_add(out, propagation_name(*(const PROPAGATION *)v));
                break;
        case KIND_TARGET:
                text_add(out, target_name(*(const TARGET *)v));
                break;
        case KIND_RLIMIT:
                text_add(out, rlimit_name(*(const RLIMIT *)v));
                break;
        case KIND_GATE:
                text_add(out, gate_name(*(const GATE *)v));
                break;
        }
}

static void put_operands(struct text *out, const struct op *op)
{
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(op, operands);

        for (size_t i = 0; i < n; i++) {
                if (is_absent(op, &operands[i]))
                        continue;
                text_addf(
                        out, "%s%s=", operands[i].kind == KIND_NEWFD ? " -> " : " ",
                        operands[i].name);
                operand_print(op, &operands[i], out);
        }
}

void op_print(const struct op *op, struct text *out)
{
        text_add(out, op_name(op));
        put_operands(out, op);
}

/* -- text: the list ---------------------------------------------------------------------------- */

/* Where a process is: for each namespace the words that say which. */
struct place {
        const char *in[SPACES];
        bool done;
};

static void put_place(struct text *out, const struct place *place)
{
        text_add(out, "  # namespaces:");
        for (size_t i = 0; i < SPACES; i++)
                text_addf(out, " %s=%s", plan_spaces[i].name, place->in[i]);
        text_add_char(out, '\n');
}

static void place_set(struct place *place, NSSET set, const char *words)
{
        for (size_t i = 0; i < SPACES; i++)
                if (set & plan_spaces[i].bit)
                        place->in[i] = words;
}

/* The path of the open_namespace that wrote the slot, of either list. */
static const char *joined_path(const struct plan *plan, int16_t slot, struct arena *arena)
{
        struct text word = { .arena = arena };

        for (int actor = HOST; actor < ACTORS; actor++)
                for (size_t i = 0; i < plan->list[actor].n; i++) {
                        const struct op *op = &plan->list[actor].ops[i];

                        if (op->code == OP_open_namespace && op->as.open_namespace.ns == slot) {
                                put_word(&word, op->as.open_namespace.path);
                                return text_string(&word);
                        }
                }
        return "joined";
}

/* The operation's effect on where the process is; false when it has none. Unsharing pid and time
 * moves only the children, which `next` collects for the spawned process. */
static bool place_apply(
        const struct plan *plan, const struct op *op, struct place *now, struct place *next)
{
        const NSSET children = CLONE_NEWPID | CLONE_NEWTIME;

        switch ((int)op->code) {
        case OP_unshare:
                place_set(now, op->as.unshare.spaces & ~children, "new");
                place_set(now, op->as.unshare.spaces & children, "new-for-children");
                if (!next->done)
                        place_set(next, op->as.unshare.spaces, "new");
                return true;
        case OP_join_namespace: {
                const struct op_join_namespace *o = &op->as.join_namespace;
                const char *path = joined_path(plan, o->ns, plan->arena);

                place_set(now, o->type, path);
                if (!next->done)
                        place_set(next, o->type, path);
                return true;
        }
        case OP_spawn:
                place_set(next, op->as.spawn.spaces, "new");
                next->done = true; /* what the spawner does later is its own */
                return false;
        case OP_fork_init:
                for (size_t i = 0; i < SPACES; i++)
                        if (text_equal(now->in[i], "new-for-children"))
                                now->in[i] = "new";
                place_set(now, op->as.fork_init.spaces, "new");
                return true;
        default:
                return false;
        }
}

enum {
        NAME_WIDTH = 15,
        WHY_COLUMN = 72
};

/* Spaces up to a length of the text. */
static void put_gap(struct text *out, size_t len)
{
        while (out->len < len)
                text_add_char(out, ' ');
}

static void put_line(struct text *out, const struct op_list *list, size_t i)
{
        const struct op *op = &list->ops[i];
        bool other = i > 0 && list->ops[i - 1].has_else;

        text_addf(out, "%3zu  %s%s", i, other ? "else " : "", op_name(op));
        put_gap(out, 5 + NAME_WIDTH);
        put_operands(out, op);
        while (out->len && out->data[out->len - 1] == ' ')
                out->data[--out->len] = '\0';
}

/* The column where the reasons begin: after the longest line that is not long by itself. */
static size_t why_column(const struct op_list *list, struct arena *arena)
{
        size_t column = 0;

        for (size_t i = 0; i < list->n; i++) {
                struct text line = { .arena = arena };

                put_line(&line, list, i);
                if (line.len + 2 <= WHY_COLUMN && line.len + 2 > column)
                        column = line.len + 2;
        }
        return column;
}

static void put_list_text(
        const struct plan *plan, enum actor actor, struct place *now, struct place *next,
        struct text *out)
{
        const struct op_list *list = &plan->list[actor];
        size_t column = why_column(list, out->arena);

        put_place(out, now);
        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];
                struct text line = { .arena = out->arena };

                put_line(&line, list, i);
                if (op->why) {
                        text_add(&line, "  ");
                        put_gap(&line, column);
                        text_add(&line, "# ");
                        text_add_visible(&line, op->why);
                }
                text_add(out, text_string(&line));
                text_add_char(out, '\n');
                if (place_apply(plan, op, now, next))
                        put_place(out, now);
        }
}

void plan_print_text(const struct plan *plan, struct text *out)
{
        struct place now, next, nothing;

        now.done = false;
        place_set(&now, ~0u, "caller's");
        next = nothing = now;
        if (plan->list[HOST].n) {
                text_add(out, "host\n");
                put_list_text(plan, HOST, &now, &next, out);
        }
        if (plan->list[INIT].n) {
                text_add(out, "init (the container's first process)\n");
                put_list_text(plan, INIT, &next, &nothing, out);
        }
        for (size_t i = 0; i < plan->n_notes; i++) {
                text_add(out, "note: ");
                text_add_visible(out, plan->notes[i].words);
                text_add_char(out, '\n');
        }
}
