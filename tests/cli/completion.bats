#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What Tab offers: what msgslot complete says, and what bash, zsh and fish make of it.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

setup_file()
{
	mkdir -p /etc/msgslot
	cat >/etc/msgslot/channels <<-'END'
		battery  1             7
		bell     /dev/msgslot6 0x10
		broken   4
	END
}

teardown_file()
{
	rm -rf /etc/msgslot
	rmmod msgslot
	modprobe msgslot
	udevadm settle
}

teardown()
{
	tmux kill-server 2>/dev/null || true
	let_go
}

# offers CANDIDATES WORD…: behind these words, of which the last is being typed.
offers()
{
	local - candidate candidates=''

	set +T
	works msgslot complete "${@:2}" || return 1
	while IFS=$'\t' read -r candidate _; do
		candidates+="${candidates:+ }$candidate"
	done <out
	equal "candidates for '${*:2}'" "$candidates" "$1"
}

@test "commands, and those that help knows" {
	offers "send show set" s
	offers "destroy dump doctor" d
	offers "" nosuch x
	offers "--help --version" -
	offers "restore" help res
	offers "" help send ""
	msgslot help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' >known
	[ "$(wc -l <known)" -gt 12 ]
	works msgslot complete ""
	cut -f 1 out >expected
	same known expected
}

@test "every option that a command's help names, and no other" {
	local command

	while read -r command; do
		works msgslot complete "$command" -
		cut -f 1 out | sort >offered
		works msgslot help "$command"
		sed -nE 's/^  (-[a-zA-Z0-9], |    )(--[a-z-]+).*/\2/p' out | sort >expected
		same offered expected
		[ "$command" = help ] || grep -qx -- --help offered
		# And every command has its grammar: something, or ':files', or no more words.
		works msgslot complete "$command" ""
		[ -s out ] || [[ " list doctor version " == *" $command "* ]]
	done < <(msgslot help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
}

@test "live slots and names" {
	put "$class/create" "17 queue"
	udevadm settle
	offers "0 1 2 3 4 5 6 7 17 @battery @bell" send ""
	offers "1 17" recv -f --timeout 3 -C 1 1
	offers "@battery @bell" watch -p @b
	offers "@bell" dump @be
	offers "" recv -W 1
	offers "" recv --max-age ""
	offers "0 1 2 3 4 5 6 7 17 @battery @bell" recv -- ""
	offers ":files" show /dev/ms
	works msgslot complete send 17
	equal about "$(<out)" $'17\tslot of mode queue'
	put "$class/destroy" 17
	udevadm settle
	offers "1" send 1
	works as outsider msgslot complete send 4
	equal slots "$(cut -f 1 out)" 4
	works unshare --mount sh -c 'mount -t tmpfs none /sys && msgslot complete send ""'
	equal slots "$(xargs <out)" "0 1 2 3 4 5 6 7 @battery slot 1, channel 7 @bell slot /dev/msgslot6, channel 16"
}

@test "live channels, and what follows them" {
	renew 4 queue
	for channel in 5 50 4294967295 6; do
		works msgslot send 4 $channel x
	done
	works msgslot recv 4 6
	offers "5 50 4294967295" send 4 ""
	offers "5 50" recv /dev/msgslot4 5
	offers "all" clear 4 a
	offers "" send 4 a
	offers ":files" dump 4 ""
	offers ":files" dump 4 1-5 ""
	offers "" dump 4 1-5 file ""
	offers "" send 4 5 ""
	offers "" send @bell ""
	offers ":commands" watch 4 5 ""
	offers ":commands" watch @bell ""
	offers ":commands" recv --lease 4 5 ""
	offers "" recv 4 5 ""
	offers ":files" watch @bell cat ""
	offers ":files" dump 4 ""
	offers "" dump 4 file ""
	offers "" show 99 ""
	works as outsider msgslot complete send 4 ""
	equal channels "$(<out)" ""
	# Looking makes nothing.
	has 4 channels 3
}

@test "modes and settings" {
	offers "last queue broadcast" create ""
	offers "last queue broadcast" create 9 ""
	offers "overflow=drop overflow=block depth= max_message= max_bytes= max_channels=" create -q 9 queue ""
	offers "depth=" create queue d
	offers "mode=last mode=queue mode=broadcast max_message= max_bytes= max_channels=" set 4 depth=1 m
	offers "" destroy 4 ""
}

# ---- the shells ----------------------------------------------------------------------------------

# terminal SHELL COMMAND…: a window with the shell, when its prompt is there.
terminal()
{
	tmux -u new-session -d -s "$1" -x 120 -y 20 "${@:2}"
	eventually line_is "$1" 'ready>'
}

# line_is SHELL LINE: the last one that is not empty.
line_is()
{
	local line last=''

	tmux capture-pane -p -t "$1" >screen
	while IFS= read -r line; do
		line=${line%"${line##*[! ]}"}
		last=${line:-$last}
	done <screen
	[ "$last" = "$2" ]
}

# completes SHELL TYPED LINE: with Tab behind what was typed, the line comes to be this.
completes()
{
	tmux send-keys -t "$1" C-u \; send-keys -t "$1" -l "$2"
	eventually line_is "$1" "ready> $2"
	tmux send-keys -t "$1" Tab
	eventually line_is "$1" "ready> $3" && return
	tmux capture-pane -p -t "$1"
	return 1
}

# What all shells make of the same.
all_shells_do()
{
	renew 4 queue
	works msgslot send 4 4711 x
	touch file-to-restore
	terminal "$@"
	completes "$1" "msgslot wat" "msgslot watch"
	completes "$1" "msgslot send @ba" "msgslot send @battery"
	completes "$1" "msgslot recv --time" "msgslot recv --timeout"
	completes "$1" "msgslot recv -W 5 4 47" "msgslot recv -W 5 4 4711"
	completes "$1" "msgslot recv /dev/msgslot4 47" "msgslot recv /dev/msgslot4 4711"
	completes "$1" "msgslot restore 4 file-to" "msgslot restore 4 file-to-restore"
	completes "$1" "msgslot watch @bell message_rea" "msgslot watch @bell message_reader"
	completes "$1" "msgslot set 4 overflow=d" "msgslot set 4 overflow=drop"
	completes "$1" "msgslot set 4 dep" "msgslot set 4 depth="
}

@test "bash" {
	cat >rc <<-'END'
		PS1='ready> '
		source /usr/share/bash-completion/completions/msgslot
	END
	all_shells_do bash "bash --rcfile rc -i"
	# All that could be meant.
	tmux send-keys -t bash C-u
	tmux send-keys -t bash -l "msgslot send @b"
	tmux send-keys -t bash Tab Tab
	eventually sh -c "tmux capture-pane -p -t bash | grep -q '@battery *@bell'"
}

@test "zsh" {
	cat >.zshrc <<-'END'
		PS1='ready> '
		autoload -U compinit
		compinit -u -D
	END
	all_shells_do zsh "ZDOTDIR=$PWD zsh -i"
	tmux send-keys -t zsh C-u
	tmux send-keys -t zsh -l "msgslot send @b"
	tmux send-keys -t zsh Tab
	eventually sh -c "tmux capture-pane -p -t zsh | grep -q '@battery  *-- slot 1, channel 7'"
}

# fish_offers LINE CANDIDATES
# shellcheck disable=SC2016 # the inner shell's
fish_offers()
{
	equal "candidates for '$1'" "$(HOME=$PWD fish -c 'complete -C $argv[1]' "$1" | cut -f 1 | xargs)" "$2"
}

@test "fish" {
	renew 4 queue
	works msgslot send 4 4711 x
	touch file-to-restore
	fish_offers "msgslot wat" "watch"
	fish_offers "msgslot send @b" "@battery @bell"
	fish_offers "msgslot recv --time" "--timeout"
	fish_offers "msgslot recv -W 5 4 " "4711"
	fish_offers "msgslot restore 4 file-to" "file-to-restore"
	fish_offers "msgslot watch @bell message_rea" "message_reader"
	fish_offers "msgslot set 4 dep" "depth="
	fish_offers "msgslot list " ""
}
