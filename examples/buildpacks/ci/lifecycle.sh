#!/bin/sh
# Runs a phase of the lifecycle: in the builder, or in the image that IMAGE names, on what the phases before left in cnb/.
# Usage: ci/lifecycle.sh PHASE [ARGUMENT...]
set -eu
phase=$1
shift

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
give_to() { as_root chown -R "$1" cnb; }

if [ -n "${REGISTRY_TOKEN:-}" ]; then
  echo "$REGISTRY_TOKEN" | docker login "${REPOSITORY%%/*}" --username "$REGISTRY_USER" --password-stdin
fi
logins=${DOCKER_CONFIG:-$HOME/.docker}
mkdir -p "$logins" cnb/layers
[ -d cnb/workspace ] || cp -R web cnb/workspace

give_to 1000:1000
set -- "${IMAGE:-$BUILDER}" "/cnb/lifecycle/$phase" "$@"
case $phase in
  # These run what buildpacks and the application bring: as the builder's user, and without logins.
  detector | builder) user=1000:1000 ;;
  # These speak to registries, and give up root's rights by themselves once they have read the logins.
  *)
    user=0:0
    set -- --env DOCKER_CONFIG=/logins --volume "$logins:/logins:ro" "$@"
    ;;
esac
# The restorer wants a /kaniko, though nothing here reads it.
docker run --rm --user "$user" --tmpfs /kaniko --env CNB_PLATFORM_API \
  --volume "$PWD/cnb/layers:/layers" --volume "$PWD/cnb/workspace:/workspace" "$@"
give_to "$(id -u):$(id -g)"
