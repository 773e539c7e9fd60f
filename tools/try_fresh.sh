#!/usr/bin/env bash
# Tries the program on a machine that has nothing: an empty Debian 12 in a folder, with Node 20 from npm's package `node`.
# There a WebP picture in a folder with spaces in its name is restored in three ways: npx of the tarball, deno install
# --global, and a clone. Root on Debian or Ubuntu with debootstrap, npm and git; about 1.5 GB and some minutes.
#
#   tools/try_fresh.sh [--keep] [npx|global|clone ...]
#
# --keep leaves the folder; MIRROR names another mirror of Debian than the one of this machine. The last lines say what
# each way did; the exit code is 0 only if every one restored the picture.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
deno="deno@$(sed -nE 's/.*DENO_VERSION = "([^"]+)".*/\1/p' "$here/package/manifest.ts")"
keep=
ways=()
for word in "$@"; do
  case $word in
    --keep) keep=1 ;;
    npx | global | clone) ways+=("$word") ;;
    *)
      echo "try_fresh.sh has no \"$word\", --keep and the ways npx, global and clone are possible" >&2
      exit 2
      ;;
  esac
done
[ ${#ways[@]} -gt 0 ] || ways=(npx global clone)

for program in debootstrap npm git; do
  command -v "$program" >/dev/null || {
    echo "Cannot make an empty Debian: $program is not installed; apt-get install $program" >&2
    exit 1
  }
done
[ "$(id -u)" = 0 ] || {
  echo "Cannot make an empty Debian: only root may, this is user $(id -un)" >&2
  exit 1
}

# The mirror from which this machine installs, if it is a Debian.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
mirror=${MIRROR:-$(sed -nE '/debian\/?( |$)/{s#^(deb|URIs:) +(https?://[^ ]+).*#\2#p}' <<<"$sources")}
mirror=${mirror%%$'\n'*}
root=$(mktemp -d --tmpdir shortcut-fresh-XXXXXX)
finish() { [ -n "$keep" ] && echo "The folder is $root" || rm -rf --one-file-system "$root"; }
trap finish EXIT

echo "An empty Debian 12 in $root"
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1 || {
  tail -n 5 "$root.log" >&2
  exit 1
}
rm -f "$root.log"
npm install --silent --no-audit --no-fund --prefix "$root/opt/node" node@20 npm@10
cp /etc/resolv.conf /etc/hosts "$root/etc/"

# Certificates that this machine trusts beside the usual ones, where its variables name them.
passed=()
for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE DENO_CERT; do
  file=${!name:-}
  [ -f "$file" ] || continue
  install -D -m 644 "$file" "$root/opt/certificates/$name"
  passed+=("$name=/opt/certificates/$name")
done

photos="/srv/my photos"
mkdir -p "$root$photos" "$root/srv/home" "$root/opt/shortcut"
npx -y "$deno" task --config "$here/deno.json" package "$root/opt/shortcut"
git clone --quiet "file://$here" "$root/opt/clone"

# Runs a script in the empty Debian, with its own processes; they end with it.
inside() {
  unshare --mount --pid --fork -- bash -c '
    mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"
    exec chroot "$@"' inside "$root" env -i HOME=/srv/home TERM=dumb NO_COLOR=1 "${passed[@]}" \
    PATH=/opt/node/node_modules/.bin:/srv/home/.deno/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -euc "cd '$photos'; $1" <&-
}

# npx takes a path for a package only where it begins with a dot.
way_npx="cp /opt/shortcut/shortcut-*.tgz .; npx -y ./shortcut-*.tgz restore 'a photo.webp' --task sr4 --steps 6"
way_global="npm install --silent --global --prefix /opt/deno $deno; export PATH=/opt/deno/bin:\$PATH
  deno install --quiet --global --force -A --name shortcut /opt/clone/package/shortcut.ts
  shortcut restore 'a photo.webp' --task sr4 --steps 6"
way_clone="npx -y $deno task --config /opt/clone/deno.json restore 'a photo.webp' --task sr4 --steps 6"

summary=
failed=0
inside 'echo "Node $(node --version), npm $(npm --version)"'
for way in "${ways[@]}"; do
  rm -rf "$root$photos"/*
  cp "$here/tests/cases/other-formats/picture.webp" "$root$photos/a photo.webp"
  script=way_$way
  echo "== $way: ${!script}"
  start=$SECONDS
  code=0
  inside "${!script}" || code=$?
  result="no result"
  [ -s "$root$photos/a photo-restored.png" ] && result="a photo-restored.png"
  [ "$code" = 0 ] && [ "$result" != "no result" ] || failed=1
  summary+="$way: exit code $code, $result, $((SECONDS - start)) s"$'\n'
done
printf '\n%s' "$summary"
exit "$failed"
