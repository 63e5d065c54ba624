/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a plan for people.
 *
 * What is shown is what would be done: the same plan that apply runs, after the same verifier that
 * the tests use. The shell form is a program of its own, for those who do not believe us. */
#include "plan/plan.h"
#include "xray.h"

int xray_explain(const struct plan *plan, const char *format, struct text *out)
{
        int r = plan_verify(plan);

        if (r < 0)
                return r;
        if (text_equal(format, "json"))
                plan_print_json(plan, out);
        else if (text_equal(format, "shell"))
                plan_print_shell(plan, out);
        else
                plan_print_text(plan, out);
        return 0;
}
