/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "place.h"
#include "store/store.h"

#include <sys/mman.h>

/* Theory of operation: the input is what a taken-over reader of archives sends to the process that makes the
 * layer (docs/adr/0023). A file beside the layer's directory must stay as it is. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        const struct layer_options options = {
                .user_xattrs = true, .pass_devices = true, .entries_max = 1000, .bytes_max = 1 << 20
        };
        const char *place_ = place_get("layer");
        auto_close dir = open(place_, O_PATH | O_DIRECTORY | O_CLOEXEC);
        auto_close stream = memfd_create("stream", MFD_CLOEXEC);
        struct layer_writer layer;
        auto_close root = NO_FD;
        char mine[8];

        place_write("mine", "mine", 4);
        mkdirat(dir, "layer", 0700);
        root = file_open(dir, "layer", O_PATH | O_DIRECTORY, 0);
        if (root < 0 || file_write(stream, (const char *)bytes, size) < 0 ||
            lseek(stream, 0, SEEK_SET) != 0)
                abort();
        trail_reset();
        layer_begin(&layer, root, &options);
        if (stream_unpack(&layer, stream) == 0 && layer.bytes > size)
                abort();
        if (file_get(dir, "mine", mine, sizeof mine) != 4 || memcmp(mine, "mine", 4) != 0)
                abort();
        if (file_remove_tree(dir, "layer") < 0)
                abort();
        return 0;
}
