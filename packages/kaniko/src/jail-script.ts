// The fixed text that /bin/sh runs as the first process of a jail's namespaces, from an empty directory to the executor.

/** Written by the script right before the executor starts: whatever failed earlier was not the build. */
export const jailReady = 'polyarch-jail: ready'

/** What the script's own refusals begin with. */
export const jailRefusal = 'polyarch-jail: refused: '

/** What a container has without being asked: docker's default capabilities. */
const capabilities = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'mknod',
  'audit_write',
  'setfcap',
]

/**
 * Arguments: the jail's root; the launcher's mount namespace; then `ro|rw|empty SOURCE TARGET` for each mount, `--`, and the
 * executor's arguments. Nothing is ever put into this text. What lies outside /kaniko and /etc is for commands to write.
 *
 * The root is moved over `/` of the namespace before chroot, as initramfs programs do: a process that breaks out of
 * the chroot finds itself in the same root, not in the machine's. Devices made in it cannot be opened (nodev).
 */
export const jailScript = `
set -eu
umask 022
refuse() { echo "${jailRefusal}$*" >&2; exit 125; }
identify() { stat -c %d:%i -- "$1"; }

root=$1 outside=$2
shift 2
[ "$$" = 1 ] || refuse "not the first process of a PID namespace"
[ "$(readlink /proc/self/ns/mnt)" != "$outside" ] || refuse "this is the mount namespace of the launcher"
case $root in /*/*) ;; *) refuse "$root is no place for a jail" ;; esac
cd -P -- "$root"
[ "$(pwd -P)" = "$root" ] || refuse "$root is reached through a symbolic link"
[ "$(identify .)" != "$(identify /)" ] || refuse "$root is the root of this machine"
[ -z "$(ls -A .)" ] || refuse "$root is not empty"
[ "$(stat -c %a .)" = 755 ] || refuse "$root has not mode 755"
before=$(identify .)

# Adds options to a mount; those it has must be said again, or a user namespace may not change it.
remount() {
  present=$(findmnt -nro VFS-OPTIONS --mountpoint "$1" | tail -n 1)
  mount --no-mtab -o "remount,bind,$present,$2" "$1"
}
bind() {
  if [ "$1" = empty ]; then
    mount --no-mtab -t tmpfs -o ro,nosuid,nodev,noexec,size=4k tmpfs "$3"
    return
  fi
  if [ -d "$2" ]; then mkdir -p "$3"; else mkdir -p "$(dirname "$3")"; : > "$3"; fi
  mount --no-mtab --rbind "$2" "$3"
  options=nodev
  if [ "$1" = ro ]; then options=ro,nosuid,nodev; fi
  findmnt -nlRo TARGET --mountpoint "$(realpath "$3")" | while IFS= read -r place; do remount "$place" "$options"; done
}

mount --no-mtab --bind . .
cd -P -- "$root"
[ "$(identify .)" = "$before" ] || refuse "$root was exchanged"
case ,$(findmnt -nro VFS-OPTIONS --mountpoint "$root" | tail -n 1), in
  *,noexec,* | *,ro,*) refuse "$root lies on a file system that is read-only or mounted noexec" ;;
esac
remount "$root" nodev

mkdir proc dev etc kaniko
mount --no-mtab -t proc -o nosuid,nodev,noexec proc proc
for place in bus fs irq sys sysrq-trigger; do
  if [ -e "proc/$place" ]; then mount --no-mtab --bind "proc/$place" "proc/$place"; remount "$root/proc/$place" ro; fi
done
for place in kcore keys timer_list; do
  if [ -e "proc/$place" ]; then mount --no-mtab --bind /dev/null "proc/$place"; fi
done
mount --no-mtab -t tmpfs -o nosuid,nodev,noexec,mode=755,size=1m tmpfs dev
for device in null zero full random urandom tty; do
  : > "dev/$device"
  mount --no-mtab --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount --no-mtab -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount --no-mtab -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

expected='dev etc kaniko proc'
while [ "$1" != -- ]; do
  case $3/ in */./* | */../* | *//*) refuse "nothing is mounted at $3" ;; esac
  case $3 in
    /kaniko/* | /etc/*) ;;
    / | /dev | /dev/* | /etc | /kaniko | /proc | /proc/* | /sys | /sys/*) refuse "nothing is mounted at $3" ;;
    *[!A-Za-z0-9._/-]*) refuse "nothing is mounted at $3" ;;
    /*)
      [ "$1" = rw ] || refuse "nothing is mounted at $3"
      top=\${3#/}
      expected="$expected \${top%%/*}"
      ;;
    *) refuse "nothing is mounted at $3" ;;
  esac
  bind "$1" "$2" ".$3"
  shift 3
done
shift
[ "$(ls -A . | LC_ALL=C sort)" = "$(printf '%s\\n' $expected | LC_ALL=C sort -u)" ] || refuse "$root holds more than a jail"

mount --no-mtab --move . /
echo "${jailReady}" >&2
exec setsid setpriv --inh-caps=-all --bounding-set=-all,+${capabilities.join(',+')} \\
  chroot . /kaniko/executor "$@"
`
