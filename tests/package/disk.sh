# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The disks of the checks on machines that boot: a service of theirs runs what a second disk has.
# Debian's kernel headers have a switch for ccache; "compiled" fills the cache. Sourced after lib.sh, never run;
# what it has runs apart.

# furnish NAME: the root in $scratch/NAME gets users, and the service; its next initramfs is small.
furnish()
{
	# shellcheck disable=SC2154 # lib.sh's
	local at=$scratch/$1 user

	for user in member member2 outsider; do
		inside "$1" useradd --create-home --shell /bin/bash "$user"
	done
	# The emulated processor unpacks it, and makes it anew for a new kernel.
	mkdir -p "$at/etc/initramfs-tools/conf.d"
	printf '%s\n' MODULES=list COMPRESS=gzip >"$at/etc/initramfs-tools/conf.d/small"
	printf '%s\n' virtio_pci virtio_blk ext4 >"$at/etc/initramfs-tools/modules"
	cat >"$at/etc/systemd/system/stage.service" <<-'END'
	[Unit]
	Description=what the second disk says
	After=systemd-modules-load.service systemd-user-sessions.service
	[Service]
	Environment=DEBIAN_KERNEL_USE_CCACHE=y CCACHE_DIR=/srv/stage/compiled
	ExecStart=/bin/sh -c 'rm -rf /srv/stage && mkdir /srv/stage && tar -C /srv/stage -xf /dev/vdb && exec /srv/stage/start'
	[Install]
	WantedBy=multi-user.target
	END
	inside "$1" systemd-machine-id-setup
	inside "$1" systemctl enable stage.service
	inside "$1" systemctl set-default multi-user.target
	inside "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer \
		dpkg-db-backup.timer logrotate.timer fstrim.timer podman-auto-update.timer
}

# write_disk NAME LOWER TARGET: the root in $scratch/NAME, a layer over LOWER, as a disk.
write_disk()
{
	local at=$scratch/$1

	fold "$1"
	mount -t overlay whole "$at" -o "lowerdir=$at.upper:$2"
	truncate -s 6G "$3"
	mke2fs -q -t ext4 -O ^has_journal -d "$at" "$3"
}
