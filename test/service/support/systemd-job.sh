# What an administrator does, one step after another; each prints `<step>: <what came of it>`.
config=/etc/distswarm.toml
say() { printf '%s: %s\n' "$1" "$2"; }
not_ours() { find /var/lib/distswarm /var/cache/distswarm ! -user distswarm | xargs; }
show() { systemctl show -P "$1" distswarm; }
pid() { show MainPID; }
# waits for a command to succeed; what never does stands last when the boot is ended (pid1.ts)
until_ok() { say waiting "for $*" && until "$@" >/dev/null 2>&1; do sleep 0.1; done; }
is() { test "$(show "$1")" = "$2"; }
restarted() { is NRestarts "$1" && is ActiveState active; }
# the journal since the last call has a line
mark() { cursor=$(journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'); }
logged() { journalctl -q -u distswarm -o cat ${cursor:+--after-cursor="$cursor"} | grep -q "$1"; }
answers() { node -e 'fetch("http://127.0.0.1:8480/distfiles/layout.conf").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'; }

mkdir -p /etc/sysusers.d
cp /opt/distswarm/systemd/sysusers.conf /etc/sysusers.d/distswarm.conf
# what an agent that root ran has left
mkdir -p /var/lib/distswarm/db /var/cache/distswarm/blobs/ab /var/cache/distswarm/partial
(umask 077 && : >/var/lib/distswarm/db/LOCK && head -c 32 /dev/urandom >/var/lib/distswarm/identity.key)
: >/var/cache/distswarm/partial/begun
systemd-sysusers 2>/dev/null
say groups "$(id -nG distswarm)"
systemctl -q enable /opt/distswarm/systemd/distswarm.service 2>/dev/null

mkdir -p /etc/systemd/system/distswarm.service.d
printf '[Service]\nWatchdogSec=3s\n' >/etc/systemd/system/distswarm.service.d/quick.conf # so that the test need not wait
printf '[upstream]\nmirrors = ["http://127.0.0.1:9000"]\n' >$config
systemctl daemon-reload
systemctl start distswarm && say start "$(show ActiveState), $(show StatusText)"
answers && say "first answer" ok
say directories "$(stat -c %a:%U /var/lib/distswarm /var/cache/distswarm | xargs)"
say "still of root" "$(not_ours)"
say "portage reads the store" "$(setpriv --reuid 65534 --regid 65534 --clear-groups cat /var/cache/distswarm/blobs/layout.conf | tail -1)"
say status "$(setpriv --reuid distswarm --regid distswarm --clear-groups distswarm status | sed -n 2p)"

before=$(pid) && mark
printf '[upstream]\nmirrors = ["http://127.0.0.1:9000"]\n[proxy]\nallow = ["127.0.0.1"]\nconnect_ports = []\n' >$config
systemctl reload distswarm && until_ok logged "config read again: proxy.allow changed"
until_ok logged "only a restart brings it into effect: proxy.connect_ports"
say reload "$(test "$before" = "$(pid)" && echo same process)"

before=$(pid) && kill -STOP "$before" && until_ok restarted 1
say "hangs" "$(test "$before" != "$(pid)" && echo restarted by the watchdog)"
kill -KILL "$(pid)" && until_ok restarted 2
say crash "restarted, $(answers && echo answers)"
for turn in 1 2 3 4; do systemctl restart distswarm; done
say "restart again and again" "$(show ActiveState)"

# a download that would take for ever, through the proxy
node -e 'require("http").createServer((q, s) => { s.writeHead(200, { "content-length": 1e9 }); s.write("begun"); }).listen(9000)' &
upstream=$!
until_ok node -e 'fetch("http://127.0.0.1:9000/").then((r) => process.exit(0), () => process.exit(1))'
node -e 'require("http").get({ port: 8480, path: "http://127.0.0.1:9000/big" }, (r) => r.once("data", () => require("fs").writeFileSync("/run/begun", ""))).on("error", () => {})' 2>/dev/null &
until_ok test -e /run/begun
begun=$(date +%s%N) && systemctl stop distswarm && ended=$(date +%s%N)
say stop "$(show Result) within $(((ended - begun) / 1000000000 + 1)) s"
kill $upstream

# another command in the same sandbox
sed -e 's#^ExecStart=.*#ExecStart=/usr/bin/env node /run/job/native.mjs#' -e 's/^Type=notify/Type=oneshot/' \
  -e '/^WatchdogSec/d' -e '/^Restart/d' /opt/distswarm/systemd/distswarm.service >/run/systemd/system/native.service
systemctl daemon-reload
systemctl start native 2>/dev/null
say "native parts" "$(journalctl -q -u native -o cat | grep -v -e '^Start' -e '^Finish' -e Deactivated | tail -1)"

mark
printf '[store]\nmax_sise = "1GiB"\n' >$config
systemctl start distswarm 2>/dev/null || until_ok is ActiveState failed
say "wrong config" "exit code $(show ExecMainStatus), $(show NRestarts) restarts"
say "why" "$(journalctl -q -u distswarm -o cat --after-cursor="$cursor" | grep '^distswarm: ')"
echo done
