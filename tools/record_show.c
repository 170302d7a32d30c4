// SPDX-License-Identifier: GPL-2.0-or-later
/* The messages of a recording, printed.  See record_show.h. */
#include "record_show.h"

#include "clock.h"
#include "recordfile.h"
#include "report.h"
#include "stream.h"

int record_show(const char *path, const struct print *print, uint64_t most)
{
	const int64_t boot = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME);
	struct recordfile_message stored;
	struct recordfile file;
	struct text text = { 0 };
	uint64_t shown = 0;
	const char *bytes;
	int last, status = recordfile_open(&file, path);

	/* As head does. */
	stream_may_end = true;
	while (!status && (!most || shown < most)) {
		size_t before;

		/* What is there is printed before the next block is waited for. */
		if (recordfile_is_used_up(&file))
			status = stream_print(&text);
		before = text.length;
		if (!status)
			status = recordfile_next(&file, &stored, &bytes);
		if (!status) {
			/* Before this boot it is below 0, and wraps here and where it is used. */
			const struct msgslot_message message = {
				.sequence = stored.sequence,
				.time = stored.time - (uint64_t)boot,
				.lost = stored.lost,
				.length = stored.length,
				.pid = stored.pid,
				.uid = stored.uid,
				.channel = stored.channel,
			};

			print_add(&text, print, &message, bytes);
			status = print_write(&text, before, false);
			shown++;
		}
	}
	last = stream_print(&text);
	text_free(&text);
	recordfile_close(&file);
	if (status == STATUS_NOTHING)
		status = STATUS_DONE;
	return status ? status : last;
}
