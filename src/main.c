/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one binary, several names. Everything is in the cli room; this file only
 * keeps main() out of the libraries that the tests link. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
        return cli_main(argc, argv);
}
