# shellcheck shell=bash
# The rest of the user data: joins the cluster. CLUSTER, GROUP, HOOK, IMAGE, REGISTRY and REGION stand before it. The ECS agent
# starts after user data, and after a reboot after hearth-prepare.
echo "ECS_CLUSTER=${CLUSTER:?}" >>/etc/ecs/ecs.config
cat >/etc/hearth/host.env <<EOF
GROUP=${GROUP:?}
HOOK=${HOOK:?}
IMAGE=${IMAGE:?}
REGISTRY=${REGISTRY:?}
AWS_REGION=${REGION:?}
EOF
systemctl start hearth-prepare.service
systemctl start --no-block hearth-ready.service
