# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the guest's machine is. Sourced by tests/vm/run, never run. machine_ARCH sets:
#
#	QEMU_ARCH	the machine, in QEMU's words, for tests/vm/qemu
#	machine		what QEMU is told of it; every processor has a socket of its own, as the debug
#			kernel knows of no others
#	lines		the guest's two serial lines
#	ttys		how the guest calls them: the kernel's console, and the verdicts
#	console		how the kernel's command line calls the first
#	judging		what tests/vm/judge is to know
#	cross		what make is told to build programs for it
#	cross_kernel	what make is told to build the module for it
#
# shellcheck disable=SC2034,SC2054 # tests/vm/run reads them; the commas are QEMU's

lines=(-serial chardev:console -serial chardev:verdict)
cross=() cross_kernel=() judging=()

# Without la57: KASAN takes its addresses for wild ones while the processor's features are being
# found out, and may never come to an end of saying so. Without erms and fsrm, as QEMU makes every
# byte of a string instruction one by one, and --icount would count each: unpacking the initrd takes
# two seconds less so. Without registers of 32 bytes, too, which the C library would use for strings
# and the kernel save, but where instructions are counted.
machine_amd64()
{
	local cpu=max,-la57,-erms,-fsrm

	[ "${icount-}" ] || cpu+=,-avx,-avx2,-mpx,-pku
	export QEMU_ARCH=x86_64
	machine=(-machine q35 -cpu "$cpu")
	ttys=(ttyS0 ttyS1) console=ttyS0
}

# Pointer authentication by QEMU's own algorithm, as the architecture's takes half of the time.
machine_arm64()
{
	export QEMU_ARCH=aarch64
	machine=(-machine virt -cpu max,pauth-impdef=on)
	ttys=(ttyAMA0 ttyAMA1) console=ttyAMA0
	cross=(CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar CC_32=arm-linux-gnueabihf-gcc)
	cross_kernel=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
}

# It has two lines of different kinds; what is said of tests goes over the one that changes no byte.
machine_s390x()
{
	export QEMU_ARCH=s390x
	machine=(-machine s390-ccw-virtio -cpu max)
	lines=(-device sclplmconsole,chardev=console -device sclpconsole,chardev=verdict)
	ttys=(sclp_line0 ttysclp0) console=ttyS0
	# What the kernel says last of all, this console does not come to show.
	# Of a long line it cuts the end, where the reason is.
	judging+=(--farewell 'tests: down' --reason '')
	cross=(CC=s390x-linux-gnu-gcc AR=s390x-linux-gnu-ar)
	cross_kernel=(ARCH=s390 CROSS_COMPILE=s390x-linux-gnu-)
}
