// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reports: tables, which are Markdown inside comments of TAP; JSON; and a line of TAP for each
 * bound that is judged.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/sysinfo.h>

#include "peers.h"

enum { NAME_WIDTH = 46, WIDTH = 10 };

static struct utsname machine;

void report_head(void)
{
	time_t now = time(NULL);
	char date[32];

	uname(&machine);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	printf("# Linux %s, %s, %s; a call's cost is in %s.\n", machine.release, machine.machine,
	       date, kind_unit(COST));
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int columns(const struct section *section)
{
	int point;

	for (point = 0; point < POINTS_MAX && axis_points[section->axis][point]; point++)
		continue;
	return point;
}

void report_section(const struct section *section)
{
	char title[128];
	int point, count = columns(section);

	snprintf(title, sizeof(title), "%s", section->title);
	printf("#\n# %s: %s by %s\n#\n# | %-*s |", title, kind_unit(section->kind),
	       axis_names[section->axis], NAME_WIDTH, axis_names[section->axis]);
	for (point = 0; point < count; point++)
		printf(" %*ld |", WIDTH, axis_points[section->axis][point]);
	printf("\n# |%.*s|", NAME_WIDTH + 2,
	       "----------------------------------------------------");
	for (point = 0; point < count; point++)
		printf("%.*s:|", WIDTH + 1, "--------------------");
	printf("\n");
}

static const char *number(double value)
{
	static char text[32];
	int digits = value < 10 ? 2 : value < 100 ? 1 : 0;

	snprintf(text, sizeof(text), "%.*f", digits, value);
	return text;
}

enum which { P50, P90, P99, MAX };

static void row_line(int row, const char *name, enum which which)
{
	int point, count = columns(rows[row].section);

	printf("# | %-*s |", NAME_WIDTH, name);
	for (point = 0; point < count; point++) {
		const struct figure *figure = &figures[row][point];
		const double values[] = { figure->p50, figure->p90, figure->p99, figure->max };

		printf(" %*s |", WIDTH, figure->known ? number(values[which]) : "");
	}
	printf("\n");
}

/* Instructions repeat, so the median is enough; for times the percentiles are of interest, too. */
void report_row(int row)
{
	row_line(row, rows[row].name, P50);
	if (counts_instructions() || rows[row].section->kind != COST)
		return;
	row_line(row, "  90 % take at most", P90);
	row_line(row, "  99 %", P99);
	row_line(row, "  all", MAX);
}

static bool same_reason(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* A row's points that could not be measured for one reason, in a line. */
static void missing_row(int row, const char *why)
{
	enum axis axis = rows[row].section->axis;
	bool begun = false;
	int point;

	for (point = 0; point < POINTS_MAX; point++) {
		if (!same_reason(figures[row][point].why, why))
			continue;
		if (!begun)
			printf("# - %s, with", rows[row].name);
		printf("%s %ld", begun ? "," : "", axis_points[axis][point]);
		begun = true;
	}
	if (begun)
		printf(" %s\n", axis_names[axis]);
}

/* A reason once, and then all rows and points that it prevented. */
void report_missing(void)
{
	const struct figure *all = &figures[0][0];
	int i, j, row;

	for (i = 0; i < rows_count * POINTS_MAX; i++) {
		for (j = 0; j < i && !same_reason(all[j].why, all[i].why); j++)
			continue;
		if (!all[i].why || j < i)
			continue;
		printf("#\n# Not measured, because %s:\n#\n", all[i].why);
		for (row = 0; row < rows_count; row++)
			missing_row(row, all[i].why);
	}
}

/* ---- bounds ---------------------------------------------------------------------------------- */

int judged, failed;

void judge(bool good, const char *what, ...)
{
	va_list list;

	failed += !good;
	printf("%sok %d - ", good ? "" : "not ", ++judged);
	va_start(list, what);
	vprintf(what, list);
	va_end(list);
	printf("\n");
}

struct seen {
	const struct bound *bound;
	double value, limit, stretch;
	bool at_least, judged;
};

/* Whether this run measured the figures of the bound. */
static bool bound_seen(const struct bound *bound, struct seen *seen)
{
	const struct row *row, *under;
	const struct figure *figure = figure_at(&bound->over, &row);
	double share = 1;

	if (!figure->known)
		return false;
	if (bound->under.row) {
		if (!figure_at(&bound->under, &under)->known)
			return false;
		share = figure_at(&bound->under, &under)->p50;
	}
	seen->bound = bound;
	seen->value = figure->p50 / share;
	seen->at_least = row->section->kind == TIMES;
	seen->judged = counts_instructions() || seen->at_least;
	return true;
}

static bool reaches(const struct seen *seen, double limit)
{
	return seen->at_least ? seen->value >= limit : seen->value <= limit;
}

static int digits_of(double value)
{
	return value < 0.1 ? 4 : value < 10 ? 3 : 0;
}

static void bound_line(const struct seen *seen)
{
	const struct bound *bound = seen->bound;
	const char *met = !seen->judged			? "not judged" :
			  !reaches(seen, bound->must)	? "**missed**" :
			  !bound->stretch		? "met" :
			  reaches(seen, bound->stretch) ? "stretch met" :
							  "must met";

	printf("# | %-*s | %8.*f | %s %.*f |", NAME_WIDTH + 5, bound->name, digits_of(seen->value),
	       seen->value, seen->at_least ? "at least" : "at most", digits_of(bound->must),
	       bound->must);
	if (bound->stretch)
		printf(" %.*f |", digits_of(bound->stretch), bound->stretch);
	else
		printf("  |");
	printf(" %s |\n", met);
}

void report_bounds(void)
{
	bool begun = false, unjudged = false;
	struct seen seen;
	int i;

	for (i = 0; i < bounds_count; i++) {
		if (!bound_seen(&bounds[i], &seen))
			continue;
		if (!begun)
			printf("#\n# What has to hold\n#\n# | %-*s | seen | must | stretch | |\n"
			       "# |---|---:|---:|---:|---|\n",
			       NAME_WIDTH + 5, "bound");
		begun = true;
		unjudged |= !seen.judged;
		bound_line(&seen);
	}
	if (unjudged)
		printf("#\n# Bounds are for instructions: of nanoseconds they are shown, not judged.\n");
	for (i = 0; i < bounds_count; i++)
		if (bound_seen(&bounds[i], &seen) && seen.judged)
			judge(reaches(&seen, bounds[i].must), "%s: %.*f, %s %.*f", bounds[i].name,
			      digits_of(seen.value), seen.value,
			      seen.at_least ? "at least" : "at most", digits_of(bounds[i].must),
			      bounds[i].must);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static FILE *json;
static const char *json_prefix;

/* A line of the document. */
__attribute__((format(printf, 1, 2))) static void line(const char *text, ...)
{
	va_list list;

	fputs(json_prefix, json);
	va_start(list, text);
	vfprintf(json, text, list);
	va_end(list);
	fputc('\n', json);
}

static void json_figures(void)
{
	const char *comma = "";
	int i, point;

	for (i = 0; i < rows_count; i++) {
		for (point = 0; point < POINTS_MAX; point++) {
			const struct figure *figure = &figures[i][point];
			const struct section *section = rows[i].section;

			if (!figure->known)
				continue;
			if (*comma)
				line(",");
			comma = ",";
			line("{\"section\": \"%s\", \"name\": \"%s\", \"by\": \"%s\", \"at\": %ld,",
			     section->title, rows[i].name, axis_names[section->axis],
			     axis_points[section->axis][point]);
			line(" \"unit\": \"%s\", \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f,",
			     kind_unit(section->kind), figure->p50, figure->p90, figure->p99);
			line(" \"max\": %.3f, \"samples\": %ld, \"calls\": %ld}", figure->max,
			     figure->samples, figure->calls);
		}
	}
}

static void json_bounds(void)
{
	const char *comma = "";
	struct seen seen;
	int i;

	for (i = 0; i < bounds_count; i++) {
		if (!bound_seen(&bounds[i], &seen))
			continue;
		if (*comma)
			line(",");
		comma = ",";
		line("{\"name\": \"%s\", \"seen\": %.4f, \"limit\": \"%s\", \"must\": %.4f,",
		     bounds[i].name, seen.value, seen.at_least ? "at least" : "at most",
		     bounds[i].must);
		line(" \"stretch\": %.4f, \"judged\": %s, \"met\": %s}", bounds[i].stretch,
		     seen.judged ? "true" : "false",
		     reaches(&seen, bounds[i].must) ? "true" : "false");
	}
}

/* No name has a quote or a backslash in it. */
int report_json(const char *path)
{
	bool own = strcmp(path, "-") != 0;

	json = own ? fopen(path, "w") : stdout;
	if (!json)
		return -1;
	json_prefix = own ? "" : "@json ";
	line("{\"kernel\": \"%s\", \"machine\": \"%s\", \"processors\": %d,", machine.release,
	     machine.machine, get_nprocs());
	line("\"time\": %lld, \"cost\": \"%s\",", (long long)time(NULL), kind_unit(COST));
	line("\"figures\": [");
	json_figures();
	line("],");
	line("\"bounds\": [");
	json_bounds();
	line("]}");
	return own ? fclose(json) : 0;
}
