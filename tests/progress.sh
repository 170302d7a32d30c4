# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For every check that takes minutes: it reports its progress to tests/steps, and is busy only
# while it holds a lane. Sourced, never run. tests/steps makes a folder and exports it as
# MSGSLOT_STEPS; without one nothing is reported, and every lane is free.
#
#	now/PID		what process PID is doing
#	done		a line for each test that ended: PASSED FAILED SECONDS WHERE WHAT
#	failures	texts of failures, to be shown at once
#	lanes/N		a lock for each processor
#	tickets/T.PID	a process that waits for a lane, since T

# now_at TEXT: sets what this process is doing; without TEXT, nothing any more.
now_at()
{
	[ -d "${MSGSLOT_STEPS-}" ] || return 0
	if [ "${1-}" ]; then
		printf '%s\n' "$1" >"$MSGSLOT_STEPS/now/$BASHPID"
	else
		rm -f "$MSGSLOT_STEPS/now/$BASHPID"
	fi
}

# ended PASSED FAILED SECONDS WHERE WHAT: appends a line; one so short is appended whole.
ended()
{
	[ -d "${MSGSLOT_STEPS-}" ] || return 0
	printf '%s %s %s %s %s\n' "$@" >>"$MSGSLOT_STEPS/done"
}

# failure TEXT
failure()
{
	[ -d "${MSGSLOT_STEPS-}" ] || return 0
	printf '%s\n' "$1" >>"$MSGSLOT_STEPS/failures"
}

# lane_take [CONDITION]: waits until a lane is free, first come first served, and holds it until
# this process and all that it starts have ended. A lane is a lock, so it cannot be lost. The status is 1,
# without a lane, as soon as the command CONDITION fails.
lane_take()
{
	local file ticket first

	if [ ! -d "${MSGSLOT_STEPS-}" ] || [ "${MSGSLOT_LANE-}" ]; then
		${1:-true}
		return
	fi
	ticket=$MSGSLOT_STEPS/tickets/$EPOCHREALTIME.$BASHPID
	: >"$ticket"
	while ${1:-true}; do
		for first in "$MSGSLOT_STEPS"/tickets/*; do
			kill -0 "${first##*.}" 2>/dev/null && break
			rm -f "$first"
		done
		for file in "$MSGSLOT_STEPS"/lanes/*; do
			[ "$first" = "$ticket" ] || break
			exec {MSGSLOT_LANE}>"$file"
			if flock -n "$MSGSLOT_LANE"; then
				export MSGSLOT_LANE
				rm -f "$ticket"
				return 0
			fi
			exec {MSGSLOT_LANE}>&-
			MSGSLOT_LANE=''
		done
		sleep 0.2
	done
	rm -f "$ticket"
	return 1
}

# seconds_since EPOCHREALTIME
seconds_since()
{
	local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))

	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# processor_seconds: the processor time of a shell and of all that it waited for, from the output of
# its "times". (That goes to a file first, as each side of a pipe is a new shell.)
processor_seconds()
{
	tr 'ms' '  ' | awk '
		{ used += $1 * 60 + $2 + $3 * 60 + $4 }
		END { printf "%.1f\n", used }'
}
