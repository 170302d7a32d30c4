// SPDX-License-Identifier: GPL-2.0-or-later
/* CRC-32.  See checksum.h. */
#include "checksum.h"

uint32_t checksum(const void *bytes, size_t length)
{
	static uint32_t table[256];
	const unsigned char *byte = bytes;
	uint32_t sum = UINT32_MAX;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		uint32_t entry = i;

		for (int bit = 0; bit < 8; bit++)
			entry = entry >> 1 ^ (entry & 1 ? 0xedb88320 : 0);
		table[i] = entry;
	}
	for (size_t i = 0; i < length; i++)
		sum = sum >> 8 ^ table[(sum ^ byte[i]) & 0xff];
	return ~sum;
}
