# Runs /run/job/job.sh as on a box that OpenRC has booted; OpenRC itself comes with the file system.
mkdir -p /run/openrc && echo default >/run/openrc/softlevel
# Debian's OpenRC wants the one, and lacks the others.
: >>/etc/insserv.conf
mkdir -p /etc/conf.d
printf '#!/sbin/openrc-run\nstart() { :; }\n' >/etc/init.d/localmount
chmod +x /etc/init.d/localmount
. /opt/distswarm/test/service/support/install.sh
sh /run/job/job.sh >>/run/job/out 2>&1
