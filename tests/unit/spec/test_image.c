/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"
#include "tap.h"

/* Theory of operation: the specification's own examples are read and written again; everything else is
 * a document that is wrong in one place, with the words that it is refused with. */

#define HEX    "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
#define DIGEST "sha256:" HEX
#define CONFIG                                                                     \
        "\"config\":{\"mediaType\":\"" IMAGE_TYPE_CONFIG "\",\"digest\":\"" DIGEST \
        "\",\"size\":7023}"
#define LAYER \
        "{\"mediaType\":\"" IMAGE_TYPE_LAYER "+gzip\",\"digest\":\"" DIGEST "\",\"size\":32654}"
#define MANIFEST                                                                 \
        "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_MANIFEST "\"," CONFIG \
        ",\"layers\":[" LAYER "],"                                               \
        "\"annotations\":{\"com.example.key1\":\"value1\"}}"
#define INDEX                                                                                 \
        "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_INDEX "\",\"manifests\":["         \
        "{\"mediaType\":\"" IMAGE_TYPE_MANIFEST "\",\"digest\":\"" DIGEST "\",\"size\":7143," \
        "\"platform\":{\"architecture\":\"ppc64le\",\"os\":\"linux\",\"os.version\":\"1\","   \
        "\"os.features\":[\"a\"],\"variant\":\"v8\"}}]}"

static struct arena arena;

static const char *refused(const char *document, enum image_type type)
{
        struct image_document read = { 0 };

        trail_reset();
        CHECK(image_parse(&arena, "m", document, strlen(document), type, &read) < 0);
        CHECK(!read.manifest && !read.index);
        return trail_text();
}

TEST(manifest_is_read_and_written)
{
        struct text out = { .arena = &arena };
        struct image_document read = { 0 };

        CHECK_INT(image_parse(&arena, "m", MANIFEST, strlen(MANIFEST), IMAGE_MANIFEST, &read), 0);
        CHECK(read.manifest && !read.index);
        CHECK_INT(read.manifest->layers.n, 1);
        CHECK_INT(read.manifest->layers.items[0].size, 32654);
        CHECK_STR(read.manifest->config->digest, DIGEST);
        image_encode_manifest(read.manifest, &out);
        CHECK_STR(text_string(&out), MANIFEST);
}

TEST(index_is_read_and_written)
{
        struct text out = { .arena = &arena };
        struct image_document read = { 0 };

        CHECK_INT(image_parse(&arena, "m", INDEX, strlen(INDEX), IMAGE_UNKNOWN, &read), 0);
        CHECK(read.index && !read.manifest);
        CHECK_STR(read.index->manifests.items[0].platform->variant, "v8");
        image_encode_index(read.index, &out);
        CHECK_STR(text_string(&out), INDEX);
}

/* CVE-2021-41190. */
TEST(document_is_one_thing_to_everybody)
{
        CHECK_STR(
                refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}",
                        IMAGE_UNKNOWN),
                "m:1:1: /: is both, an image index and a manifest: it means one thing to who checks it "
                "and another to who runs it");
        CHECK_STR(
                refused(MANIFEST, IMAGE_INDEX),
                "m:1:1: /: was announced as an image index, but is an image manifest");
        CHECK_STR(
                refused("{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_INDEX "\"," CONFIG
                        ",\"layers\":[]}",
                        IMAGE_MANIFEST),
                "m:1:32: /mediaType: says '" IMAGE_TYPE_INDEX
                "', but the document is an image manifest");
        CHECK_STR(
                refused("{\"schemaVersion\":2}", IMAGE_UNKNOWN),
                "m:1:1: /: is neither an image index nor a manifest");
        CHECK_STR(
                refused("{\"schemaVersion\":1,\"fsLayers\":[]}", IMAGE_UNKNOWN),
                "m:1:1: /: a manifest of Docker's schema 1, which is not supported");
        CHECK_STR(
                refused("[]", IMAGE_UNKNOWN), "m:1:1: /: is neither an image index nor a manifest");
        CHECK_STR(
                refused("{\"schemaVersion\":3," CONFIG ",\"layers\":[]}", IMAGE_UNKNOWN),
                "m:1:18: /schemaVersion: version 3 is not supported, expected 2");
}

TEST(digests_are_checked)
{
        static const char *const none[] = {
                "",
                "sha256",
                "sha256:",
                ":" HEX,
                "sha256:" HEX "0",
                "sha256:9834",
                "SHA256:" HEX,
                "sha256:../../../../etc/passwd",
                "sha256:" HEX "\n",
                "sha256:9834876DCFB05CB167A5C24953EBA58C4AC89B1ADF57F28F2F9D09AF107EE8F0",
                "sha256+:" HEX,
                "sha256:" HEX ":" HEX
        };

        CHECK_INT(image_digest_check(DIGEST), 0);
        CHECK_INT(image_digest_check("sha512:ab12"), -EOPNOTSUPP);
        CHECK_INT(
                image_digest_check("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeT"),
                -EOPNOTSUPP);
        for (size_t i = 0; i < ARRAY_SIZE(none); i++)
                CHECK_INT(image_digest_check(none[i]), -EINVAL);
}

/* What is opened must be checkable; what only stands in an index need not be. */
TEST(descriptors_are_checked)
{
        struct image_document read;
        const char *odd = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x/y\","
                          "\"digest\":\"blake3:00\",\"size\":1}]}";

        CHECK_INT(image_parse(&arena, "m", odd, strlen(odd), IMAGE_INDEX, &read), 0);
        CHECK_STR(
                refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x/y\","
                        "\"digest\":\"blake3:00\",\"size\":1}]}",
                        IMAGE_MANIFEST),
                "m:1:219: /layers/0/digest: 'blake3:00' is a digest of an algorithm that is not "
                "supported, expected sha256");
        CHECK_STR(
                refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x/y\","
                        "\"digest\":\"../x\\u001b\",\"size\":1}]}",
                        IMAGE_MANIFEST),
                "m:1:219: /layers/0/digest: '../x\\x1b' is no digest, expected sha256: and 64 "
                "hexadecimal digits");
        CHECK_STR(
                refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x/y\","
                        "\"digest\":\"" DIGEST "\",\"size\":-5}]}",
                        IMAGE_MANIFEST),
                "m:1:300: /layers/0/size: a size cannot be negative");
        CHECK_STR(
                refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"x/y\","
                        "\"digest\":\"" DIGEST "\",\"size\":9223372036854775808}]}",
                        IMAGE_MANIFEST),
                "m:1:300: /layers/0/size: 9223372036854775808 is out of range, expected "
                "-9223372036854775808 to 9223372036854775807");
}

TEST(documents_are_bounded)
{
        struct text many = { .arena = &arena };
        char *large = arena_alloc(&arena, IMAGE_DOCUMENT_MAX + 1);
        struct image_document read;

        text_add(&many, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
        for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
                text_addf(&many, "%s%s", i ? "," : "", LAYER);
        text_add(&many, "]}");
        CHECK_STR(
                refused(text_string(&many), IMAGE_MANIFEST),
                "m: /layers: 513 are too many, at most 512 are read");

        /* A member that nobody knows: 65536 values in 128 KiB. */
        many = (struct text){ .arena = &arena };
        text_add(&many, "{\"x\":[0");
        for (size_t i = 0; i < IMAGE_VALUES_MAX; i++)
                text_add(&many, ",0");
        text_add(&many, "]}");
        CHECK_STR(
                refused(text_string(&many), IMAGE_MANIFEST), "m:1:131075: more than 65536 values");

        memset(large, ' ', IMAGE_DOCUMENT_MAX + 1);
        memcpy(large, MANIFEST, strlen(MANIFEST));
        CHECK_INT(image_parse(&arena, "m", large, IMAGE_DOCUMENT_MAX, IMAGE_MANIFEST, &read), 0);
        CHECK_INT(
                image_parse(&arena, "m", large, IMAGE_DOCUMENT_MAX + 1, IMAGE_MANIFEST, &read),
                -EFBIG);
}

TEST(media_types_are_known)
{
        CHECK_INT(image_media(NULL).type, IMAGE_UNKNOWN);
        CHECK_INT(image_media("").type, IMAGE_UNKNOWN);
        CHECK_INT(image_media("text/html").type, IMAGE_UNKNOWN);
        CHECK_INT(image_media(IMAGE_TYPE_INDEX "; charset=utf-8").type, IMAGE_INDEX);
        CHECK_INT(
                image_media("application/vnd.docker.distribution.manifest.list.v2+json").type,
                IMAGE_INDEX);
        CHECK_INT(
                image_media("application/vnd.docker.image.rootfs.diff.tar.gzip").compression,
                IMAGE_GZIP);
        CHECK_INT(image_media(IMAGE_TYPE_LAYER "+zstd").compression, IMAGE_ZSTD);
        CHECK(!image_media(IMAGE_TYPE_LAYER "+gzip").foreign);
        CHECK(image_media("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip").foreign);
}

#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\"]}"

TEST(config_is_read_and_written)
{
        static const char document[] =
                "{\"created\":\"2015-10-31T22:22:56.015925234Z\",\"author\":\"Alyssa\","
                "\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":\"alice\","
                "\"ExposedPorts\":{\"8080/tcp\":{}},\"Env\":[\"FOO=oci_is_a\",\"odd\"],"
                "\"Entrypoint\":[\"/bin/my-app\"],\"Cmd\":[\"--foreground\"],"
                "\"Healthcheck\":{\"Test\":[\"NONE\"],\"Interval\":30000000000},"
                "\"Volumes\":{\"/var/job\":{}},\"WorkingDir\":\"/home/alice\","
                "\"Labels\":{\"com.example.git\":\"45a939b2\"},\"StopSignal\":\"SIGRTMIN+3\","
                "\"StopTimeout\":0}," ROOTFS
                ",\"history\":[{\"created\":\"x\",\"created_by\":\"y\"},"
                "{\"empty_layer\":true}]}";
        const struct image_config *config = NULL;
        struct text out = { .arena = &arena };

        CHECK_INT(image_parse_config(&arena, "c", document, strlen(document), &config), 0);
        CHECK_STR(config->defaults->volumes.items[0].key, "/var/job");
        CHECK(config->defaults->stop_timeout_s.set);
        image_encode_config(config, &out);
        CHECK_STR(text_string(&out), document);
}

/* As Go writes them: null for what is not there; and what only docker knows. */
TEST(config_of_docker_is_read)
{
        static const char document[] =
                "{\"architecture\":\"amd64\",\"config\":{\"Hostname\":\"\",\"AttachStdin\":false,"
                "\"Env\":null,\"Cmd\":[\"sh\"],\"Entrypoint\":null,\"Volumes\":null,\"Labels\":null},"
                "\"container\":\"abc\",\"container_config\":{\"Env\":[1]},\"docker_version\":\"20\","
                "\"os\":\"linux\"," ROOTFS "}";
        const struct image_config *config = NULL;

        CHECK_INT(image_parse_config(&arena, "c", document, strlen(document), &config), 0);
        CHECK(!config->defaults->env.items && !config->defaults->entrypoint.items);
        CHECK_STR(config->defaults->cmd.items[0], "sh");
}

TEST(config_is_refused)
{
        static const struct {
                const char *document, *words;
        } wrong[] = {
                { "{\"os\":\"linux\"," ROOTFS "}",
                  "c:1:1: /: missing required member \"architecture\"" },
                { "{\"os\":\"linux\",\"architecture\":\"x\"}",
                  "c:1:1: /: missing required member \"rootfs\"" },
                { "{\"os\":\"linux\",\"architecture\":\"x\",\"rootfs\":{\"type\":\"tree\"}}",
                  "c:1:51: /rootfs/type: unknown value 'tree', expected one of: layers" },
                { "{\"os\":\"linux\",\"architecture\":\"x\",\"rootfs\":{\"type\":\"layers\","
                  "\"diff_ids\":[\"" DIGEST "\",\"sha256:../..\"]}}",
                  "c:1:146: /rootfs/diff_ids/1: 'sha256:../..' is no digest, expected sha256: and 64 "
                  "hexadecimal digits" },
        };
        const struct image_config *config = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                trail_reset();
                CHECK(image_parse_config(
                              &arena, "c", wrong[i].document, strlen(wrong[i].document), &config) <
                      0);
                CHECK_STR(trail_text(), wrong[i].words);
                CHECK(!config);
        }
}

TEST(config_has_a_diff_id_for_each_layer)
{
        static const char document[] = "{\"os\":\"linux\",\"architecture\":\"x\"," ROOTFS "}";
        static const char none[] = "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}";
        const struct image_config *config = NULL;
        struct image_document one = { 0 }, empty = { 0 };

        CHECK_INT(image_parse_config(&arena, "c", document, strlen(document), &config), 0);
        CHECK_INT(image_parse(&arena, "m", MANIFEST, strlen(MANIFEST), IMAGE_MANIFEST, &one), 0);
        CHECK_INT(image_parse(&arena, "m", none, strlen(none), IMAGE_MANIFEST, &empty), 0);
        CHECK_INT(image_match("c", one.manifest, config), 0);
        CHECK_INT(image_match("c", empty.manifest, config), -EINVAL);
        CHECK_STR(trail_text(), "c:1:71: /rootfs/diff_ids: there are 1 of them for 0 layers");
}
