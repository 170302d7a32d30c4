#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot chat: in pipes, and as people see it, on terminals of tmux.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

teardown()
{
	tmux kill-server 2>/dev/null || true
	let_go
}

# window NAME [USER]: a window in which USER chats, when it is ready.
window()
{
	local user=${2-root}

	tmux -u new-session -d -s "$1" -x 80 -y 20 \
		"setpriv --reuid $user --regid $user --init-groups -- msgslot chat 6 5; echo ended with \$?; sleep 1000"
	pid=$(tmux list-panes -t "$1" -F '#{pane_pid}')
	pid=$(eventually_child "$pid")
	waits poll
}

eventually_child()
{
	until pgrep -P "$1" msgslot; do
		sleep 0.05
	done
}

type_in()
{
	tmux send-keys -t "$1" -l "$2"
	tmux send-keys -t "$1" Enter
}

# sees NAME LINE…: the window's first lines come to be these.
sees()
{
	printf '%s\n' "${@:2}" >expected
	eventually screen_is "$1" && return
	same screen expected
}

screen_is()
{
	tmux capture-pane -p -t "$1" | sed '/^$/d' >screen
	cmp -s screen expected
}

@test "two who talk: who said what, and a clean end" {
	renew 6 broadcast
	window one member
	window two member2
	type_in one "hello"
	sees one "hello"
	sees two "member: hello"
	type_in two "Grüße!"
	sees one "hello" "member2: Grüße!"
	sees two "member: hello" "Grüße!"
	# From elsewhere, with and without a newline.
	works msgslot send 6 5 "from a script"
	printf 'from another\n' | works msgslot send 6 5 -
	sees one "hello" "member2: Grüße!" "root: from a script" "root: from another"
	# Empty lines are nothing to say.
	type_in one ""
	type_in one "bye"
	sees two "member: hello" "Grüße!" "root: from a script" "root: from another" "member: bye"
	tmux send-keys -t one C-d
	sees one "hello" "member2: Grüße!" "root: from a script" "root: from another" "bye" "ended with 0"
	tmux send-keys -t two C-c
	eventually grep_screen two "ended with 0"
}

grep_screen()
{
	tmux capture-pane -p -t "$1" | grep -qx -- ".*$2"
}

@test "hostile bytes are shown, and nobody speaks for another" {
	renew 6 broadcast
	window one
	printf 'red \033[31m, nul \0, \302\233\nroot: pay' | works as member msgslot send 6 5 -
	sees one 'member: red \x1b[31m, nul \x00, \xc2\x9b\x0aroot: pay'
	silent_start
	waits poll
	printf 'tab\t, bell \a, \342\200\256, \377\n' | works msgslot send 6 5 -
	says 'root: tab\t, bell \\x07, \\xe2\\x80\\xae, \\xff\n'
	stop "$pid"
}

@test "losses are told" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 2
	window one
	kill -STOP "$pid"
	seq 5 | works msgslot send -l 6 5
	kill -CONT "$pid"
	sees one "-- 3 lost --" "root: 4" "root: 5"
	tmux send-keys -t one C-d
	sees one "-- 3 lost --" "root: 4" "root: 5" "ended with 10"
}

# silent_start: a chat in which nobody says anything, and which has no end.
silent_start()
{
	mkfifo silence
	exec {silence}<>silence
	start msgslot chat 6 5 <silence
	exec {silence}>&-
}

@test "in pipes: what is said comes back with its name, and EOF is the end" {
	renew 6 broadcast
	printf 'one\n\ntwo\nlast' >input
	prints 'root: one\nroot: two\nroot: last\n' msgslot chat 6 5 <input
	prints '' msgslot chat 6 5 </dev/null
	works as member msgslot chat 6 5 <input
	grep -qx "member: two" out
	silent_start
	waits poll
	works msgslot send 6 5 heard
	says 'root: heard\n'
	kill -INT "$pid"
	ends 0
	fails 1 "standard output: No space left on device" bash -c 'echo x | msgslot chat 6 5 >/dev/full'
}

@test "a room that blocks: longer talk than it holds" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 2
	put "$class/msgslot6/overflow" block
	seq 20 >input
	sed 's/^/root: /' input >expected
	works msgslot chat 6 5 <input
	same out expected
}

@test "what cannot be said is told, and is no reason to leave" {
	renew 6 broadcast
	{
		printf '%05000d\n' 0
		echo "still here"
	} >input
	code=0
	msgslot chat 6 5 <input >out 2>err || code=$?
	equal "exit code" $code 0
	equal printed "$(<out)" "root: still here"
	grep -q "the message is too long: 5001 bytes, and max_message is 4096" err
	for slot in 1 4; do
		fails 2 "chat needs a slot of mode broadcast" msgslot chat $slot 5
	done
}

gone()
{
	! kill -0 "$pid" 2>/dev/null
}

@test "output that is not read does not keep it from its end" {
	renew 6 broadcast
	mkfifo silence full
	exec {silence}<>silence {full}<>full
	start bash -c "exec msgslot chat 6 5 >&$full" <silence
	waits poll
	yes "$(printf %04000d 0)" | head -n 40 | works msgslot send -l 6 5
	sleep 1
	kill -TERM "$pid"
	eventually gone
	ends 0
	exec {silence}>&- {full}>&-
}

@test "a slot that is destroyed ends it" {
	changed=1
	renew 6 broadcast
	silent_start
	waits poll
	put "$class/destroy" 6
	ends 5
	grep -qx "msgslot: /dev/msgslot6: the slot was destroyed" errors
	put "$class/create" "6 broadcast"
	udevadm settle
}
