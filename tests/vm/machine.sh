# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the guest's machine is. Sourced by tests/vm/run, never run. machine_ARCH sets:
#
#	QEMU_ARCH	the machine, by QEMU's name, for tests/vm/qemu
#	machine		its options of QEMU; every processor has a socket of its own, as the debug
#			kernel supports no others
#	lines		options of the guest's two serial lines
#	ttys		their names in the guest: the kernel's console, and the verdicts
#	console		the name of the first on the kernel's command line
#	judging		options of tests/vm/judge
#	cross		variables of make to build programs for it
#	cross_kernel	variables of make to build the module for it
#
# shellcheck disable=SC2034,SC2054 # tests/vm/run reads them; the commas are QEMU's

lines=(-serial chardev:console -serial chardev:verdict)
cross=() cross_kernel=() judging=()

# Without la57: KASAN reports its addresses as wild while the processor's features are being
# detected, and may report for ever. Without erms and fsrm, as QEMU executes every byte of a string
# instruction separately, and --icount would count each: unpacking the initrd takes two seconds less
# without them. Also without registers of 32 bytes, which the C library would use for strings and the
# kernel would save, except where instructions are counted.
machine_amd64()
{
	local cpu=max,-la57,-erms,-fsrm

	[ "${icount-}" ] || cpu+=,-avx,-avx2,-mpx,-pku
	export QEMU_ARCH=x86_64
	machine=(-machine q35 -cpu "$cpu")
	ttys=(ttyS0 ttyS1) console=ttyS0
}

# Pointer authentication by QEMU's own algorithm, as the architecture's takes half of the run time.
machine_arm64()
{
	export QEMU_ARCH=aarch64
	machine=(-machine virt -cpu max,pauth-impdef=on)
	ttys=(ttyAMA0 ttyAMA1) console=ttyAMA0
	cross=(CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar CC_32=arm-linux-gnueabihf-gcc)
	cross_kernel=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
}

# It has two lines of different kinds; the verdicts use the one that changes no byte.
machine_s390x()
{
	export QEMU_ARCH=s390x
	machine=(-machine s390-ccw-virtio -cpu max)
	lines=(-device sclplmconsole,chardev=console -device sclpconsole,chardev=verdict)
	ttys=(sclp_line0 ttysclp0) console=ttyS0
	# This console does not show the last line of the kernel's log, and cuts the end of a long line,
	# where the reason is.
	judging+=(--farewell 'tests: down' --reason '')
	cross=(CC=s390x-linux-gnu-gcc AR=s390x-linux-gnu-ar)
	cross_kernel=(ARCH=s390 CROSS_COMPILE=s390x-linux-gnu-)
}
