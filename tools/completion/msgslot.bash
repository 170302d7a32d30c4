# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of msgslot for bash: `msgslot complete` knows what there is.

_msgslot()
{
	local line=${COMP_LINE:0:COMP_POINT} candidate words prefix

	# bash splits words at @, = and : as well, and replaces only what is behind the last of
	# these; so the words are made of the line, and what stays is cut off the candidates.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	prefix=${words[-1]%"$2"}

	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		case $candidate in
		:files)
			compopt -o default
			return
			;;
		:commands)
			mapfile -t COMPREPLY < <(compgen -c -- "$2")
			return
			;;
		*=) compopt -o nospace ;;
		esac
		COMPREPLY+=("${candidate#"$prefix"}")
	done < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
}

complete -o nosort -F _msgslot msgslot
