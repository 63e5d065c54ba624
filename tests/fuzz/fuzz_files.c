/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: files out of a container's root. The first byte chooses: passwd and group, in
 * which a user is looked up; or a program that cannot be executed, which is asked why. */
#include "engine/store.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void look_up(const uint8_t *bytes, size_t size)
{
        static const char *const words[] = { "root", "0",       "user:group", "1000:1000",
                                             "user", "1:group", "4294967295", "0:" };
        auto_arena arena = { 0 };
        auto_close root = NO_FD;
        const char *home;
        struct user_files files;
        struct spec_user user;

        place_write("etc/passwd", bytes, size);
        place_write("etc/group", bytes, size);
        root = file_open(AT_FDCWD, place, O_PATH | O_DIRECTORY, 0);
        files = user_files_of_root(&arena, root);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                trail_reset();
                if (user_lookup(&arena, &files, words[i], &user, &home) < 0)
                        continue;
                if (user.uid > INT32_MAX || user.gid > INT32_MAX || home[0] != '/')
                        __builtin_trap();
        }
}

static void ask_why(const uint8_t *bytes, size_t size)
{
        static const int errors[] = { -ENOENT, -EACCES, -ENOEXEC, -ENOTDIR, -ELOOP };
        static const char *const args[] = { "program", NULL };
        char path[128];

        place_write("etc/program", bytes, size);
        snprintf(path, sizeof path, "%s/etc/program", place);
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                struct autopsy autopsy = { path, errors[i], args, args + 1 };

                trail_reset();
                if (autopsy_perform(&autopsy) != errors[i])
                        __builtin_trap();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (!size)
                return 0;
        place_get("etc");
        if (bytes[0] == 'p')
                look_up(bytes + 1, size - 1);
        else
                ask_why(bytes + 1, size - 1);
        return 0;
}
