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
for unit in systemd-udevd systemd-udev-trigger systemd-networkd systemd-resolved systemd-timesyncd systemd-remount-fs; do
  ln -sf /dev/null $units/$unit.service
done
# The running agent needs a package.json beside it, and its file executable, as npm installs it.
rm -rf /usr/local/lib/distswarm /usr/local/bin/distswarm
mkdir /usr/local/lib/distswarm
cp -r /opt/distswarm/dist /opt/distswarm/package.json /usr/local/lib/distswarm
ln -s /opt/distswarm/node_modules /usr/local/lib/distswarm/node_modules
chmod +x /usr/local/lib/distswarm/dist/main.js
ln -s ../lib/distswarm/dist/main.js /usr/local/bin/distswarm
container=test exec /lib/systemd/systemd --system --show-status=0
