/* SPDX-License-Identifier: Apache-2.0 */
/* What husk makes of a helper's words: the helper is this program, or sh. */
#include "linux/linux.h"
#include "registry/registry.h"
#include "tap.h"

#include <sys/socket.h>

static struct registry registry = REGISTRY_NONE;
static int helper;

static void connect_helper(void)
{
        int pair[2];

        CHECK_INT(socket_pair(pair), 0);
        registry.socket = pair[0];
        helper = pair[1];
}

static int answer(struct arena *arena, const char *packet, struct registry_answer *ret_answer)
{
        trail_reset();
        CHECK_INT(socket_send(helper, packet, strlen(packet), NO_FD), 0);
        return registry_next(&registry, arena, 0, ret_answer);
}

TEST(requests)
{
        const struct registry_place place = { "localhost:5000", "library/a" };
        const struct registry_blob blob = {
                .place = place,
                .digest = "sha256:x",
                .size = 7,
                .compression = IMAGE_ZSTD,
                .file = 0,
                .records = 1,
                .source = NO_FD,
        };
        char packet[512] = "";
        int passed[SOCKET_PASSED_MAX];

        connect_helper();
        CHECK_INT(registry_ask_manifest(&registry, &place, "latest", 0), 1);
        CHECK(socket_receive_all(helper, packet, sizeof packet, passed, SOCKET_PASSED_MAX) > 0);
        CHECK_STR(
                packet, "{\"id\":1,\"manifest\":{\"registry\":\"localhost:5000\",\"repository\":"
                        "\"library/a\",\"reference\":\"latest\"}}");
        CHECK(passed[0] >= 0 && passed[1] == NO_FD);
        memset(packet, 0, sizeof packet);
        CHECK_INT(registry_ask_blob(&registry, &blob), 2);
        CHECK(socket_receive_all(helper, packet, sizeof packet, passed, SOCKET_PASSED_MAX) > 0);
        CHECK_STR(
                packet, "{\"id\":2,\"blob\":{\"registry\":\"localhost:5000\",\"repository\":"
                        "\"library/a\",\"digest\":\"sha256:x\",\"size\":7,\"compression\":\"zstd\","
                        "\"keep\":true,\"unpack\":true,\"local\":false}}");
        CHECK(passed[0] >= 0 && passed[1] >= 0 && passed[2] == NO_FD);
        CHECK_INT(registry_ask_blob(&registry, &blob), 3);
        CHECK_INT(registry_ask_blob(&registry, &blob), -EBUSY);
}

TEST(answers)
{
        auto_arena arena = { 0 };
        struct registry_answer a;

        connect_helper();
        CHECK_INT(registry_next(&registry, &arena, 0, &a), 0);
        CHECK_INT(answer(&arena, "{\"id\":3,\"progress\":{\"bytes\":12}}", &a), 1);
        CHECK(a.id == 3 && a.kind == REGISTRY_PROGRESS && a.bytes == 12);
        CHECK_INT(
                answer(&arena,
                       "{\"id\":4,\"error\":{\"code\":\"ENOENT\",\"message\":\"no \\u001b[1m\"}}",
                       &a),
                1);
        CHECK(a.kind == REGISTRY_ERROR && a.error == -ENOENT && !a.hint);
        CHECK_STR(a.message, "no \\x1b[1m");
        CHECK_INT(answer(&arena, "{\"id\":4,\"error\":{}}", &a), 1);
        CHECK_INT(a.error, -EIO);
        CHECK_INT(
                answer(&arena,
                       "{\"id\":5,\"done\":{\"size\":1,\"mediaType\":\"t\",\"digest\":\"sha256:"
                       "0123456789012345678901234567890123456789012345678901234567890123\"}}",
                       &a),
                1);
        CHECK(a.kind == REGISTRY_DONE && a.size == 1);
        CHECK_STR(a.media_type, "t");
}

TEST(words_of_progress_take_no_memory)
{
        auto_arena arena = { 0 };
        struct registry_answer a;
        const char *before = arena_alloc(&arena, 1), *after;

        connect_helper();
        for (int i = 0; i < 100; i++)
                CHECK_INT(answer(&arena, "{\"id\":3,\"progress\":{\"bytes\":12}}", &a), 1);
        after = arena_alloc(&arena, 1);
        CHECK(after > before && after - before < 4096);
}

TEST(nothing_is_believed)
{
        auto_arena arena = { 0 };
        struct registry_answer a;

        connect_helper();
        CHECK_INT(answer(&arena, "{}", &a), -EBADMSG);
        CHECK_INT(answer(&arena, "{\"id\":1}", &a), -EBADMSG);
        CHECK_INT(answer(&arena, "{\"id\":-1,\"done\":{\"size\":1}}", &a), -EBADMSG);
        CHECK_INT(answer(&arena, "{\"id\":1,\"done\":{}}", &a), -EBADMSG);
        CHECK_INT(answer(&arena, "{\"id\":1,\"done\":{\"size\":1},\"error\":{}}", &a), -EBADMSG);
        CHECK_INT(
                answer(&arena, "{\"id\":1,\"done\":{\"size\":1,\"digest\":\"sha256:../x\"}}", &a),
                -EBADMSG);
        CHECK_INT(answer(&arena, "{\"id\":1,\"done\":{\"size\":1},", &a), -EBADMSG);
        CHECK_INT(answer(&arena, "[1]", &a), -EBADMSG);
}

TEST(descriptors_that_come_back_are_not_taken)
{
        auto_arena arena = { 0 };
        struct registry_answer a;
        const char word[] = "{\"id\":1,\"done\":{\"size\":1}}";
        int before, after;

        connect_helper();
        before = dup(0);
        CHECK_INT(socket_send(helper, word, sizeof word - 1, 0), 0);
        CHECK_INT(registry_next(&registry, &arena, 0, &a), 1);
        after = dup(0);
        CHECK_INT(after, before + 1);
}

TEST(a_helper_that_is_not_there)
{
        CHECK_INT(registry_start("/nonexistent/husk-registry", NULL, &registry), -ENOENT);
        CHECK(strstr(trail_text(), "/nonexistent/husk-registry"));
}

TEST(a_helper_that_ends)
{
        auto_arena arena = { 0 };
        struct registry_answer a;

        int r = registry_start("/bin/false", NULL, &registry);

        /* Whether it has ended already when it is told the settings is chance. */
        CHECK_INT(r == 0 ? registry_next(&registry, &arena, -1, &a) : r, -EPIPE);
        CHECK(strstr(trail_text(), "status 1"));
        registry_end(&registry);
        registry_end(&registry);
}
