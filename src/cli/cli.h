/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of cli: words to use cases. */
#pragma once

/* Run the command that argv asks for, print what it says and what went wrong, and return the
 * exit status for main. argv[argc] is NULL; the array's order may change. The name in argv[0]
 * picks the face: "husk-oci..." is the OCI runtime, everything else husk. */
int cli_main(int argc, char **argv);
