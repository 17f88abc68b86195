# Runs /run/job/job.sh as on a box that OpenRC has booted; OpenRC itself comes with the file system.
mkdir -p /run/openrc && echo default >/run/openrc/softlevel
# Debian's OpenRC wants the one, and lacks the others.
: >>/etc/insserv.conf
mkdir -p /etc/conf.d
printf '#!/sbin/openrc-run\nstart() { :; }\n' >/etc/init.d/localmount
chmod +x /etc/init.d/localmount
rm -rf /usr/local/lib/distswarm /usr/local/bin/distswarm
mkdir /usr/local/lib/distswarm
cp -r /opt/distswarm/dist /opt/distswarm/package.json /usr/local/lib/distswarm
ln -s /opt/distswarm/node_modules /usr/local/lib/distswarm/node_modules
chmod +x /usr/local/lib/distswarm/dist/main.js
ln -s ../lib/distswarm/dist/main.js /usr/local/bin/distswarm
sh /run/job/job.sh >>/run/job/out 2>&1
