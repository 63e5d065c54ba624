/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: link-local addresses (169.254.0.0/16, fe80::/10: RFC 3927, RFC 4291) belong to the link that
 * this machine is on. What answers there answers because it is us that ask: a cloud's server of metadata gives the
 * machine's own credentials to whoever does. So a registry may not send us there. IPv4 in IPv6, as it is mapped
 * (::ffff:0:0/96) and translated (64:ff9b::/96), is IPv4. */
#include "address.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_link_local(int family, const void *address)
{
        static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
        static const unsigned char translated[12] = { 0x00, 0x64, 0xff, 0x9b };
        const unsigned char *bytes = address;

        if (family == AF_INET6) {
                if (memcmp(bytes, mapped, sizeof mapped) != 0 &&
                    memcmp(bytes, translated, sizeof translated) != 0)
                        return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
                bytes += sizeof mapped;
        }
        return bytes[0] == 169 && bytes[1] == 254;
}

bool address_is_link_local(const struct sockaddr *address)
{
        struct sockaddr_in four;
        struct sockaddr_in6 six;

        if (address->sa_family == AF_INET) {
                memcpy(&four, address, sizeof four);
                return is_link_local(AF_INET, &four.sin_addr);
        }
        if (address->sa_family != AF_INET6)
                return false;
        memcpy(&six, address, sizeof six);
        return is_link_local(AF_INET6, &six.sin6_addr);
}

bool address_text_is_link_local(const char *text)
{
        unsigned char bytes[sizeof(struct in6_addr)];
        char inner[INET6_ADDRSTRLEN];
        size_t size = strcspn(text, "]");

        if (*text == '[' && text[size] && size <= sizeof inner) {
                memcpy(inner, text + 1, size - 1);
                inner[size - 1] = '\0';
                text = inner;
        }
        for (int family = AF_INET; family; family = family == AF_INET ? AF_INET6 : 0)
                if (inet_pton(family, text, bytes) == 1)
                        return is_link_local(family, bytes);
        return false;
}
