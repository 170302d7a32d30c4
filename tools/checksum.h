/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32, as gzip and zlib have it: of the files that commands write. */
#ifndef MSGSLOT_TOOLS_CHECKSUM_H
#define MSGSLOT_TOOLS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t checksum(const void *bytes, size_t length);

#endif
