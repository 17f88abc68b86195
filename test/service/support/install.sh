# Lays out the program as `npm install --global --prefix /usr/local` does, on a box that never had it.
rm -rf /usr/local/lib/distswarm /usr/local/bin/distswarm /var/lib/distswarm /var/cache/distswarm
mkdir /usr/local/lib/distswarm
cp -r /opt/distswarm/dist /opt/distswarm/package.json /usr/local/lib/distswarm
ln -s /opt/distswarm/node_modules /usr/local/lib/distswarm/node_modules
chmod +x /usr/local/lib/distswarm/dist/main.js
ln -s ../lib/distswarm/dist/main.js /usr/local/bin/distswarm
