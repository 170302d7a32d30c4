// SPDX-License-Identifier: GPL-2.0-or-later
/* Groups of this process and of its user.  See group.h. */
#include "group.h"

#include <grp.h>
#include <unistd.h>

enum membership group_membership(gid_t group, const struct passwd *user)
{
	gid_t groups[1024];
	int count = getgroups(sizeof(groups) / sizeof(groups[0]), groups);

	if (getegid() == group)
		return NOW;
	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return NOW;

	count = sizeof(groups) / sizeof(groups[0]);
	if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return OUTSIDE;
	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return SINCE_LOGIN;
	return OUTSIDE;
}
