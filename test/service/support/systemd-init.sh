# Boots systemd as far as basic.target, runs /run/job/job.sh as a service, and ends.
: >/etc/fstab
units=/etc/systemd/system
cat >$units/job.target <<END
[Unit]
Requires=basic.target
Wants=job.service
After=basic.target
AllowIsolate=yes
END
cat >$units/job.service <<END
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh /run/job/job.sh
StandardOutput=append:/run/job/out
StandardError=inherit
ExecStopPost=/bin/systemctl --force --no-block exit
END
ln -sf $units/job.target $units/default.target
for unit in systemd-udevd systemd-udev-trigger systemd-networkd systemd-resolved systemd-timesyncd systemd-remount-fs \
  systemd-modules-load systemd-sysctl systemd-binfmt kmod-static-nodes; do
  ln -sf /dev/null $units/$unit.service
done
. /opt/distswarm/test/service/support/install.sh
container=test exec /lib/systemd/systemd --system --show-status=0
