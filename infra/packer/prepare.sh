#!/bin/bash
# What the golden AMI has beside host.sh. IMAGE and AWS_REGION are in the environment; it runs as root.
set -euo pipefail

# Agents are kept apart by Landlock: an AMI without it is of no use.
if ! grep -qw landlock /sys/kernel/security/lsm; then
  echo "this kernel, $(uname -r), has no Landlock: take an AMI of Amazon Linux 2023 from August 2025 or later" >&2
  exit 1
fi

systemctl start docker
registry=${IMAGE%%/*}
aws ecr get-login-password | docker login --username AWS --password-stdin "$registry"
docker pull --quiet "$IMAGE"
docker logout "$registry"

# Of cloud-init a host needs its name, its whole disk, and user data. Nobody logs in, so there are no keys and no users.
cat >/etc/cloud/cloud.cfg.d/99_hearth.cfg <<'EOF'
cloud_init_modules: [seed_random, growpart, resizefs, set_hostname, update_hostname]
cloud_config_modules: []
cloud_final_modules: [scripts-user]
EOF
cloud-init schema --config-file /etc/cloud/cloud.cfg.d/99_hearth.cfg || true # what it thinks is in the build's log

# A host begins its own life: no cluster, no logs and no identity of this machine's.
systemctl stop ecs
rm -rf /var/lib/ecs/data/* /var/log/ecs/* /etc/machine-id
touch /etc/machine-id
cloud-init clean --logs
sync
