/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the annotation dev.husk.landlock: rules to a set of Landlock's.
 *
 * docs/landlock.md is the grammar. One rule of a kind (files, bind, connect) denies all of that kind
 * that no rule allows. The paths are opened inside the container's root while we are still root
 * there; the process is restricted when nothing is left to set up: after no_new_privs, or, without
 * it, as long as CAP_SYS_ADMIN allows it. */
#include "compile.h"

#include <string.h>

#include <linux/capability.h>

#define ANNOTATION "dev.husk.landlock"
#define POINTER    "/annotations/" ANNOTATION

enum {
        READ = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR,
        WRITE = READ | LANDLOCK_WRITE_FILE | LANDLOCK_CHANGE_DIR | LANDLOCK_REFER |
                LANDLOCK_TRUNCATE | LANDLOCK_IOCTL_DEV,
};

static const struct kind {
        const char *word;
        uint64_t files, ports;
} kinds[] = {
        { "ro", READ, 0 },
        { "rw", WRITE, 0 },
        { "exec", READ | LANDLOCK_EXECUTE, 0 },
        { "rwx", WRITE | LANDLOCK_EXECUTE, 0 },
        { "bind", 0, LANDLOCK_BIND },
        { "connect", 0, LANDLOCK_CONNECT },
};

struct rule {
        const char *words; /* for messages */
        const struct kind *kind;
        const char *argument;
        bool optional;
};

struct rules {
        struct rule *items;
        size_t n;
        uint64_t files, ports; /* of all of them */
        bool best_effort;
};

static int refuse(struct compile *c, const char *words, const char *reason)
{
        return spec_error(c->spec->at, c->document, POINTER, "rule '%s': %s", words, reason);
}

/* One without space around it, with a NUL at its end. */
static int read_rule(struct compile *c, char *words, struct rules *rules)
{
        struct rule *rule = &rules->items[rules->n];
        char *colon = strchr(words, ':'), *word = why(c, "%s", words);
        size_t size = colon ? (size_t)(colon - words) : strlen(words);

        if (text_equal(words, "best-effort")) {
                rules->best_effort = true;
                return 0;
        }
        if (!colon)
                return refuse(c, words, "expected KIND:ARGUMENT or best-effort");
        *rule = (struct rule){ .words = words, .argument = colon + 1 };
        if (size && word[size - 1] == '?') {
                rule->optional = true;
                size--;
        }
        word[size] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (text_equal(kinds[i].word, word))
                        rule->kind = &kinds[i];
        if (!rule->kind)
                return refuse(c, words, "the kinds are ro, rw, exec, rwx, bind and connect");
        rules->files |= rule->kind->files;
        rules->ports |= rule->kind->ports;
        rules->n++;
        return 0;
}

static int check_rule(struct compile *c, const struct rule *rule)
{
        uint64_t port;

        if (rule->kind->files)
                return rule->argument[0] == '/'
                             ? 0
                             : refuse(c, rule->words, "the path is not absolute");
        if (rule->optional)
                return refuse(c, rule->words, "'?' is for paths that may be missing");
        if (text_equal(rule->argument, "none"))
                return 0;
        if (text_u64(rule->argument, &port) < 0 || port > 65535)
                return refuse(c, rule->words, "expected a port from 0 to 65535, or none");
        return 0;
}

static int read_rules(struct compile *c, const char *text, struct rules *rules)
{
        static const char space[] = " \t\r";
        char *at = why(c, "%s", text);

        rules->items = arena_array(c->arena, strlen(text) / 2 + 1, sizeof *rules->items);
        while (at) {
                char *end = strpbrk(at, ";\n"), *last;
                size_t before = rules->n;
                int r = 0;

                if (end)
                        *end++ = '\0';
                at += strspn(at, space);
                for (last = at + strlen(at); last > at && strchr(space, last[-1]); last--)
                        last[-1] = '\0';
                if (*at)
                        r = read_rule(c, at, rules);
                if (r == 0 && rules->n > before)
                        r = check_rule(c, &rules->items[before]);
                if (r < 0)
                        return r;
                at = end;
        }
        if (rules->n == 0)
                return spec_error(c->spec->at, c->document, POINTER, "has no rule");
        return 0;
}

/* What this kernel cannot deny: an error, or with best-effort a note. */
static int lack(struct compile *c, bool best_effort, const char *what, int abi)
{
        if (best_effort) {
                plan_note(
                        c->plan,
                        POINTER ": %s cannot be restricted: that needs Landlock's ABI %d, and "
                                "this kernel has %d",
                        what, abi, c->facts->landlock);
                return 0;
        }
        trail_hint("with the rule 'best-effort' what the kernel lacks is left out");
        return spec_error(
                c->spec->at, c->document, POINTER,
                "%s cannot be restricted: that needs Landlock's ABI %d, and this kernel has %d",
                what, abi, c->facts->landlock);
}

static int check_abi(struct compile *c, struct rules *rules)
{
        int abi = c->facts->landlock, r = 0;

        if (rules->files && abi < 3) {
                r = lack(c, rules->best_effort, abi < 1 ? "files" : "truncation of files", 3);
        } else if (rules->files && abi < 5) {
                plan_note(
                        c->plan,
                        POINTER ": ioctl(2) on devices is not restricted: that needs "
                                "Landlock's ABI 5, and this kernel has %d",
                        abi);
        }
        if (r == 0 && rules->ports && abi < 4) {
                r = lack(c, rules->best_effort, "TCP ports", 4);
                rules->ports = 0;
        }
        if (rules->files)
                rules->files = landlock_known(abi);
        return r;
}

static void add_rules(struct compile *c, const struct rules *rules)
{
        c->landlock = plan_slot(c->plan);
        plan_add(
                c->plan, INIT, POINTER, make_landlock, .files = rules->files, .ports = rules->ports,
                .rules = c->landlock);
        for (size_t i = 0; i < rules->n; i++) {
                const struct rule *rule = &rules->items[i];
                uint64_t port;

                if (rule->kind->files & rules->files)
                        plan_add(
                                c->plan, INIT, POINTER, allow_path, .rules = c->landlock,
                                .path = rule->argument, .access = rule->kind->files & rules->files,
                                .optional = rule->optional);
                else if (rule->kind->ports & rules->ports && text_u64(rule->argument, &port) == 0)
                        plan_add(
                                c->plan, INIT, POINTER, allow_port, .rules = c->landlock,
                                .port = (NUM)port, .access = rule->kind->ports);
        }
}

int compile_landlock(struct compile *c)
{
        const char *text = compile_annotation(c, ANNOTATION_LANDLOCK);
        struct rules rules = { 0 };
        int r;

        if (!text)
                return 0;
        r = read_rules(c, text, &rules);
        if (r == 0)
                r = check_abi(c, &rules);
        if (r < 0)
                return r;
        if (!rules.files && !rules.ports)
                return 0;
        if (!c->process->no_new_privileges && !c->user_namespace &&
            !facts_capable(c->facts, CAP_SYS_ADMIN))
                return spec_error(
                        c->spec->at, c->document, POINTER,
                        "needs noNewPrivileges, or CAP_SYS_ADMIN on the host");
        add_rules(c, &rules);
        return 0;
}

void compile_landlock_restrict(struct compile *c)
{
        if (c->landlock >= 0)
                plan_add(c->plan, INIT, POINTER, restrict_landlock, .rules = c->landlock);
}
