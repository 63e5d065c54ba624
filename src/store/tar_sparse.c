/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a sparse file's data are its pieces one behind the other; the list of pieces stands
 * in the header (GNU's old form), in the pax records (0.0, 0.1), or before the data (1.0). All three end in
 * the same list, which is checked once. */
#include "tar_private.h"

#include <string.h>

int tar_add_piece(struct tar_reader *reader, struct tar_wish *wish, uint64_t offset, uint64_t size)
{
        if (wish->n_pieces == TAR_HOLES_MAX)
                return tar_broken(reader, -E2BIG, NULL, "a sparse file of too many pieces");
        if (wish->n_pieces == wish->room) {
                size_t room = wish->room ? wish->room * 2 : 16;
                struct tar_piece *more = arena_array(&reader->arena, room, sizeof *more);

                if (wish->n_pieces)
                        memcpy(more, wish->pieces, wish->n_pieces * sizeof *more);
                wish->pieces = more;
                wish->room = room;
        }
        wish->pieces[wish->n_pieces++] = (struct tar_piece){ offset, size };
        return 0;
}

static int add_gnu_pieces(
        struct tar_reader *reader, struct tar_wish *wish, const char (*fields)[24], size_t n)
{
        for (size_t i = 0; i < n && fields[i][0]; i++) {
                int64_t offset, size;
                int r;

                if (!tar_number(fields[i], 12, &offset) || !tar_number(fields[i] + 12, 12, &size) ||
                    offset < 0 || size < 0)
                        return tar_broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                r = tar_add_piece(reader, wish, (uint64_t)offset, (uint64_t)size);
                if (r < 0)
                        return r;
        }
        return 0;
}

int tar_read_gnu_map(
        struct tar_reader *reader, struct tar_wish *wish, const struct tar_header *header)
{
        struct {
                char pieces[21][24], extended, rest[7];
        } block = { .extended = header->gnu.extended };

        int64_t real_size;
        int r;

        _Static_assert(sizeof block == BLOCK, "more pieces are one block");
        if (!tar_number(header->gnu.real_size, 12, &real_size) || real_size < 0)
                return tar_broken(reader, -EBADMSG, NULL, "a sparse file's size is broken");
        wish->has_real_size = true;
        wish->real_size = (uint64_t)real_size;
        r = add_gnu_pieces(reader, wish, header->gnu.pieces, 4);
        while (r == 0 && block.extended) {
                r = tar_need(reader, &block, sizeof block);
                if (r == 0)
                        r = add_gnu_pieces(reader, wish, block.pieces, 21);
        }
        return r;
}

/* pax 1.0: lines of decimal numbers before the data, filled up to a block: how many, then offset and size
 * of each. */
static int read_map_number(struct tar_reader *reader, uint64_t *left, uint64_t *ret_number)
{
        char digits[24];

        for (size_t n = 0; n < sizeof digits; n++) {
                int r = *left ? tar_need(reader, digits + n, 1) : -EBADMSG;

                if (r < 0)
                        break;
                --*left;
                if (digits[n] == '\n') {
                        digits[n] = '\0';
                        return text_u64(digits, ret_number);
                }
        }
        return -EBADMSG;
}

int tar_read_data_map(struct tar_reader *reader, struct tar_wish *wish)
{
        const uint64_t whole = reader->left;
        uint64_t n = 0, pad;
        int r = read_map_number(reader, &reader->left, &n);

        for (uint64_t i = 0; i < n && r == 0; i++) {
                uint64_t offset = 0, size = 0;

                r = read_map_number(reader, &reader->left, &offset);
                if (r == 0)
                        r = read_map_number(reader, &reader->left, &size);
                if (r == 0 && (r = tar_add_piece(reader, wish, offset, size)) < 0)
                        return r;
        }
        pad = tar_padding(whole - reader->left);
        if (r < 0 || pad > reader->left)
                return tar_broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
        reader->left -= pad;
        return tar_skip(reader, pad);
}

int tar_check_pieces(struct tar_reader *reader, const struct tar_wish *wish, const char *path)
{
        uint64_t end = 0, sum = 0;

        for (size_t i = 0; i < wish->n_pieces; i++) {
                const struct tar_piece *piece = &wish->pieces[i];

                if (piece->offset < end || piece->offset > wish->real_size ||
                    piece->size > wish->real_size - piece->offset)
                        return tar_broken(
                                reader, -EBADMSG, path, "a sparse file's pieces do not fit in it");
                end = piece->offset + piece->size;
                sum += piece->size;
        }
        if (sum != reader->left)
                return tar_broken(
                        reader, -EBADMSG, path, "a sparse file has not the data that its map says");
        return 0;
}

/* GNU.sparse.map of form 0.1: offset,size,offset,size... */
static int add_map(struct tar_reader *reader, struct tar_wish *wish, char *map)
{
        for (char *at = map, *next; at; at = next) {
                char *comma = strchr(at, ',');
                uint64_t offset, size;
                int r;

                if (!comma)
                        return tar_broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                *comma = '\0';
                next = strchr(comma + 1, ',');
                if (next)
                        *next++ = '\0';
                if (text_u64(at, &offset) < 0 || text_u64(comma + 1, &size) < 0)
                        return tar_broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                r = tar_add_piece(reader, wish, offset, size);
                if (r < 0)
                        return r;
        }
        return 0;
}

int tar_take_sparse(struct tar_reader *reader, struct tar_wish *wish, const char *key, char *value)
{
        uint64_t number = 0;

        if (text_equal(key, "name")) {
                wish->path = value;
                return 0;
        }
        if (text_equal(key, "map"))
                return add_map(reader, wish, value);
        if (text_u64(value, &number) < 0)
                return tar_broken(reader, -EBADMSG, NULL, "a number of a sparse file is none");
        if (text_equal(key, "size") || text_equal(key, "realsize")) {
                wish->has_real_size = true;
                wish->real_size = number;
        } else if (text_equal(key, "major")) {
                wish->in_data = number == 1;
        } else if (text_equal(key, "offset")) {
                return tar_add_piece(reader, wish, number, 0);
        } else if (text_equal(key, "numbytes")) {
                if (!wish->n_pieces)
                        return tar_broken(reader, -EBADMSG, NULL, "a sparse file's map is broken");
                wish->pieces[wish->n_pieces - 1].size = number;
        }
        return 0;
}
