// SPDX-License-Identifier: GPL-2.0-or-later
/* The results, by row and point of the table. */
#define _GNU_SOURCE
#include "peers.h"

struct figure figures[ROWS_MAX][POINTS_MAX];

struct figure *figure_at(const struct place *place, const struct row **row)
{
	int i, point;

	for (i = 0; i < rows_count; i++) {
		if (strcmp(rows[i].name, place->row))
			continue;
		*row = &rows[i];
		for (point = 0; point < POINTS_MAX; point++)
			if (axis_points[rows[i].section->axis][point] == place->at)
				return rows[i].points & 1u << point ? &figures[i][point] : NULL;
	}
	return NULL;
}

bool row_is_ours(const struct row *row)
{
	return !strncmp(row->name, "msgslot", strlen("msgslot"));
}
