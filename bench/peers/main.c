// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peers [OPTION]... [PATTERN]: measures what table.c lists, all of it or the rows whose name or
 * section has PATTERN in it, and says what its bounds come to.  usage() has the options.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sys/resource.h>

#include "peers.h"

enum { ARGUMENTS_MAX = 16 };

/* A bound that names no row would never be missed. */
static void table_check(void)
{
	const struct row *row;
	int i, j;

	if (rows_count > ROWS_MAX)
		bail_out("more rows than ROWS_MAX");
	errno = EINVAL;
	for (i = 0; i < rows_count; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(rows[i].name, rows[j].name))
				bail_out(rows[i].name);
	for (i = 0; i < bounds_count; i++)
		if (!figure_at(&bounds[i].over, &row) ||
		    (bounds[i].under.row && !figure_at(&bounds[i].under, &row)))
			bail_out(bounds[i].name);
}

static bool is_judged(const struct figure *figure)
{
	const struct row *row;
	int i;

	for (i = 0; i < bounds_count; i++)
		if (figure_at(&bounds[i].over, &row) == figure ||
		    (bounds[i].under.row && figure_at(&bounds[i].under, &row) == figure))
			return true;
	return false;
}

/* The rows of a bound, and for recorded_compare() those of msgslot that are quick to measure. */
static bool is_quick(const struct row *row, const struct figure *figure)
{
	return is_judged(figure) || (row_is_ours(row) && row->section->axis == BYTES);
}

/* With @few, no row is measured among more objects than this. */
enum { FEW = 100000 };

static void run(const char *pattern, bool quick, bool few)
{
	const struct section *section = NULL;
	const long *points;
	const struct row *current;
	int i, point, measured;

	for (i = 0; i < rows_count; i++) {
		current = &rows[i];
		problem_in(current);
		points = axis_points[current->section->axis];
		if (!strstr(current->name, pattern) && !strstr(current->section->title, pattern))
			continue;
		measured = 0;
		for (point = 0; point < POINTS_MAX && points[point]; point++) {
			struct figure *figure = &figures[i][point];

			if (!(current->points & 1u << point) ||
			    (quick && !is_quick(current, figure)) ||
			    (few && current->section->axis == CHANNELS && points[point] > FEW))
				continue;
			if (!current->measure(current, points[point], figure)) {
				measured++;
				continue;
			}
			figure->why = problem_take();
		}
		if (measured && section != current->section)
			report_section(current->section);
		if (measured) {
			section = current->section;
			report_row(i);
		}
	}
	problem_in(NULL);
	crowd_end();
}

static int list(void)
{
	const struct section *section = NULL;
	int i, point;

	for (i = 0; i < rows_count; i++) {
		if (rows[i].section != section) {
			section = rows[i].section;
			printf("%s, %s by %s\n", section->title, kind_unit(section->kind),
			       axis_names[section->axis]);
		}
		printf("  %-46s", rows[i].name);
		for (point = 0; point < POINTS_MAX && axis_points[section->axis][point]; point++)
			if (rows[i].points & 1u << point)
				printf(" %ld", axis_points[section->axis][point]);
		printf("\n");
	}
	printf("Bounds\n");
	for (i = 0; i < bounds_count; i++)
		printf("  %-50s %g\n", bounds[i].name, bounds[i].must);
	return 0;
}

static int usage(FILE *out, int status)
{
	fprintf(out,
		"usage: peers [OPTION]... [PATTERN]\n"
		"\n"
		"Measures what a message costs by every means there is, side by side; with PATTERN,\n"
		"rows whose name or section has that in it.  Root measures more than others can.\n"
		"\n"
		"  -l, --list          what there is to measure, and the bounds\n"
		"  -q, --quick         what a bound is about, and ours by size\n"
		"  -f, --few           nothing among more than 100 000 channels, which take long to make\n"
		"  -j, --json FILE     all figures into FILE; '-': to the output, after '@json '\n"
		"  -a, --against FILE  fail where a count of ours is 3 %% above the one in FILE's tables\n"
		"  -h, --help          this text\n"
		"\n"
		"Options in the variable MSGSLOT_PEERS come before those of the command line.\n");
	return status;
}

/* The variable first, then the command line. */
static int arguments_join(char **all, int argc, char **argv)
{
	char *variable = getenv("MSGSLOT_PEERS"), *word;
	int count = 0;

	all[count++] = argv[0];
	variable = variable ? strdup(variable) : NULL;
	for (word = variable ? strtok(variable, " ") : NULL; word && count < ARGUMENTS_MAX;
	     word = strtok(NULL, " "))
		all[count++] = word;
	while (--argc && count < ARGUMENTS_MAX)
		all[count++] = *++argv;
	all[count] = NULL;
	return count;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "quick", no_argument, NULL, 'q' },
		{ "few", no_argument, NULL, 'f' },
		{ "json", required_argument, NULL, 'j' },
		{ "against", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *json = NULL, *against = NULL;
	char *all[ARGUMENTS_MAX + 1];
	struct rlimit open_files;
	bool quick = false, few = false;
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	table_check();
	argc = arguments_join(all, argc, argv);
	while ((option = getopt_long(argc, all, "lqfj:a:h", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			return list();
		case 'q':
			quick = true;
			break;
		case 'f':
			few = true;
			break;
		case 'j':
			json = optarg;
			break;
		case 'a':
			against = optarg;
			break;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 1);
		}
	}
	if (argc - optind > 1)
		return usage(stderr, 1);

	if (!getrlimit(RLIMIT_NOFILE, &open_files)) {
		open_files.rlim_cur = open_files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &open_files);
	}
	report_head();
	run(optind < argc ? all[optind] : "", quick, few);
	report_missing();
	report_bounds();
	if (against)
		recorded_compare(against);
	if (judged)
		printf("1..%d\n", judged);
	if (json && report_json(json))
		bail_out(json);
	return failed != 0;
}
