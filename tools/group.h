/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of this process and of its user. */
#ifndef MSGSLOT_TOOLS_GROUP_H
#define MSGSLOT_TOOLS_GROUP_H

#include <pwd.h>
#include <sys/types.h>

/* Neither is in the group; only the user's next login will be; the process is. */
enum membership { OUTSIDE, SINCE_LOGIN, NOW };

/* user may be NULL, if there is no account. */
enum membership group_membership(gid_t group, const struct passwd *user);

#endif
