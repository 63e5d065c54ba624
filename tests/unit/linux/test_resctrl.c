/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of resctrl, as far as a machine without the hardware goes: schemata compared, and what is
 * no resctrl mount refused and left as it was. */
#include "linux/linux.h"
#include "tap.h"

#include <sys/stat.h>

/* As the kernel prints it: names to the right, numbers padded. */
#define FILE_TEXT "    MB:0= 10;1=100\n    L3:0=007f0;1=0001f\nL3CODE:0=ff\n"

TEST(schemata_are_compared_by_value)
{
        CHECK(resctrl_has(FILE_TEXT, "L3:0=7f0;1=1f"));
        CHECK(resctrl_has(FILE_TEXT, "L3:1=1F"));
        CHECK(resctrl_has(FILE_TEXT, "MB:1=100;0=10\nL3:0=7f0"));
        CHECK(resctrl_has(FILE_TEXT, "L3CODE: 0 = 0ff"));
        CHECK(!resctrl_has(FILE_TEXT, "L3:0=7f0;1=1e"));
        CHECK(!resctrl_has(FILE_TEXT, "L3:0=7f"));
        CHECK(!resctrl_has(FILE_TEXT, "L3:2=1f"));
        CHECK(!resctrl_has(FILE_TEXT, "L2:0=ff"));
        CHECK(!resctrl_has(FILE_TEXT, "MB:0=10\nL3:0=1"));
        CHECK(!resctrl_has(FILE_TEXT, "L3:0"));
        CHECK(!resctrl_has(FILE_TEXT, "rubbish"));
        CHECK(!resctrl_has("", "L3:0=1"));
}

TEST(a_plain_directory_is_no_group)
{
        char dir[] = "/tmp/husk-resctrl-XXXXXX", path[64];

        CHECK(mkdtemp(dir) != NULL);
        snprintf(path, sizeof path, "%s/group", dir);
        CHECK_INT(resctrl_make(path, "L3:0=f"), -ENOTTY);
        CHECK(access(path, F_OK) < 0);
        CHECK_INT(mkdir(path, 0700), 0);
        CHECK_INT(resctrl_make(path, NULL), -EEXIST);
        CHECK_INT(resctrl_open(path, NULL), -ENOTTY);
        CHECK_INT(resctrl_remove(path, false), -ENOTTY);
        CHECK(access(path, F_OK) == 0);
        CHECK(!resctrl_is_mounted(path));
        CHECK_INT(rmdir(path), 0);
        CHECK_INT(resctrl_remove(path, false), 0);
        CHECK_INT(resctrl_open(path, NULL), -ENOENT);
        CHECK_INT(rmdir(dir), 0);
}
