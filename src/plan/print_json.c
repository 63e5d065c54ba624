/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a plan as JSON for programs.
 *
 * One operation a line, with every operand: names instead of bits, slots and numbers as numbers,
 * an absent slot or text as null, octal modes as strings, programs as hexadecimal digits. Like the
 * text printer it loops over op_operands() and knows no operation by name. */
#include "operand.h"

static void put_json_list(
        struct json_writer *w, const char *name, const char *const *items, size_t n)
{
        json_open_array(w, name);
        for (size_t i = 0; i < n; i++)
                json_put_string(w, NULL, items[i]);
        json_close_array(w);
}

static void put_json_attrs(struct json_writer *w, const char *name, ATTRS attrs)
{
        const char *names[16];
        uint64_t rest;
        size_t n = attrs_names(attrs, names, ARRAY_SIZE(names), &rest);

        json_open_array(w, name);
        for (size_t i = 0; i < n; i++)
                json_put_string(w, NULL, names[i]);
        if (rest)
                json_put_u64(w, NULL, rest);
        json_close_array(w);
}

static void put_json_device(struct json_writer *w, const char *name, const DEVICE *device)
{
        char type[2] = { device->type, '\0' };

        json_open_object(w, name);
        json_put_string(w, "type", type);
        json_put_u64(w, "major", device->major);
        json_put_u64(w, "minor", device->minor);
        json_close_object(w);
}

static void put_json_bytes(struct json_writer *w, const char *name, const BYTES *bytes)
{
        struct text hex = { .arena = w->out->arena };

        for (size_t i = 0; i < bytes->size; i++)
                text_addf(&hex, "%02x", ((const uint8_t *)bytes->data)[i]);
        json_put_string(w, name, text_string(&hex));
}

static void put_json_ids(struct json_writer *w, const char *name, const IDS *ids)
{
        json_open_array(w, name);
        for (size_t i = 0; i < ids->n; i++)
                json_put_u64(w, NULL, ids->items[i]);
        json_close_array(w);
}

static void put_json_slot(struct json_writer *w, const struct operand *operand)
{
        if (operand_slot(operand) < 0)
                json_put_null(w, operand->name);
        else
                json_put_i64(w, operand->name, operand_slot(operand));
}

static void put_json_text(struct json_writer *w, const char *name, const char *value)
{
        if (value)
                json_put_string(w, name, value);
        else
                json_put_null(w, name);
}

static void put_json_names(struct json_writer *w, const struct operand *operand)
{
        const char *names[64];

        if (operand->kind == KIND_NSSET)
                put_json_list(
                        w, operand->name, names,
                        spaces_names(*(const NSSET *)operand->value, names));
        else
                put_json_list(
                        w, operand->name, names, caps_names(*(const CAPS *)operand->value, names));
}

/* Values whose text form is a word already: the same word as a string. */
static void put_json_word(struct json_writer *w, const struct op *op, const struct operand *operand)
{
        struct text word = { .arena = w->out->arena };

        operand_print(op, operand, &word);
        json_put_string(w, operand->name, text_string(&word));
}

static void put_json_operand(
        struct json_writer *w, const struct op *op, const struct operand *operand)
{
        const char *name = operand->name;
        const void *v = operand->value;

        switch (operand->kind) {
        case KIND_PATH:
        case KIND_TEXT:
                put_json_text(w, name, *(const TEXT *)v);
                break;
        case KIND_NUM:
                json_put_i64(w, name, *(const NUM *)v);
                break;
        case KIND_FLAGS:
                json_put_u64(w, name, *(const FLAGS *)v);
                break;
        case KIND_U64:
                if (*(const U64 *)v == UINT64_MAX)
                        json_put_string(w, name, "unlimited");
                else
                        json_put_u64(w, name, *(const U64 *)v);
                break;
        case KIND_NSSET:
        case KIND_CAPS:
                put_json_names(w, operand);
                break;
        case KIND_ATTRS:
                put_json_attrs(w, name, *(const ATTRS *)v);
                break;
        case KIND_FD:
        case KIND_NEWFD:
        case KIND_OLDFD:
                put_json_slot(w, operand);
                break;
        case KIND_DEVICE:
                put_json_device(w, name, v);
                break;
        case KIND_IDS:
                put_json_ids(w, name, v);
                break;
        case KIND_WORDS:
                put_json_list(w, name, ((const WORDS *)v)->items, ((const WORDS *)v)->n);
                break;
        case KIND_BYTES:
                put_json_bytes(w, name, v);
                break;
        case KIND_MODE:
        case KIND_PROPAGATION:
        case KIND_TARGET:
        case KIND_RLIMIT:
        case KIND_GATE:
                put_json_word(w, op, operand);
                break;
        }
}

static void put_json_op(struct text *out, const struct op *op)
{
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(op, operands);
        struct json_writer w = { .out = out };

        json_open_object(&w, NULL);
        json_put_string(&w, "op", op_name(op));
        put_json_text(&w, "why", op->why);
        json_put_string(&w, "manual", op_manual(op));
        if (op->has_else)
                json_put_bool(&w, "has_else", true);
        for (size_t i = 0; i < n; i++)
                put_json_operand(&w, op, &operands[i]);
        json_close_object(&w);
}

/* One operation a line: readable as it is, and diff(1) finds the operation. */
static void put_json_ops(struct text *out, const char *name, const struct op_list *list)
{
        text_addf(out, ",\n \"%s\": [", name);
        for (size_t i = 0; i < list->n; i++) {
                text_add(out, i ? ",\n  " : "\n  ");
                put_json_op(out, &list->ops[i]);
        }
        text_add(out, "]");
}

void plan_print_json(const struct plan *plan, struct text *out)
{
        text_add(out, "{\"id\": ");
        text_add_json(out, plan->id ? plan->id : "");
        put_json_ops(out, "host", &plan->list[HOST]);
        put_json_ops(out, "init", &plan->list[INIT]);
        text_add(out, ",\n \"notes\": [");
        for (size_t i = 0; i < plan->n_notes; i++) {
                text_add(out, i ? ", " : "");
                text_add_json(out, plan->notes[i].words);
        }
        text_add(out, "]}\n");
}
