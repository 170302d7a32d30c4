# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a guest gets: the module for its kernel, tools, library and test programs, installed over
# the userland as a user would install them, in one initrd. Part of tests/vm/run, which sets:
# shellcheck disable=SC2154 # vm top jobs kernel release root image out stage userland folders …

# quietly LOG COMMAND…: shows the output only when it failed.
quietly()
{
	local log=$1

	shift
	"$@" >"$log" 2>&1 || { cat "$log" >&2; die "failed: see above"; }
}

# All kernels share what is built for the guest.
build_userland()
{
	local log=$userland/build.log

	mkdir -p "$userland"
	(
		flock 9
		quietly "$log" "$vm/inside" "$builder" make -j "$jobs" -C "$top" BUILD="$userland" "${cross[@]}" \
			tools lib examples
		quietly "$log" "$vm/inside" "$builder" make -j "$jobs" -C "$top" "${cross[@]}" \
			-f tests/vm/userland.mk BUILD="$userland" FOLDERS="${folders[*]}"
		[ -z "$sanitize" ] || quietly "$log" "$vm/inside" "$builder" \
			make -j "$jobs" -C "$top" BUILD="$userland/sanitized" tools CFLAGS="-O1 -g \
			-fsanitize=address,undefined -fno-sanitize-recover=all \
			-static-libasan -static-libubsan" LDFLAGS=tests/common/sanitizer.c
	) 9>"$userland/lock"
}

build_module()
{
	local sparse=C=2 common

	# Sparse checks it, too, where it can: Debian's newest headers lack a script that it needs.
	common=$(echo "$root"/usr/src/linux-headers-*-common)
	if grep -qs checker-valid "$common/Makefile" && [ ! -e "$common/scripts/checker-valid.sh" ]; then
		sparse=C=0
	fi
	quietly "$out/module.log" "$vm/inside" "$kernel" make -j "$jobs" -C "$top" BUILD="$out" \
		KDIR="/lib/modules/$release/build" W=1 "$sparse" ${slow:+UBSAN_SANITIZE=y} \
		"${cross_kernel[@]}" module
	if grep -E 'warning:' "$out/module.log" >&2; then
		# Otherwise the next run would find the module built, and check nothing.
		rm -rf "$out/module"
		die "the module builds with warnings"
	fi
	[[ " ${folders[*]##*/} " == *' shell '* ]] || return 0
	add_mode
	quietly "$out/named.log" "$vm/inside" "$kernel" make -j "$jobs" -C "$top" BUILD="$out/named" \
		KDIR="/lib/modules/$release/build" "${cross_kernel[@]}" SRC="$out/named/src" \
		NAME=message_slot module
}

# The module of another name has one mode more, which is the row that CONTRIBUTING shows.
add_mode()
{
	mkdir -p "$out/named"
	cp -a "$top/src" "$out/named/"
	sed -n '/^\*\*A mode\.\*\*/,/^\*\*An ioctl\.\*\*/{/^\t/p}' "$top/CONTRIBUTING.md" >"$out/named/row"
	[ -s "$out/named/row" ] || die "CONTRIBUTING.md shows no row of a mode"
	awk -v row="$out/named/row" '
		/^static const struct msgslot_mode modes/ { inside = 1 }
		inside && /^};/ {
			while ((getline line <row) > 0)
				print line
			inside = 0
		}
		{ print }' "$top/src/mode.c" >"$out/named/src/mode.c"
}

# stage_tests FOLDER: its programs, as files of stage/tests/NAME.
stage_tests()
{
	local name=${1##*/} file

	mkdir -p "$stage/tests/$name"
	for file in "$top/$1"/*; do
		[[ -d $file || $file == *.[ch] || $file == *.mk ]] && continue
		cp "$file" "$stage/tests/$name/"
	done
	# A program is a file, or several in a folder.
	for file in "$top/$1"/*.c "$top/$1"/*/*.c; do
		[ -e "$file" ] || continue
		file=${file#"$top/$1"/}
		file=${file%/*}
		# Some programs are for other machines.
		[ -e "$userland/tests/$name/${file%.c}" ] || continue
		cp "$userland/tests/$name/${file%.c}" "$stage/tests/$name/"
		# Under a slow kernel the sanitizers find nothing in the library that they do not find elsewhere.
		file=$userland/tests/$name/${file%.c}.sanitized
		[[ $slow || ! -e $file ]] || cp "$file" "$stage/tests/$name/"
	done
}

# The guest's files.
build_stage()
{
	local folder file

	rm -rf "$stage"
	mkdir -p "$stage/tests" "$stage/usr/lib/msgslot-examples"
	ln -s usr/lib "$stage/lib"
	quietly "$out/install.log" make -C "$top" BUILD="$userland" PREFIX=/usr \
		DESTDIR="$stage" install
	[ -z "$sanitize" ] || cp "$userland/sanitized/msgslot" "$stage/usr/bin/"
	quietly "$out/install.log" "$vm/inside" "$kernel" make -C "$top" BUILD="$out" \
		DESTDIR="$stage" install-module
	quietly "$out/install.log" "$vm/inside" "$kernel" depmod -b "$stage" "$release"
	for folder in "${folders[@]}"; do
		stage_tests "$folder"
	done
	cp -r "$top/tests/common" "$stage/tests/"
	rm -f "$stage"/tests/common/*.h
	for file in "$top"/examples/*.c; do
		file=${file##*/}
		cp "$userland/examples/${file%.c}" "$stage/usr/lib/msgslot-examples/"
	done
	[ ! -e "$out/named" ] || cp "$out/named/module/message_slot.ko" "$stage/tests/common/"
	cp "$vm/guest/init" "$stage/tests/init"
	install -D "$vm/guest/udevadm" "$stage/usr/local/sbin/udevadm"
	install -D "$vm/guest/bats" "$stage/usr/local/bin/bats"
	build_settings >"$stage/tests/settings"
}

build_settings()
{
	local variable rows columns

	printf 'export MSGSLOT_KERNEL=%q CMOCKA_MESSAGE_OUTPUT=TAP\n' "$kernel"
	printf '%s=%q\n' CONSOLE "${ttys[0]}" VERDICT "${ttys[1]}"
	# An s390x is emulated at a fourth of the speed of the others.
	[[ ! $slow && $arch != s390x ]] || echo 'export MSGSLOT_SLOW=1'
	[ -z "$quick" ] || echo 'export MSGSLOT_QUICK=1'
	[ -z "$thorough" ] || echo 'SHELL_BATS=/usr/bin/bats'
	[ -z "$icount" ] || echo 'export MSGSLOT_ICOUNT=1'
	for variable in "${!MSGSLOT_@}"; do
		[[ $variable == MSGSLOT_@(STEPS|LANE) ]] || printf 'export %s=%q\n' "$variable" "${!variable}"
	done
	[ -z "$seconds" ] || printf 'export MSGSLOT_SECONDS=%q\n' "$seconds"
	read -r rows columns < <(stty size 2>/dev/null || echo 24 80)
	printf '%s=%q\n' LIMIT "$limit" SHELL_WANTED "$shell" TERM "${TERM:-vt100}" \
		ROWS "$rows" COLUMNS "$columns"
}

# programs: the paths below /tests of those that are to be run.
programs()
{
	local folder file

	for folder in "${folders[@]##*/}"; do
		for file in "$stage/tests/$folder"/*; do
			[[ -f $file && ${file#"$stage"} == *$pattern* ]] || continue
			if [[ -x $file || $file == *.bats || $file == *.sh ]]; then
				echo "${file#"$stage/tests/"}"
			elif [ "$(head -c 2 "$file")" = '#!' ]; then
				die "${file#"$stage/"} is a program, but not executable"
			fi
		done
	done
}

build_initrd()
{
	{
		cat "$image"
		(cd "$stage" && find . | cpio --quiet -o -H newc -R 0:0)
	} >"$out/initrd"
}
