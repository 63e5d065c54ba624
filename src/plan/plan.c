/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: growing a plan, and what ops.def knows of an operation by its code.
 *
 * Lists grow by doubling in the plan's arena; the old array stays behind in the arena, which goes
 * away with the plan. Slots are never given out twice, so that a slot names one descriptor from
 * its making to its closing. Nothing in here looks at the system. */
#include "operand.h"

#include <stdarg.h>
#include <string.h>

int16_t plan_slot(struct plan *plan)
{
        /* Past the end the number stays there: plan_verify and apply refuse it. */
        return plan->slots < PLAN_SLOTS ? plan->slots++ : PLAN_SLOTS;
}

struct op *plan_push(struct plan *plan, enum actor actor, struct op op)
{
        struct op_list *list = &plan->list[actor];

        if (list->n == list->room) {
                size_t room = list->room ? 2 * list->room
                                         : 512; /* 40 KiB, of which what is unused is free */
                struct op *ops = arena_array(plan->arena, room, sizeof *ops);

                if (list->n)
                        memcpy(ops, list->ops, list->n * sizeof *ops);
                list->ops = ops;
                list->room = room;
        }
        list->ops[list->n] = op;
        return &list->ops[list->n++];
}

static void add_note(struct plan *plan, bool refusal, const char *format, va_list values)
{
        struct note *notes = arena_array(plan->arena, plan->n_notes + 1, sizeof *notes);
        va_list again;
        char *words;
        size_t size;

        va_copy(again, values);
        size = text_vformat(NULL, 0, format, again) + 1;
        va_end(again);
        words = arena_alloc(plan->arena, size);
        text_vformat(words, size, format, values);

        if (plan->n_notes)
                memcpy(notes, plan->notes, plan->n_notes * sizeof *notes);
        notes[plan->n_notes++] = (struct note){ words, refusal };
        plan->notes = notes;
}

void plan_note(struct plan *plan, const char *format, ...)
{
        va_list values;

        va_start(values, format);
        add_note(plan, true, format, values);
        va_end(values);
}

void plan_remark(struct plan *plan, const char *format, ...)
{
        va_list values;

        va_start(values, format);
        add_note(plan, false, format, values);
        va_end(values);
}

void plan_warn(const struct plan *plan)
{
        for (size_t i = 0; i < plan->n_notes; i++)
                if (plan->notes[i].refusal)
                        trail_warn("%s", plan->notes[i].words);
}

const char *op_name(const struct op *op)
{
        static const char names[][24] = {
#define OP(title, manual, stage) #title,
#define FIELD(kind, title)
#define END(title)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        };

        return op->code < OP_COUNT ? names[op->code] : "?";
}

const char *op_manual(const struct op *op)
{
        static const char manuals[][48] = {
#define OP(title, manual, stage) manual,
#define FIELD(kind, title)
#define END(title)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        };

        return op->code < OP_COUNT ? manuals[op->code] : "?";
}

enum stage op_stage(const struct op *op)
{
        static const enum stage stages[] = {

#define OP(title, manual, stage) STAGE_##stage,
#define FIELD(kind, title)
#define END(title)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        };

        return op->code < OP_COUNT ? stages[op->code] : STAGE_ANY;
}

const char *gate_name(GATE gate)
{
        static const char *const names[] = {
                [GATE_PLACED] = "placed",         [GATE_IDS_MAPPED] = "ids_mapped",
                [GATE_ROOT_READY] = "root_ready", [GATE_HOST_READY] = "host_ready",
                [GATE_CREATED] = "created",       [GATE_START] = "start",
                [GATE_HOOKED] = "hooked",         [GATE_EXECUTED] = "executed",
        };

        return (size_t)gate < ARRAY_SIZE(names) ? names[gate] : "?";
}

static bool words_equal(const WORDS *a, const WORDS *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!text_equal(a->items[i], b->items[i]))
                        return false;
        return true;
}

static bool bytes_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
        return a_size == b_size && (!a_size || memcmp(a, b, a_size) == 0);
}

static bool device_equal(const DEVICE *a, const DEVICE *b)
{
        return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool operand_equal(enum operand_kind kind, const void *a, const void *b)
{
        switch (kind) {
        case KIND_PATH:
        case KIND_TEXT:
                return text_equal(*(const char *const *)a, *(const char *const *)b);
        case KIND_NUM:
        case KIND_U64:
        case KIND_FLAGS:
        case KIND_ATTRS:
        case KIND_CAPS:
                return memcmp(a, b, sizeof(uint64_t)) == 0;
        case KIND_MODE:
        case KIND_NSSET:
        case KIND_PROPAGATION:
        case KIND_TARGET:
        case KIND_RLIMIT:
        case KIND_GATE:
                return memcmp(a, b, sizeof(uint32_t)) == 0;
        case KIND_FD:
        case KIND_NEWFD:
        case KIND_OLDFD:
                return memcmp(a, b, sizeof(int16_t)) == 0;
        case KIND_DEVICE:
                return device_equal(a, b);
        case KIND_IDS: {
                const IDS *x = a, *y = b;

                return bytes_equal(
                        x->items, x->n * sizeof(uint32_t), y->items, y->n * sizeof(uint32_t));
        }
        case KIND_WORDS:
                return words_equal(a, b);
        case KIND_BYTES: {
                const BYTES *x = a, *y = b;

                return bytes_equal(x->data, x->size, y->data, y->size);
        }
        }
        return false;
}

bool op_equal(const struct op *a, const struct op *b)
{
        struct operand x[OPERANDS_MAX], y[OPERANDS_MAX];
        size_t n = op_operands(a, x);

        if (a->code != b->code)
                return false;
        op_operands(b, y);
        for (size_t i = 0; i < n; i++)
                if (!operand_equal(x[i].kind, x[i].value, y[i].value))
                        return false;
        return true;
}
