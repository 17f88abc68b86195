# boot.sh DIR PROJECT OVER: within new namespaces, makes a root file system above this machine's, with the files of OVER
# in it, and runs DIR/job/init in it.
set -e
dir=$1 project=$2 over=$3
root=$dir/root
mount --make-rprivate /
mkdir "$dir/memory" "$root"
mount -t tmpfs tmpfs "$dir/memory"
mkdir "$dir/memory/upper" "$dir/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/memory/upper,workdir=$dir/memory/work" "$root"
[ "$over" = / ] || cp -a "$over/." "$root/"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
# The kernel is the machine's: its settings are not for the init system in here to change.
mount -o remount,bind,ro "$root/sys"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
for place in run tmp dev; do mount -t tmpfs tmpfs "$root/$place"; done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/run/job"
mount --bind "$dir/job" "$root/run/job"
mkdir -p "$root/opt/distswarm"
mount --bind "$project" "$root/opt/distswarm"
mount -o remount,bind,ro "$root/opt/distswarm"
ip link set lo up
exec chroot "$root" sh /run/job/init
