/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For sources that include it beside kevents_lib.h.  It lacks the ioctls of the original. */
#ifndef KEVENTS_USR_H
#define KEVENTS_USR_H

/* The longest event, in bytes. */
#define MSG_MAX 1440

#endif
