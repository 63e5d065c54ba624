/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: device rules for the controller of cgroup v1.
 *
 * That controller is a state, not a list of rules: everything is allowed or everything is denied,
 * and there are exceptions from it. What a line does to the state is narrower than it looks: one
 * that takes an exception back changes only that of the very same numbers, so "deny c 1:3" after
 * "allow c 1:*" is accepted and does nothing; "a" with numbers means all devices; and an access is
 * granted only when a single exception has all of it. Written one after the other, rules would
 * therefore mean something else than in the document, and silently so.
 *
 * So the outcome of the rules is computed here, and written: the state, then its exceptions. Where
 * exceptions overlap the common part becomes one of its own with the accesses of both. A list whose
 * outcome is no such state (a part of an exception is taken back) is refused. */
#include "base/base.h"
#include "devices.h"

enum {
        READ = 1,
        WRITE = 2,
        MKNOD = 4,
        ALL = READ | WRITE | MKNOD
};

struct exception {
        char type; /* 'b', 'c' */
        int64_t major, minor;
        unsigned access;
};

struct state {
        struct arena *arena;
        bool allow; /* all but the exceptions */
        struct exception *list;
        size_t n, room;
};

static unsigned access_of(const struct device_rule *rule)
{
        return (rule->read ? READ : 0U) | (rule->write ? WRITE : 0U) | (rule->mknod ? MKNOD : 0U);
}

static bool covers_number(int64_t a, int64_t b)
{
        return a == DEVICES_ANY || a == b;
}

/* Is every device of b one of a? */
static bool covers(const struct exception *a, const struct exception *b)
{
        return a->type == b->type && covers_number(a->major, b->major) &&
               covers_number(a->minor, b->minor);
}

/* The devices of both; false: there are none. */
static bool common(
        const struct exception *a, const struct exception *b, struct exception *ret_common)
{
        if (a->type != b->type ||
            !(covers_number(a->major, b->major) || covers_number(b->major, a->major)) ||
            !(covers_number(a->minor, b->minor) || covers_number(b->minor, a->minor)))
                return false;
        *ret_common = (struct exception){
                a->type,
                a->major == DEVICES_ANY ? b->major : a->major,
                a->minor == DEVICES_ANY ? b->minor : a->minor,
                a->access | b->access,
        };
        return true;
}

/* The exception for exactly these devices; made when missing. */
static struct exception *place(struct state *s, const struct exception *where)
{
        for (size_t i = 0; i < s->n; i++)
                if (covers(&s->list[i], where) && covers(where, &s->list[i]))
                        return &s->list[i];
        if (s->n == s->room) {
                size_t room = s->room ? 2 * s->room : 16;
                struct exception *list = arena_array(s->arena, room, sizeof *list);

                for (size_t i = 0; i < s->n; i++)
                        list[i] = s->list[i];
                s->list = list;
                s->room = room;
        }
        s->list[s->n] = *where;
        s->list[s->n].access = 0;
        return &s->list[s->n++];
}

static void add(struct state *s, const struct exception *new)
{
        place(s, new)->access |= new->access;
        if (s->allow)
                return; /* a denial of a part is enough there */
        /* Reading and writing come in one question: to be granted both, one exception has both. */
        for (size_t i = 0; i < s->n; i++) {
                struct exception both;
                unsigned asked;

                if (!common(&s->list[i], new, &both))
                        continue;
                asked = (s->list[i].access | new->access) & (READ | WRITE);
                if (asked == (READ | WRITE) && (s->list[i].access & asked) != asked)
                        place(s, &both)->access |= asked;
        }
}

/* Take accesses out of the exceptions: 0, or -EOPNOTSUPP when one keeps devices besides. */
static int take(struct state *s, const struct exception *old)
{
        for (size_t i = 0; i < s->n; i++) {
                struct exception both;

                if (!(s->list[i].access & old->access) || !common(&s->list[i], old, &both))
                        continue;
                if (!covers(old, &s->list[i]))
                        return -EOPNOTSUPP;
                s->list[i].access &= ~old->access;
        }
        return 0;
}

static int apply(struct state *s, const struct device_rule *rule)
{
        static const char types[] = { 'b', 'c' };
        unsigned access = access_of(rule);

        if (rule->type == 'a' && rule->major == DEVICES_ANY && rule->minor == DEVICES_ANY &&
            access == ALL) {
                s->allow = rule->allow;
                s->n = 0;
                return 0;
        }
        for (size_t i = 0; i < sizeof types && access; i++) {
                struct exception one = { types[i], rule->major, rule->minor, access };
                int r = 0;

                if (rule->type != 'a' && (rule->type == 'b') != (types[i] == 'b'))
                        continue;
                if (rule->allow == s->allow)
                        r = take(s, &one);
                else
                        add(s, &one);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const char *number(struct arena *arena, int64_t number)
{
        return number == DEVICES_ANY ? "*" : arena_format(arena, "%lld", (long long)number);
}

int devices_compile_v1(
        struct arena *arena, const struct device_rule *rules, size_t n, bool *ret_allow,
        const char **ret_exceptions)
{
        struct state state = { .arena = arena };
        struct text text = { .arena = arena };

        for (size_t i = 0; i < n; i++) {
                int r = apply(&state, &rules[i]);

                if (r < 0)
                        return trail(
                                r,
                                "device rule %zu takes a part out of what an earlier one says, "
                                "which cgroup v1 cannot",
                                i);
        }
        for (size_t i = 0; i < state.n; i++) {
                const struct exception *e = &state.list[i];

                if (e->access)
                        text_addf(
                                &text, "%s%c %s:%s %s%s%s", text.len ? "\n" : "", e->type,
                                number(arena, e->major), number(arena, e->minor),
                                e->access & READ ? "r" : "", e->access & WRITE ? "w" : "",
                                e->access & MKNOD ? "m" : "");
        }
        *ret_allow = state.allow;
        *ret_exceptions = text.len ? text_string(&text) : "";
        return 0;
}
