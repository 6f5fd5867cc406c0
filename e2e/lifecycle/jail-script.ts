// The fixed text that /bin/sh runs as the first process of new namespaces, from a disposable root to a phase in it.

/** The file that makes a directory a root that may be deleted: only rooms that a scene unpacked have it. */
export const disposableMark = '.polyarch-disposable'

/** What the script's own refusals begin with. */
export const refusal = 'lifecycle-jail: refused: '

/**
 * Arguments: the root; the launcher's mount namespace; `UID:GID`; then `ro|rw SOURCE TARGET` for each mount, `--`, and
 * the command. The lifecycle's extender deletes the root file system that it runs in: this one is moved over `/` of the
 * namespace before chroot, so that a process that breaks out of it finds itself in the same root.
 */
export const jailScript = `
set -eu
refuse() { echo "${refusal}$*" >&2; exit 125; }
identify() { stat -c %d:%i -- "$1"; }

root=$1 outside=$2 user=$3
shift 3
[ "$$" = 1 ] || refuse "not the first process of a PID namespace"
[ "$(readlink /proc/self/ns/mnt)" != "$outside" ] || refuse "this is the mount namespace of the launcher"
case $root in /*/*/*) ;; *) refuse "$root is no place for a jail" ;; esac
cd -P -- "$root"
[ "$(pwd -P)" = "$root" ] || refuse "$root is reached through a symbolic link"
[ "$(identify .)" != "$(identify /)" ] || refuse "$root is the root of this machine"
[ -f ${disposableMark} ] || refuse "$root is not marked as disposable"
[ -z "$(findmnt -nlRo TARGET | grep -F "$root/" || :)" ] || refuse "something is mounted below $root"

mount --no-mtab --bind . .
cd -P -- "$root"
rm ${disposableMark}
mkdir -p proc dev tmp
chmod 1777 tmp
# By this file kaniko, which runs nowhere else, tells that it is in a container.
: > .dockerenv
mount --no-mtab -t proc -o nosuid,nodev,noexec proc proc
mount --no-mtab -t tmpfs -o nosuid,noexec,mode=755,size=1m tmpfs dev
for device in null zero full random urandom; do
  : > "dev/$device"
  mount --no-mtab --bind "/dev/$device" "dev/$device"
done
while [ "$1" != -- ]; do
  case $3 in /*) ;; *) refuse "nothing is mounted at $3" ;; esac
  mkdir -p ".$3"
  mount --no-mtab --bind "$2" ".$3"
  [ "$1" = rw ] || mount --no-mtab -o remount,bind,ro "$root$3"
  shift 3
done
shift

mount --no-mtab --move . /
exec chroot --userspec="$user" --groups= . "$@"
`
