/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For sources that include it beside kevents_lib.h.  The original's own ioctls are not here. */
#ifndef KEVENTS_USR_H
#define KEVENTS_USR_H

/* The longest event, in bytes. */
#define MSG_MAX 1440

#endif
