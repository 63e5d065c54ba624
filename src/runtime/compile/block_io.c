/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/resources/blockIO.
 *
 * Which weights there are depends on what schedules the disks: BFQ has files of its own in both
 * versions (the numbers are the document's), io.weight of v2 belongs to the cost model (1..10000),
 * blkio.weight of v1 to a scheduler that is gone. The first of two that the kernel has is written,
 * and when it has neither the start fails. Throttles are one line a device. */
#include "limits.h"

static int check_weight(
        struct compile *c, const struct json *at, const char *pointer,
        const struct spec_opt_u32 *weight)
{
        if (weight->set && weight->value && (weight->value < 10 || weight->value > 1000))
                return spec_error(
                        at, c->document, pointer, "%u is not from 10 to 1000", weight->value);
        return 0;
}

static int check_device(
        struct compile *c, const struct json *at, const char *pointer, int64_t major, int64_t minor)
{
        if (major < 0 || minor < 0 || major > 4095 || minor > 1048575)
                return spec_error(
                        at, c->document, pointer, "there is no device %lld:%lld", (long long)major,
                        (long long)minor);
        return 0;
}

/* BFQ's file, else the other one. `device` is "8:0 " or "". */
static int put_weight(struct compile *c, struct limit *limit, const char *device, uint32_t weight)
{
        static const struct resource_word *word;
        bool one = *device != '\0';
        int r;

        word = resource_find("blockIO/weight");
        limit->v2 = compile_find_controller(c, "blkio").cgroup < 0;
        limit->controller = limit->v2 ? "io" : "blkio";
        limit->file = limit->v2 ? "io.bfq.weight"
                    : one       ? "blkio.bfq.weight_device"
                                : "blkio.bfq.weight";
        limit->values = why(c, "%s%u", device, weight);
        limit->has_else = true;
        if ((r = compile_limit(c, limit)) < 0)
                return r;
        limit->has_else = false;
        limit->file = limit->v2 ? word->v2_file : one ? "blkio.weight_device" : word->v1_file;
        if (limit->v2)
                limit->values =
                        why(c, "%s%lld", device, (long long)resource_to_v2(word, weight, -1));
        return compile_limit(c, limit);
}

/* Only the scheduler that is gone had leaves; a kernel that still has it takes them. */
static int put_leaf_weight(
        struct compile *c, struct limit *limit, const char *device, uint32_t weight)
{
        if (compile_find_controller(c, "blkio").cgroup < 0)
                return spec_error(
                        limit->at, c->document, limit->pointer,
                        "cgroup v2 has nothing like it: take it out");
        limit->controller = "blkio";
        limit->file = *device ? "blkio.leaf_weight_device" : "blkio.leaf_weight";
        limit->values = why(c, "%s%u", device, weight);
        return compile_limit(c, limit);
}

static int weights(struct compile *c, const struct spec_block_io *io)
{
        struct limit weight = { .at = io->at, .pointer = R "blockIO/weight" };
        struct limit leaf = { .at = io->at, .pointer = R "blockIO/leafWeight" };
        int r;

        if ((r = check_weight(c, io->at, weight.pointer, &io->weight)) < 0 ||
            (r = check_weight(c, io->at, leaf.pointer, &io->leaf_weight)) < 0)
                return r;
        if (io->weight.set && io->weight.value &&
            (r = put_weight(c, &weight, "", io->weight.value)) < 0)
                return r;
        if (io->leaf_weight.set && io->leaf_weight.value)
                return put_leaf_weight(c, &leaf, "", io->leaf_weight.value);
        return 0;
}

static int weight_device(struct compile *c, const struct spec_weight_device *d, size_t i)
{
        const char *pointer = why(c, R "blockIO/weightDevice/%zu", i);
        const char *device = why(c, "%lld:%lld ", (long long)d->major, (long long)d->minor);
        struct limit weight = { .at = d->at, .pointer = why(c, "%s/weight", pointer) };
        struct limit leaf = { .at = d->at, .pointer = why(c, "%s/leafWeight", pointer) };
        int r;

        if ((r = check_device(c, d->at, pointer, d->major, d->minor)) < 0 ||
            (r = check_weight(c, d->at, weight.pointer, &d->weight)) < 0 ||
            (r = check_weight(c, d->at, leaf.pointer, &d->leaf_weight)) < 0)
                return r;
        if (!d->weight.set && !d->leaf_weight.set)
                return spec_error(
                        d->at, c->document, pointer,
                        "has neither weight nor leafWeight: one is needed");
        if (d->weight.set && d->weight.value &&
            (r = put_weight(c, &weight, device, d->weight.value)) < 0)
                return r;
        if (d->leaf_weight.set && d->leaf_weight.value)
                return put_leaf_weight(c, &leaf, device, d->leaf_weight.value);
        return 0;
}

/* A rate of 0 is no limit: so v1 reads it, and v2 has a word for it. */
static int throttle(
        struct compile *c, const struct json *at, const struct spec_throttle_device_list *list,
        const char *name)
{
        struct limit limit;
        int r = list->n ? compile_limit_find(c, at, name, &limit) : 0;

        for (size_t i = 0; i < list->n && r == 0; i++) {
                const struct spec_throttle_device *d = &list->items[i];
                const char *rate = why(c, "%llu", (unsigned long long)d->rate);

                limit.at = d->at;
                limit.pointer = why(c, R "%s/%zu", name, i);
                r = check_device(c, d->at, limit.pointer, d->major, d->minor);
                if (r < 0)
                        return r;
                limit.values =
                        why(c, "%lld:%lld %s%s%s", (long long)d->major, (long long)d->minor,
                            limit.v2 ? limit.word->v2_key : "", limit.v2 ? "=" : "",
                            limit.v2 && !d->rate ? "max" : rate);
                r = compile_limit(c, &limit);
        }
        return r;
}

int compile_block_io(struct compile *c, const struct spec_block_io *io)
{
        int r = weights(c, io);

        for (size_t i = 0; i < io->weight_device.n && r == 0; i++)
                r = weight_device(c, &io->weight_device.items[i], i);
        if (r < 0 ||
            (r = throttle(
                     c, io->at, &io->throttle_read_bps_device, "blockIO/throttleReadBpsDevice")) <
                    0 ||
            (r = throttle(
                     c, io->at, &io->throttle_write_bps_device, "blockIO/throttleWriteBpsDevice")) <
                    0 ||
            (r = throttle(
                     c, io->at, &io->throttle_read_iops_device, "blockIO/throttleReadIOPSDevice")) <
                    0)
                return r;
        return throttle(
                c, io->at, &io->throttle_write_iops_device, "blockIO/throttleWriteIOPSDevice");
}
