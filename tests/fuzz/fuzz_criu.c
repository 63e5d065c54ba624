/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: any answer of criu's, in two messages. criu has our rights; what it has read of a
 * container may be in what it says. */
#include "plan/ops.h"
#include "plan/plan.h"

#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const struct plan plan = { 0 };
        static struct machine machine;
        struct op_await_criu await = { .event = "" };
        size_t cut;
        int pair[2];

        if (size < 2)
                return 0;
        cut = bytes[0] % (size - 1);
        if (bytes[0] & 1)
                await.event = "post-restore";
        if (socket_pair(pair) < 0)
                return 0;
        trail_reset();
        machine_init(&machine, &plan);
        machine.gate = pair[0];
        socket_send(pair[1], bytes + 1, cut, NO_FD);
        socket_send(pair[1], bytes + 1 + cut, size - 1 - cut, NO_FD);
        shutdown(pair[1], SHUT_WR);
        for (int i = 0; i < 3; i++)
                if (do_await_criu(&machine, &await) > 0 || strlen(trail_text()) > 8192)
                        __builtin_trap();
        close(pair[1]);
        machine_done(&machine);
        return 0;
}
