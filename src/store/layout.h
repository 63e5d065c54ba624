/* SPDX-License-Identifier: Apache-2.0 */
/* The images of one store on disk; part of store.h. */
#pragma once

#include "base/base.h"
#include "layer.h"
#include "linux/linux.h"
#include "spec/spec.h"

/* Below ROOT:
 *
 *      images/         an OCI image layout: oci-layout, index.json, blobs/sha256/HEX. Others may read it
 *      layers/HEX/     a layer, unpacked; HEX is its diff_id's: a directory fs, or where the kernel mounts it an EROFS
 *                      image fs.erofs. Beside it layer.json, and for each blob that it was found in an empty file
 *                      of-HEX
 *      tmp/            what is in the making: a file KEY, which its maker has locked, and perhaps a directory KEY.d
 *      spare           room for the index on a disk that is full (layout_index.c)
 *
 * All of it is closed to others, who could execute the set-id programs of a layer whose digest they know
 * (CVE-2021-41091).
 *
 * What stands in the first two is whole and has its digest. It gets there by rename(2), what is referred to before
 * what refers to it, and its bytes are on the disk before, so that a process may be killed and the power lost
 * anywhere. What it leaves is collected later: KEY and
 * KEY.d by whoever gets the lock, blobs and layers by who finds that nothing refers to them.
 *
 * Locks: `images` is held for use as long as somebody adds to the store or counts on what is in it, and for
 * change while the unreferenced is collected. `images/blobs` is held for change while the index is. */

/* The content of oci-layout. */
#define LAYOUT_HEADER "{\"imageLayoutVersion\":\"1.0.0\"}"
/* The name of an image in the index: all of its reference. Missing: it has none. */
#define LAYOUT_NAME "org.opencontainers.image.ref.name"
/* What the registry calls it, if that is not its manifest's own digest: that of an index of several. */
#define LAYOUT_SOURCE "io.husk.source.digest"

/* Where the hexadecimal digits of a digest begin. */
#define LAYOUT_HEX(digest) ((digest) + sizeof "sha256:" - 1)

struct layout {
        const char *path; /* ROOT, absolute */
        int root, images, blobs, layers, tmp;
        const struct idmap
                *map; /* in which the files of layers belong to somebody; NULL: as they are */
};

#define LAYOUT_NONE                                                                           \
        {                                                                                     \
                .root = NO_FD, .images = NO_FD, .blobs = NO_FD, .layers = NO_FD, .tmp = NO_FD \
        }

/* Open the store for use. `make`: what is missing of it is made, and what dead makers have left goes; else -ENOENT
 * without a trail when there is none. `path` is the caller's, as `map` is, and both outlive it. */
int layout_open(const char *path, const struct idmap *map, bool make, struct layout *ret_layout);
void layout_close(struct layout *layout);

/* -- the index ------------------------------------------------------------------------------------------ */

/* What images there are, in the order in which they came. */
int layout_read_index(
        const struct layout *layout, struct arena *arena, struct image_index *ret_index);
/* The lock under which an index is read, changed and written: a descriptor. */
int layout_lock_index(const struct layout *layout);
int layout_write_index(
        const struct layout *layout, struct arena *arena, const struct image_index *index);
/* An annotation of the descriptor, or NULL. */
const char *layout_annotation(const struct image_descriptor *descriptor, const char *key);

/* -- blobs ---------------------------------------------------------------------------------------------- */

/* Open for reading: -ENOENT without a trail when it is not there. */
int layout_open_blob(const struct layout *layout, const char *digest, uint64_t *ret_size);
/* A document, at most IMAGE_DOCUMENT_MAX bytes, whose digest is compared: -EBADMSG when it is another one. */
int layout_read_blob(
        const struct layout *layout, struct arena *arena, const char *digest, struct text *ret);
/* Put a document there; its digest. */
int layout_write_blob(
        const struct layout *layout, struct arena *arena, const struct text *bytes,
        const char **ret_digest);

/* An image's two documents. */
struct layout_image {
        const struct image_manifest *manifest;
        const struct image_config *config;
};

/* Read them, compare their digests, and see that they belong together. */
int layout_read_image(
        const struct layout *layout, struct arena *arena, const char *digest,
        struct layout_image *ret_image);

/* The manifest alone: its configuration may be missing. */
int layout_read_manifest(
        const struct layout *layout, struct arena *arena, const char *digest,
        const struct image_manifest **ret_manifest);

/* -- layers --------------------------------------------------------------------------------------------- */

bool layout_has_layer(const struct layout *layout, const char *diff_id);
/* Is there this blob, and what was found in it when it was unpacked, in a form that can be used here? An image that
 * only claims so would be given the files of another one. */
bool layout_has_unpacked(const struct layout *layout, const char *digest, const char *diff_id);
/* Its `fs` or `fs.erofs`, absolute. */
const char *layout_layer_path(
        const struct layout *layout, struct arena *arena, const char *diff_id);

/* Is it the path of an image? */
bool layout_is_image(const char *path);

struct layout_layer {
        uint64_t size_bytes, entries; /* of its files; both as it was unpacked */
};

/* -ENOENT: there is nothing about it; -EBADMSG: nothing that could be read. */
int layout_read_layer(
        const struct layout *layout, struct arena *arena, const char *diff_id,
        struct layout_layer *ret);

/* -- making --------------------------------------------------------------------------------------------- */

/* One thing in the making. */
struct layout_work {
        const struct layout *layout;
        char key[80];
        int file; /* locked: the bytes of a blob to be */
        int dir;  /* O_PATH of KEY.d, or NO_FD */
};

/* What has this key: of a blob its digest's hexadecimal digits. -EAGAIN: another one makes it, and `wait`
 * was not said. */
int layout_begin(
        const struct layout *layout, const char *key, bool wait, struct layout_work *ret_work);
/* Make KEY.d, and in it `name` if that is no NULL (both 0755): a descriptor of the inner one. */
int layout_begin_dir(struct layout_work *work, const char *name);
/* Make KEY.d, and in it what a layer is to be unpacked into: a directory, or with options->image an image where the
 * kernel mounts such; *options say which it was. */
int layout_begin_layer(
        struct layout_work *work, const char *diff_id, struct layer_options *options);
/* KEY.d, in which a layer was unpacked from the blob `digest`, becomes the layer; it is dropped when there is one
 * already that can be used. */
int layout_publish_layer(
        struct layout_work *work, const char *digest, const char *diff_id,
        const struct layout_layer *about);
/* Is the image in KEY.d what the layer has, byte by byte? 1, 0, or a negative errno with a trail. */
int layout_compare_layer(const struct layout_work *work, const char *diff_id);
/* The file, of that digest, as the caller has found, becomes the blob. */
int layout_publish_blob(struct layout_work *work, const char *digest);
/* Whatever is left of it goes. Harmless after an error and twice. */
void layout_drop(struct layout_work *work);

/* -- collecting ----------------------------------------------------------------------------------------- */

/* May the unreferenced go now? 0, and then nobody begins to use the store before it is closed; 1: somebody does.
 * This and layout_collect() are the last things to do with `layout`, whose lock may be lost by it. */
int layout_lock_all(const struct layout *layout);
/* Remove one that is broken, under that lock. */
int layout_remove_blob(const struct layout *layout, const char *digest);
int layout_remove_layer(const struct layout *layout, struct arena *arena, const char *diff_id);
/* Remove blobs and layers to which no image refers; of layers not those whose directories' names are `kept`,
 * which were found out under that lock. */
int layout_collect(const struct layout *layout, struct arena *arena, const struct spec_texts *kept);
