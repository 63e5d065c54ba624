/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the files that a container with a user namespace has made belong to ids of the host. In an
 * archive they are to have those that the container knows: of owners, of the user whose root a file's capabilities are
 * for, and in access control lists. An id of none of the ranges is the host's own doing and stays what it is: the
 * container cannot give a file any such. */
#include "store.h"

#include <string.h>

#include <linux/capability.h>

enum {
        CAP_SIZE_2 = 20, /* capabilities(7), "File capability extended attribute versioning" */
        CAP_SIZE_3 = 24,
        ACL_HEAD = 4, /* acl(5): a version, then entries of a tag, permissions and an id */
        ACL_ENTRY = 8,
        ACL_USER = 2,
        ACL_GROUP = 8
};

static uint32_t map_id(const struct spec_id_mapping_list *list, uint32_t id)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct spec_id_mapping *line = &list->items[i];

                if (id >= line->host_id && id - line->host_id < line->size)
                        return line->container_id + (id - line->host_id);
        }
        return id;
}

/* Little-endian numbers. */
static uint32_t get32(const char *bytes)
{
        const unsigned char *b = (const unsigned char *)bytes;

        return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put32(char *bytes, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                bytes[i] = (char)(value >> 8 * i);
}

/* Those of the container's own root are everybody's in an image. */
static void map_capabilities(const struct tar_ids *ids, char *value, size_t *size)
{
        uint32_t root;

        if (*size != CAP_SIZE_3 || (get32(value) & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3)
                return;
        root = map_id(ids->uids, get32(value + CAP_SIZE_2));
        put32(value + CAP_SIZE_2, root);
        if (root)
                return;
        put32(value, (get32(value) & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
        *size = CAP_SIZE_2;
}

static void map_acl(const struct tar_ids *ids, char *value, size_t size)
{
        for (size_t at = ACL_HEAD; at + ACL_ENTRY <= size; at += ACL_ENTRY) {
                const uint32_t tag = get32(value + at) & 0xffff;
                char *id = value + at + 4;

                if (tag == ACL_USER || tag == ACL_GROUP)
                        put32(id, map_id(tag == ACL_USER ? ids->uids : ids->gids, get32(id)));
        }
}

bool tar_ids_apply(const struct tar_ids *ids, const char *path)
{
        return ids && (!ids->of_host || ids->of_host(ids->context, path));
}

void tar_ids_owner(const struct tar_ids *ids, struct tar_entry *entry)
{
        entry->uid = map_id(ids->uids, (uint32_t)entry->uid);
        entry->gid = map_id(ids->gids, (uint32_t)entry->gid);
}

size_t tar_ids_value(const struct tar_ids *ids, const char *name, char *value, size_t size)
{
        if (text_equal(name, "security.capability"))
                map_capabilities(ids, value, &size);
        else if (text_starts(name, "system.posix_acl_"))
                map_acl(ids, value, size);
        return size;
}
