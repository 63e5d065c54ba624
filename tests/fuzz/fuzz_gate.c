/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: any message on the gate socket. The other side is the container's first
 * process: until its exec our own code, yet what it says is not believed. Two messages, cut where
 * the first two bytes say. */
#include "plan/ops.h"
#include "plan/plan.h"

#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const struct plan plan = { 0 };
        static struct machine machine;
        struct op_await_gate await = { 0 };
        size_t cut;
        int pair[2], r;

        if (size < 3)
                return 0;
        cut = ((size_t)bytes[0] << 8 | bytes[1]) % (size - 2);
        await.gate = (GATE)(bytes[2] % GATE_COUNT);
        if (socket_pair(pair) < 0)
                return 0;
        trail_reset();
        machine_init(&machine, &plan);
        machine.gate = pair[0];
        socket_send(pair[1], bytes + 2, cut, NO_FD);
        socket_send(pair[1], bytes + 2 + cut, size - 2 - cut, NO_FD);
        close(pair[1]);
        for (int i = 0; i < 3; i++) {
                r = do_await_gate(&machine, &await);
                if (r > 0 || strlen(trail_text()) > 8192)
                        __builtin_trap();
        }
        machine_done(&machine);
        return 0;
}
