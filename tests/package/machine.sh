# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The boots of the checks on machines that boot. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$package/../vm/machine.sh"
machine_amd64

# from_disk DISK PATH FILE: copies a file out of the disk.
from_disk()
{
	debugfs -R "dump $2 $3" "$1" 2>/dev/null
	[ -s "$3" ] || die "the disk has no $2"
}

# Nobody attacks this processor, as in tests/vm/run.
arguments="console=ttyS0,115200 loglevel=6 root=/dev/vda rw panic=-1 oops=panic tsc=reliable
	watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 mitigations=off init_on_alloc=0"

# What QEMU starts: the kernel itself, or what the machine's firmware finds in OUT/esp (see secure-boot).
start_kernel()
{
	start=("${machine[@]}" -kernel "$1/vmlinuz" -initrd "$1/initrd" -append "$arguments")
}

# precompiled OUT ROOT COMMAND…: puts what the compiler of ROOT makes of the module into OUT/stage; of the
# checkout, and of a copy of it that each COMMAND changes.
precompiled()
{
	local out=$1 root=$2 command
	local -a trees=("$out/trees/now")

	copy_tree "$out/trees/now"
	for command in "${@:3}"; do
		trees+=("$out/trees/${#trees[@]}")
		cp -r "$out/trees/now" "${trees[-1]}"
		"$command" "${trees[-1]}"
	done
	"$package/compiled" "$root" "$out/compiled" "${trees[@]}"
	mv "$out/compiled" "$out/stage"
	rm -r "$out/trees"
}

# boot OUT CONSOLE: boots the newest kernel of the disk there, prints what the machine writes to ttyS1,
# and ends when the calling process ends.
boot()
{
	local out=$1 release start

	release=$(debugfs -R "ls -p /boot" "$out/disk" 2>/dev/null |
		sed -n 's|.*/vmlinuz-\([^/]*\)/.*|\1|p' | sort -V | tail -n 1)
	from_disk "$out/disk" "/boot/vmlinuz-$release" "$out/vmlinuz"
	from_disk "$out/disk" "/boot/initrd.img-$release" "$out/initrd"
	start_kernel "$out"
	exec setpriv --pdeathsig TERM timeout --foreground -k 10 3600 "$top/tests/vm/qemu" "${start[@]}" \
		-accel tcg,thread=multi -smp 2 -m 2G \
		-nodefaults -no-user-config -display none -no-reboot \
		-drive "file=$out/disk,format=raw,if=virtio,cache=unsafe" \
		-drive "file=$out/stage.tar,format=raw,if=virtio,readonly=on" \
		-serial "file:$2" -chardev stdio,id=verdict,signal=off -serial chardev:verdict \
		</dev/null 2>"$out/qemu.log"
}

# boots OUT FOLDER: each program of FOLDER is a boot of the disk in OUT, with the files of
# OUT/stage. tests/vm/judge judges its output and the kernel's log. A kernel that hangs while it boots,
# as in tests/vm/run, is booted again.
boots()
{
	local out=$1 folder=$2 program name console began good bad told pid status

	for program in "$folder"/*; do
		name=${folder##*/}/${program##*/}
		console=$out/${program##*/}.console
		cp "$package/guest/start" "$package/guest/lib.sh" "$out/stage"
		cp "$program" "$out/stage/program"
		tar -C "$out/stage" -cf "$out/stage.tar" .
		began=$EPOCHREALTIME
		for _ in {1..3}; do
			: >"$console"
			status=0
			say "$name: booting; console: $console"
			exec {told}< <(boot "$out" "$console")
			pid=$!
			"$top/tests/vm/judge" --where "$name" --patience 300 "$console" \
				<&"$told" >"$out/judged" || status=$?
			kill "$pid" 2>/dev/null || :
			wait "$pid" || :
			exec {told}<&-
			[ $status = 3 ] || break
			cp "$console" "$console.hung"
			say "$name: the kernel hung on its way up ($console.hung)"
		done
		grep -vE '^[0-9]+ passed, [0-9]+ failed$' "$out/judged" || :
		# There is no such line if the judge was killed.
		read -r good _ bad _ < <(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$out/judged") || :
		passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-1}))
		echo "        $(seconds_since "$began") s  $name: ${good:-0} passed, ${bad:-1} failed"
	done
	[ "$failed" != 0 ] || rm -rf "$out/disk" "$out/stage" "$out/stage.tar" "$out/vmlinuz" "$out/initrd"
}
