#!/bin/bash
# Makes an instance fit to be a host: the ECS agent's settings, and the services that have the image on the disk before the
# agent starts and complete the launch hook. It runs in the golden AMI's build and in every instance's user data, and says
# the same twice.
set -euo pipefail

command -v aws >/dev/null || dnf install -y -q awscli-2

# Tags of images never move, so a cached image is the one. Of a task that has ended, its mounts go soon.
mkdir -p /etc/ecs /etc/hearth
cat >/etc/ecs/ecs.config <<'EOF'
ECS_WARM_POOLS_CHECK=true
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_ENABLE_TASK_IAM_ROLE=true
ECS_AWSVPC_BLOCK_IMDS=true
ECS_DISABLE_PRIVILEGED=true
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10m
EOF

cat >/usr/local/sbin/hearth-host <<'EOF'
#!/bin/bash
# usage: hearth-host prepare | ready
set -euo pipefail

# metadata answers with a value of the instance's metadata.
metadata() {
  local token
  token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# prepare closes the metadata service to containers, and has the image on the disk. Without the image tasks still start,
# later.
prepare() {
  local rule=(DOCKER-USER --in-interface docker+ --destination 169.254.169.254/32 --jump DROP)
  iptables --wait --check "${rule[@]}" 2>/dev/null || iptables --wait --insert "${rule[@]}"
  for _ in 1 2 3; do
    if { [[ $REGISTRY != *.dkr.ecr.* ]] || aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"; } &&
      docker pull --quiet "$IMAGE"; then
      return
    fi
    sleep 5
  done
  echo "no image yet: the first task on this host pulls $IMAGE"
}

# ready completes the launch hook for as long as the group may be waiting: when the host enters the warm pool, and when it
# comes out of it, which after a hibernation, or out of a pool that runs, is no boot.
ready() {
  local instance state completed='' tries=0
  instance=$(metadata instance-id)
  while [[ $completed != InService ]] && ((tries < 300)); do
    state=$(metadata autoscaling/target-lifecycle-state || true)
    if [[ -n $state && $state != "$completed" ]]; then
      if aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --lifecycle-hook-name "$HOOK" \
        --auto-scaling-group-name "$GROUP" --instance-id "$instance"; then
        completed=$state
        tries=0
      else
        tries=$((tries + 1)) # as after a reboot, when nobody waits
      fi
    fi
    sleep 2
  done
}

"$1"
EOF
chmod 0755 /usr/local/sbin/hearth-host

# Rules and logins do not outlive a reboot, and a warm pool stops its hosts: at each boot it is done again before the agent.
# Not at the first of a golden AMI's, which has not been told its image yet: user data does it then.
cat >/etc/systemd/system/hearth-prepare.service <<'EOF'
[Unit]
Description=Hearth: the image, and no metadata for containers
After=docker.service network-online.target
Wants=network-online.target
Requires=docker.service
Before=ecs.service
ConditionPathExists=/etc/hearth/host.env

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/hearth/host.env
ExecStart=/usr/local/sbin/hearth-host prepare
TimeoutStartSec=10min

[Install]
RequiredBy=ecs.service
EOF
cat >/etc/systemd/system/hearth-ready.service <<'EOF'
[Unit]
Description=Hearth: tells the group that this host is ready
Requires=hearth-prepare.service
After=hearth-prepare.service
ConditionPathExists=/etc/hearth/host.env

[Service]
EnvironmentFile=/etc/hearth/host.env
ExecStart=/usr/local/sbin/hearth-host ready
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable hearth-prepare.service hearth-ready.service
