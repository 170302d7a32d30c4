# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packages, and the checks of them. Part of the Makefile.

SUITES	?= bookworm trixie

CHROOT_CHECKS = "tests/package/deb $(SUITES)" \
	$(foreach suite,$(SUITES),"tests/package/chroot $(if $(filter quick,$(SIZE)),--quick) $(suite)") \
	$(foreach suite,$(SUITES),"tests/package/dnf $(suite)")
VM_CHECKS = $(foreach suite,$(SUITES),"tests/package/vm $(suite)") "tests/package/secure-boot bookworm" \
	"tests/package/dnf-machine bookworm"

.PHONY: dist deb rpm addresses check-version check-packages check-packages-chroot

dist: ## the source archive that a release publishes, into build/
	@tests/package/dist $(BUILD)

deb: deps ## Debian packages, built in clean roots, into build/deb/
	@$(STEPS) --name deb --about 10 $(foreach suite,$(SUITES),"tests/package/deb $(suite)")
	@ls $(SUITES:%=$(BUILD)/deb/%/*.deb)

rpm: deps ## source and binary RPM packages, by rpmbuild in a clean root, into build/rpm/
	@$(STEPS) --name rpm --about 5 "rpm/build $(BUILD)/rpm && echo 1 passed, 0 failed"
	@ls $(BUILD)/rpm/*.rpm

addresses: ## what Makefile says of the project's home, into the files of packages
	@tests/package/addresses

check-version: ## all places that name the version agree
	@tests/static/run version

check-packages: deps ## packages on systems: install, upgrade, new kernels, remove (an hour)
	@exec $(STEPS) $(VM_CHECKS) $(CHROOT_CHECKS)

check-packages-chroot: deps ## what of that needs no virtual machine
	@exec $(STEPS) $(CHROOT_CHECKS)
