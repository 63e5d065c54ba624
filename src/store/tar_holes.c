/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: where a file has data is asked of the file system, whatever its blocks count: EROFS counts holes
 * as blocks. The file may be a container's, which changes it meanwhile, so nothing is concluded from what is not
 * answered (linux/holes.h).
 *
 * An archive has a bound on pieces. Above it the smaller half of the gaps goes, as zeros, as long as these are no more
 * than the bytes that are data: what is written is at most twice what is there. */
#include "tar_holes.h"

#include "linux/linux.h"

#include <stdlib.h>

enum {
        FILLED_LEAST = 1 << 20,
};

static int by_size(const void *a, const void *b)
{
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static uint64_t gap_behind(const struct tar_pieces *list, size_t i)
{
        return list->items[i + 1].offset - list->items[i].offset - list->items[i].size;
}

static int merge_pieces(struct tar_pieces *list)
{
        uint64_t data = 0, most, *gaps;
        size_t kept = 0;

        if (!list->gaps)
                list->gaps = arena_array(list->arena, TAR_HOLES_MAX, sizeof *gaps);
        gaps = list->gaps;
        for (size_t i = 0; i + 1 < list->n; i++)
                gaps[i] = gap_behind(list, i);
        for (size_t i = 0; i < list->n; i++)
                data += list->items[i].size;
        qsort(gaps, list->n - 1, sizeof *gaps, by_size);
        most = gaps[list->n / 2];
        data -= list->filled;
        for (size_t i = 1; i < list->n; i++) {
                struct tar_piece *last = &list->items[kept], *next = &list->items[i];
                const uint64_t end = last->offset + last->size, gap = next->offset - end;

                if (gap <= most) {
                        list->filled += gap;
                        last->size += gap + next->size;
                } else {
                        list->items[++kept] = *next;
                }
        }
        list->n = kept + 1;
        return list->filled > data + FILLED_LEAST ? -E2BIG : 0;
}

static int add_piece(struct tar_pieces *list, uint64_t offset, uint64_t size)
{
        int r = list->n + 2 >= TAR_HOLES_MAX ? merge_pieces(list) : 0;

        list->items =
                arena_more(list->arena, list->items, list->n, &list->room, sizeof *list->items, 16);
        list->items[list->n++] = (struct tar_piece){ offset, size };
        return r;
}

int tar_find_pieces(struct arena *arena, int fd, uint64_t size, struct tar_pieces *ret)
{
        struct tar_pieces list = { .arena = arena };
        struct file_data data = { 0 };
        int r;

        while ((r = file_next_data(fd, data.end, size, &data)) > 0) {
                r = add_piece(&list, data.begin, data.end - data.begin);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return r;
        *ret = (struct tar_pieces){ 0 };
        if (size == 0 || (list.n == 1 && list.items[0].offset == 0 && list.items[0].size == size))
                return 0;
        /* A hole at the end is a piece of nothing there, as GNU tar has it. */
        if (!list.n || data.end < size)
                r = add_piece(&list, size, 0);
        *ret = list;
        return r;
}
