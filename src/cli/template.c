/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a template is text with actions between {{ and }}. An action is a function and its operands, or
 * an operand alone: a path of members, a word in quotes, a number. No conditions, no loops, no pipes: who
 * needs more gives the JSON to jq. A member that the document itself has not is a mistake of who typed it;
 * one further down may be missing, as labels are, and is "<no value>", as with docker. */
#include "template.h"

#include <string.h>

struct action {
        struct arena *arena;
        const char *at, *end; /* what is left of it */
        const struct json *root;
};

static int refuse(const struct action *action, const char *what)
{
        trail_hint(
                "{{.A.B}}, {{json .A}}, {{index .A \"key\"}} and {{len .A}} are known; jq(1) does more");
        return trail(
                -EINVAL, "--format: %s at '%.*s'", what, (int)(action->end - action->at),
                action->at);
}

/* -- values ----------------------------------------------------------------------------------------------- */

static void put_value(struct text *out, const struct json *value)
{
        if (!value) {
                text_add(out, "<no value>");
        } else if (value->kind == JSON_STRING || value->kind == JSON_NUMBER) {
                text_add_visible(out, value->string);
        } else if (value->kind == JSON_BOOL) {
                text_add(out, value->boolean ? "true" : "false");
        } else if (value->kind == JSON_OBJECT) {
                text_add(out, "map[");
                for (size_t i = 0; i < value->n; i++) {
                        text_add(out, i ? " " : "");
                        text_add_visible(out, value->members[i].name);
                        text_add_char(out, ':');
                        put_value(out, &value->members[i].value);
                }
                text_add_char(out, ']');
        } else { /* none is an empty list */
                text_add_char(out, '[');
                for (size_t i = 0; i < value->n; i++) {
                        text_add(out, i ? " " : "");
                        put_value(out, &value->items[i]);
                }
                text_add_char(out, ']');
        }
}

/* -- operands --------------------------------------------------------------------------------------------- */

static void skip_spaces(struct action *action)
{
        while (action->at < action->end && *action->at == ' ')
                action->at++;
}

static int unknown_member(const struct action *action, const char *name)
{
        struct text names = { .arena = action->arena };

        for (size_t i = 0; action->root->kind == JSON_OBJECT && i < action->root->n; i++)
                text_addf(&names, " .%s", action->root->members[i].name);
        trail_hint("fields are:%s", text_string(&names));
        return trail(-EINVAL, "--format: there is no field '%s'", name);
}

/* ".A.B"; *ret is NULL when something on the way is missing. */
static int take_path(struct action *action, const struct json **ret)
{
        const struct json *value = action->root;

        if (action->at == action->end || *action->at != '.')
                return refuse(action, "a field, .NAME, was expected");
        while (action->at < action->end && *action->at == '.') {
                const char *name = ++action->at;
                const bool first = value == action->root;

                while (action->at < action->end && !strchr(". ", *action->at))
                        action->at++;
                if (action->at == name)
                        break; /* "." alone is all of it */
                name = arena_copy(action->arena, name, (size_t)(action->at - name));
                value = json_member(value, name);
                if (!value && first)
                        return unknown_member(action, name);
        }
        *ret = value;
        return 0;
}

/* index .A "key" 0: into objects and lists. */
static int take_index(struct action *action, const struct json **value)
{
        for (skip_spaces(action); action->at < action->end; skip_spaces(action)) {
                const char *start = action->at;
                uint64_t number;

                if (*start == '"') {
                        action->at = memchr(start + 1, '"', (size_t)(action->end - start - 1));
                        if (!action->at) {
                                action->at = start;
                                return refuse(action, "a word without its second quote");
                        }
                        action->at++;
                        *value = json_member(
                                *value, arena_copy(
                                                action->arena, start + 1,
                                                (size_t)(action->at - start - 2)));
                        continue;
                }
                while (action->at < action->end && *action->at != ' ')
                        action->at++;
                if (text_u64(
                            arena_copy(action->arena, start, (size_t)(action->at - start)),
                            &number) < 0) {
                        action->at = start;
                        return refuse(action, "a number or a word in quotes was expected");
                }
                *value = *value && (*value)->kind == JSON_ARRAY && number < (*value)->n
                               ? &(*value)->items[number]
                               : NULL;
        }
        return 0;
}

/* -- actions ---------------------------------------------------------------------------------------------- */

static bool take_word(struct action *action, const char *word)
{
        size_t size = strlen(word);

        if ((size_t)(action->end - action->at) <= size || strncmp(action->at, word, size) != 0 ||
            action->at[size] != ' ')
                return false;
        action->at += size;
        skip_spaces(action);
        return true;
}

static int put_action(struct text *out, struct action *action)
{
        struct json_writer w = { .out = out };
        const struct json *value = NULL;
        bool json, length, index;
        int r;

        skip_spaces(action);
        json = take_word(action, "json");
        length = !json && take_word(action, "len");
        index = !json && !length && take_word(action, "index");
        r = take_path(action, &value);
        if (r == 0 && index)
                r = take_index(action, &value);
        if (r < 0)
                return r;
        skip_spaces(action);
        if (action->at < action->end)
                return refuse(action, "it goes on in a way that is not known,");
        if (json && value)
                json_put_value(&w, NULL, value);
        else if (json)
                text_add(out, "null");
        else if (length)
                text_addf(
                        out, "%zu",
                        value && value->kind == JSON_STRING ? strlen(value->string)
                        : value                             ? value->n
                                                            : (size_t)0);
        else
                put_value(out, value);
        return 0;
}

int cli_template_put(struct text *out, const char *template, const struct json *value)
{
        for (const char *p = template; *p; p++) {
                if (p[0] == '{' && p[1] == '{') {
                        struct action action = { .arena = out->arena,
                                                 .at = p + 2,
                                                 .end = strstr(p, "}}"),
                                                 .root = value };
                        int r;

                        if (!action.end)
                                return trail(
                                        -EINVAL, "--format: '{{' without '}}' in '%s'", template);
                        p = action.end + 1;
                        r = put_action(out, &action);
                        if (r < 0)
                                return r;
                } else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
                        text_add_char(out, *++p == 't' ? '\t' : '\n');
                } else {
                        text_add_char(out, *p);
                }
        }
        return 0;
}
