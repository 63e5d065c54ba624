/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: documents come and go by a file in memory, since the helper takes descriptors, and not every
 * command that asks a registry has a store. */
#include "remote.h"

#include "linux/linux.h"

#include <string.h>
#include <unistd.h>

static int read_credentials(
        struct arena *arena, const char *words, struct registry_credentials *ret)
{
        const char *colon = strchr(words, ':');

        if (!colon || colon == words || !colon[1]) {
                trail_hint("husk login keeps them where no process list shows them");
                return trail(-EINVAL, "--creds: expected NAME:PASSWORD");
        }
        *ret = (struct registry_credentials){
                .username = arena_copy(arena, words, (size_t)(colon - words)), .password = colon + 1
        };
        return 0;
}

struct registry_files remote_files(
        const struct engine_options *options, const struct registry_options *said)
{
        struct registry_files files = *options->registries;

        if (said->authfile) {
                memset(files.auth, 0, sizeof files.auth);
                files.auth[0] = said->authfile;
        }
        files.cert_dir = said->cert_dir;
        files.insecure = text_equal(said->tls_verify, "false");
        files.verify = text_equal(said->tls_verify, "true");
        return files;
}

int remote_settings(
        struct arena *arena, const struct engine_options *options,
        const struct registry_options *said, const struct registry_place *place,
        const char **ret_settings)
{
        const struct registry_files files = remote_files(options, said);
        struct registry_credentials credentials, *given = NULL;
        int r = 0;

        if (said->creds) {
                r = read_credentials(arena, said->creds, &credentials);
                given = &credentials;
        }
        return r < 0 ? r : registry_settings(arena, &files, place, given, ret_settings);
}

int remote_start(struct remote *remote)
{
        const char *settings;
        int r;

        if (remote->helper.socket >= 0)
                return 0;
        r = remote_settings(
                remote->arena, remote->options, remote->said, &remote->place, &settings);
        return r < 0 ? r
                     : registry_start(
                               arena_format(
                                       remote->arena, "%s/" REGISTRY_PROGRAM,
                                       remote->options->libexec),
                               settings, &remote->helper);
}

void remote_end(struct remote *remote)
{
        registry_end(&remote->helper);
}

int remote_read(
        struct remote *remote, const char *reference, bool list, struct text *ret_bytes,
        struct registry_answer *ret_answer)
{
        auto_close file = file_make_memory("document");
        int r = file < 0 ? trail(file, "cannot make a file in memory: %m") : remote_start(remote);

        if (r == 0)
                r = list ? registry_ask_list(&remote->helper, &remote->place, reference, file)
                         : registry_ask_manifest(&remote->helper, &remote->place, reference, file);
        if (r > 0)
                r = registry_await(&remote->helper, remote->arena, (unsigned)r, ret_answer);
        if (r == 0 && lseek(file, 0, SEEK_SET) != 0)
                r = -errno;
        if (r == 0)
                r = file_read_fd(remote->arena, file, IMAGE_DOCUMENT_MAX, ret_bytes);
        return r;
}

int remote_check_document(const char *what, const char *media_type, const struct text *bytes)
{
        const char *words = text_string(bytes), *begin = words + strspn(words, " \t\r\n");
        const char *type = media_type && *media_type ? media_type : "nothing that it would name";

        if (*begin == '{' || *begin == '[')
                return 0;
        if (text_starts(type, "text/html") || *begin == '<') {
                trail_hint(
                        "is this a registry? or does a proxy, or a page to log in, stand before it?");
                return trail(
                        -EBADMSG, "%s: what came is '%.200s', a page for a browser", what, type);
        }
        trail_hint("is this a registry?");
        return trail(-EBADMSG, "%s: what came is '%.200s', which is no JSON", what, type);
}

const char *remote_digest(struct arena *arena, const struct text *bytes)
{
        char hex[SHA256_HEX_SIZE];

        sha256_hex(text_string(bytes), bytes->len, hex);
        return arena_format(arena, "sha256:%s", hex);
}

int remote_write(
        struct remote *remote, const char *reference, const char *media_type,
        const struct text *bytes, bool *ret_subject)
{
        const struct registry_document document = {
                .place = remote->place,
                .reference = reference,
                .digest = remote_digest(remote->arena, bytes),
                .media_type = media_type,
        };
        auto_close file = file_make_memory("document");
        struct registry_document passed = document;
        struct registry_answer answer = { 0 };
        int r = file < 0 ? trail(file, "cannot make a file in memory: %m")
                         : file_write(file, text_string(bytes), bytes->len);

        passed.file = file;
        if (r == 0)
                r = remote_start(remote);
        if (r == 0)
                r = registry_ask_put(&remote->helper, &passed);
        if (r > 0)
                r = registry_await(&remote->helper, remote->arena, (unsigned)r, &answer);
        if (r == 0)
                *ret_subject = answer.subject;
        return r;
}
