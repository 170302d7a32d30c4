// SPDX-License-Identifier: GPL-2.0-or-later
/* The recorded figures, in tables as report.c prints them: none of msgslot may have grown much. */
#define _GNU_SOURCE
#include "peers.h"

static const double growth = 1.03;

enum { CELLS = POINTS_MAX + 1 };

/* The cells of a table's line, without blanks around them; 0 if it is no such line. */
static int cells_of(char *line, char **cell)
{
	char *at = line, *end;
	int count = 0;

	while (*at == ' ')
		at++;
	if (*at != '|')
		return 0;
	while (count < CELLS) {
		at += 1 + strspn(at + 1, " ");
		end = strchr(at, '|');
		if (!end)
			break;
		cell[count++] = at;
		*end = '\0';
		at = end;
		while (end > cell[count - 1] && end[-1] == ' ')
			*--end = '\0';
	}
	return count;
}

/* An axis has a name and points; a bound's table begins differently. */
static bool is_axis(const char *name)
{
	int i;

	for (i = BYTES; i <= PROCESSORS; i++)
		if (!strcmp(name, axis_names[i]))
			return true;
	return false;
}

/* 1 if it was compared; and whether it grew too much. */
static int compare(const char *name, long at, double was, int *grown)
{
	const struct place place = { name, at };
	const struct row *row;
	const struct figure *figure = figure_at(&place, &row);

	/* Figures that are no cost have bounds of their own. */
	if (!figure || !figure->known || was <= 0 || !row_is_ours(row) ||
	    row->section->kind != COST)
		return 0;
	if (figure->p50 > was * growth) {
		(*grown)++;
		printf("# %s at %ld %s: %.1f, was %g (%+.1f %%)\n", name, at,
		       axis_names[row->section->axis], figure->p50, was,
		       (figure->p50 / was - 1) * 100);
	}
	return 1;
}

void recorded_compare(const char *path)
{
	char line[512], *cell[CELLS];
	long at[CELLS] = { 0 };
	int i, count, compared = 0, grown = 0;
	FILE *file;

	if (!counts_instructions()) {
		printf("# Recorded are instructions: nothing to compare nanoseconds with.\n");
		return;
	}
	file = fopen(path, "r");
	if (!file)
		bail_out(path);
	while (fgets(line, sizeof(line), file)) {
		count = cells_of(line, cell);
		if (!count)
			memset(at, 0, sizeof(at));
		for (i = 1; i < count; i++) {
			if (is_axis(cell[0]))
				at[i] = strtol(cell[i], NULL, 10);
			else if (at[i])
				compared += compare(cell[0], at[i], strtod(cell[i], NULL), &grown);
		}
	}
	fclose(file);
	judge(compared && !grown, "of %d counts, %d have grown by more than 3 %% over the recorded",
	      compared, grown);
}
