# What an administrator does, one step after another; each prints `<step>: <what came of it>`.
config=/etc/distswarm.toml
log=/var/log/distswarm.log
say() { printf '%s: %s\n' "$1" "$2"; }
not_ours() { find /var/lib/distswarm /var/cache/distswarm ! -user distswarm | xargs; }
child() { cat /run/openrc/options/distswarm/child_pid; }
# waits for a command to succeed; what never does stands last when the boot is ended (pid1.ts)
until_ok() { say waiting "for $*" && until "$@" >/dev/null 2>&1; do sleep 0.1; done; }
answers() { node -e 'fetch("http://127.0.0.1:8480/distfiles/layout.conf").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'; }
replaced() { test "$(child)" != "$1" && answers; }
state() { rc-service distswarm status 2>&1 | sed -n 's/.*status: //p'; }

groupadd -r portage 2>/dev/null
# what an agent that root ran has left
mkdir -p /var/lib/distswarm/db /var/cache/distswarm/blobs/ab /var/cache/distswarm/partial
(umask 077 && : >/var/lib/distswarm/db/LOCK && head -c 32 /dev/urandom >/var/lib/distswarm/identity.key)
: >/var/cache/distswarm/partial/begun
useradd -r -U -G portage -d /var/lib/distswarm -s /sbin/nologin distswarm
cp /opt/distswarm/openrc/distswarm /etc/init.d/distswarm
cp /opt/distswarm/openrc/distswarm.confd /etc/conf.d/distswarm
printf 'healthcheck_delay=2\nhealthcheck_timer=2\n' >>/etc/conf.d/distswarm # so that the test need not wait
printf '[upstream]\nmirrors = ["http://127.0.0.1:9000"]\n' >$config
rc-update -q add distswarm default

openrc default 2>/dev/null
until_ok answers && say "boot without a network" "$(state)"
say directories "$(stat -c %a:%U /var/lib/distswarm /var/cache/distswarm $log | xargs)"
say "still of root" "$(not_ours)"
say groups "$(awk '/^Groups/ { print NF - 1 }' "/proc/$(child)/status")"
say "portage reads the store" "$(setpriv --reuid 65534 --regid 65534 --clear-groups cat /var/cache/distswarm/blobs/layout.conf | tail -1)"
say "command" "$(tr '\0' ' ' <"/proc/$(child)/cmdline")"
say "io priority" "$(ionice -p "$(child)")"

before=$(child)
printf '[upstream]\nmirrors = ["http://127.0.0.1:9000"]\n[proxy]\nallow = ["127.0.0.1"]\n' >$config
rc-service -q distswarm reload && until_ok grep -q "config read again: proxy.allow changed" $log
say reload "$(test "$before" = "$(child)" && echo same process)"
say "looked after" "$(rc-service -q distswarm healthcheck && echo well)"

kill -KILL "$(child)" && until_ok replaced "$before"
say crash "$(state), answers"

rc-service -q distswarm restart && until_ok answers
say restart "$(state)"

before=$(child)
cp $config /run/right && printf '[store]\nmax_sise = "1GiB"\n' >$config
rc-service -q distswarm restart
say "restart with a wrong config" "$(test "$before" = "$(child)" && answers && echo same process, answers)"
mv /run/right $config

before=$(child)
sed -i 's/timeout 30/timeout 5/' /etc/init.d/distswarm # so that the test need not wait
kill -STOP "$before" && until_ok replaced "$before"
sed -i 's/timeout 5/timeout 30/' /etc/init.d/distswarm # a busy machine makes an agent slow that is well
say hangs "$(state), answers"

before=$(child)
kill -KILL "$(cat /run/supervise-distswarm.pid)" && rc-service -q distswarm restart 2>/dev/null
until_ok test ! -d "/proc/$before" && until_ok answers
say "supervisor killed" "restarted, the agent left alone is gone"

node -e 'require("http").createServer((q, s) => { s.writeHead(200, { "content-length": 1e9 }); s.write("begun"); }).listen(9000)' &
upstream=$!
until_ok node -e 'fetch("http://127.0.0.1:9000/").then((r) => process.exit(0), () => process.exit(1))'
node -e 'require("http").get({ port: 8480, path: "http://127.0.0.1:9000/big" }, (r) => r.once("data", () => require("fs").writeFileSync("/run/begun", ""))).on("error", () => {})' 2>/dev/null &
until_ok test -e /run/begun
last=$(child)
begun=$(date +%s%N) && rc-service -q distswarm stop && ended=$(date +%s%N)
say stop "$(test -d "/proc/$last" || echo gone) within $(((ended - begun) / 1000000000 + 1)) s"
kill $upstream

printf '[store]\nmax_sise = "1GiB"\n' >$config
say "wrong config" "$(rc-service -q distswarm start 2>&1 | grep '^distswarm: ')"
say "after a wrong config" "$(state)"
echo done
