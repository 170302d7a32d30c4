/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of a recording, printed: for `msgslot record --show`. */
#ifndef MSGSLOT_TOOLS_RECORD_SHOW_H
#define MSGSLOT_TOOLS_RECORD_SHOW_H

#include "print.h"

#include <stdint.h>

/* At most so many (0: all).  Reports; a status. */
int record_show(const char *path, const struct print *print, uint64_t most);

#endif
